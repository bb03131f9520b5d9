"""Lists of sbatch's options, by their long names with ``_``: what some of them have in common. Nothing but names.

Which options there are, and of which kind, `options` says. Source: man sbatch of 22.05 to 24.11.
"""

from __future__ import annotations

from collections.abc import Mapping

MEMORY = ("mem", "mem_per_cpu", "mem_per_gpu")
"""They ask for memory; sbatch takes one of them."""

REQUEUE = ("requeue", "no_requeue")
"""Whether Slurm may queue a job again; sbatch takes one of them."""

ONE_OF = (frozenset(MEMORY), frozenset(REQUEUE))
"""Options of which sbatch takes one."""

GPUS = ("gpus", "gpus_per_node", "gpus_per_task", "gpus_per_socket")
"""They ask for GPUs, as ``gres`` may."""

TASKS = ("nodes", "ntasks", "ntasks_per_node", "ntasks_per_socket", "ntasks_per_core", "ntasks_per_gpu")
"""They say how many processes a job is. ``ntasks`` alone decides where it is given."""

SAID_BY_REQUEUE = ("signal", *REQUEUE)
"""What herd itself sets where a sweep has ``requeue``."""

OF_A_CLUSTER = ("partition", "account", "qos", "reservation")
"""They mean nothing but on a cluster, and mostly on one."""

NOT_FOR_A_SHORT_JOB = (
    *("time_min", "signal", "begin", "deadline", "dependency", "hold", "mail_type", "mail_user"),
    "requeue",
)
"""They say when a job starts, or what comes before its end."""

TALK = frozenset({"parsable", "quiet", "verbose"})
"""They change what sbatch says."""

DESCRIBED = ("partition", "account", "qos", "constraint", "reservation")
"""They may stand in the description of a machine by the same name."""

WRITTEN: Mapping[str, tuple[str, ...]] = {
    "mem": ("mem_gb",),
    "time": ("timeout_min", "time_limit"),
    "ntasks_per_node": ("tasks_per_node",),
}
"""Options that have other names in a description."""

REFUSED = {
    "array": "herd writes it; for the most at once: max_concurrent",
    "clusters": "herd submits to the cluster of the machine that it runs on",
    "error": "herd keeps the logs in .hyperherd/logs",
    "help": "it submits nothing",
    "job_name": "it is hyperherd_<name>, from the sweep's name",
    "output": "herd keeps the logs in .hyperherd/logs",
    "test_only": "it submits nothing; 'herd run -n' asks Slurm so",
    "usage": "it submits nothing",
    "version": "it submits nothing",
    "wait": "'herd run --wait' waits",
    "wrap": "the launch script is 'launcher'",
}
"""Options that herd sets itself, or that would keep it from working; with what to do instead."""

BARE = frozenset({"help", "test_only", "usage", "version", "wait"})
"""Options of `REFUSED` that take no value."""

APART = frozenset({*REFUSED, "chdir"})
"""Options of a script that are not handed on to sbatch as they stand."""

IN_ITS_PLACE = {
    "output": "each trial's output goes to a file of its own",
    "error": "each trial's output goes to a file of its own",
    "wait": "herd multirun --wait waits",
}
"""Options of a user's own script that are left out, with what happens instead."""

NOT_IN_A_SCRIPT = {
    "clusters": "log in to that cluster, and run it there",
    "help": "it submits nothing; take it out",
    "test_only": "it submits nothing; herd multirun -n shows what would be",
    "usage": "it submits nothing; take it out",
    "version": "it submits nothing; take it out",
}
"""Options that no user's own script can keep, with what to do instead."""

SHORT = {
    "A": "account",
    "a": "array",
    "b": "begin",
    "B": "extra_node_info",
    "C": "constraint",
    "c": "cpus_per_task",
    "D": "chdir",
    "d": "dependency",
    "e": "error",
    "F": "nodefile",
    "G": "gpus",
    "H": "hold",
    "h": "help",
    "i": "input",
    "J": "job_name",
    "k": "no_kill",
    "L": "licenses",
    "M": "clusters",
    "m": "distribution",
    "N": "nodes",
    "n": "ntasks",
    "O": "overcommit",
    "o": "output",
    "p": "partition",
    "Q": "quiet",
    "q": "qos",
    "S": "core_spec",
    "s": "oversubscribe",
    "t": "time",
    "V": "version",
    "v": "verbose",
    "W": "wait",
    "w": "nodelist",
    "x": "exclude",
}
"""Options by one letter."""

SHORT_FLAGS = "hHIkOQsvVW"
"""Those that take no value, and may stand together in one word."""

SET_BY_HERD = frozenset(
    {"ARRAY_INX", "CLUSTERS", "COMMENT", "DEBUG", "ERROR", "EXPORT", "GET_USER_ENV", "IGNORE_PBS", "INPUT"}
    | {"JOB_NAME", "NO_REQUEUE", "OPEN_MODE", "OUTPUT", "REQUEUE", "WAIT"}
)
"""The ends of ``SBATCH_*`` variables that would overrule what herd sets (man sbatch, INPUT ENVIRONMENT VARIABLES)."""

_MEMORY_IN_ENVIRONMENT = frozenset({"MEM_PER_CPU", "MEM_PER_GPU", "MEM_PER_NODE"})

ENVIRONMENT_OF = {
    "time": frozenset({"TIMELIMIT"}),
    **dict.fromkeys(MEMORY, _MEMORY_IN_ENVIRONMENT),
    "switches": frozenset({"REQ_SWITCH", "WAIT4SWITCH"}),
}
"""``SBATCH_*`` variables that are not named as the option is."""
