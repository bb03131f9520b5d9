"""sbatch's long options: which there are, of which kind, and the ``#SBATCH`` lines that they become.

Source: ``sbatch --help`` and man sbatch of 22.05 to 24.11.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from enum import Enum

from hyperherd import units
from hyperherd.errors import Fault, nearest

Value = str | int | bool | None


class Kind(Enum):
    """What an option takes. OPTIONAL: a value or nothing (``--exclusive``, ``--exclusive=user``)."""

    TEXT = "text"
    INT = "a whole number"
    FLAG = "true or false"
    OPTIONAL = "true, or text"
    TIME = "a time"
    MEMORY = "an amount of memory"


_NAMES = {
    Kind.TEXT: (
        "account acctg_freq batch bb bbf begin cluster_constraint constraint container container_id "
        "cpu_freq deadline delay_boot dependency distribution exclude export_file extra extra_node_info gid "
        "gpu_bind gpu_freq gpus gpus_per_node gpus_per_socket gpus_per_task gres gres_flags hint input "
        "kill_on_invalid_dep licenses mail_type mail_user mcs_label mem_bind network nodefile nodelist nodes "
        "partition power prefer priority profile qos reservation resv_ports signal switches tres_bind "
        "tres_per_task uid wait_all_nodes wckey"
    ),
    Kind.INT: (
        "core_spec cores_per_socket cpus_per_gpu cpus_per_task mincpus ntasks ntasks_per_core ntasks_per_gpu "
        "ntasks_per_node ntasks_per_socket sockets_per_node thread_spec threads_per_core"
    ),
    Kind.FLAG: "contiguous hold no_requeue overcommit reboot requeue spread_job use_min_nodes",
    Kind.OPTIONAL: "exclusive get_user_env nice no_kill oversubscribe propagate segment stepmgr",
    Kind.TIME: "time time_min",
    Kind.MEMORY: "mem mem_per_cpu mem_per_gpu tmp",
}
KINDS = {name: kind for kind, names in _NAMES.items() for name in names.split()}
"""Option by its name with ``_`` -> its kind."""

REFUSED = {
    "array": "herd chooses the array; the most at once is 'max_concurrent'",
    "chdir": "trials run in the workspace",
    "clusters": "herd submits to the cluster of the machine that it runs on",
    "comment": "herd finds its jobs by it",
    "error": "herd writes the logs under .hyperherd/logs",
    "export": "herd exports the environment of the trials; '.env' adds to it",
    "help": "it submits nothing",
    "ignore_pbs": "the script is herd's",
    "job_name": "it is hyperherd_<name>",
    "open_mode": "herd appends to logs",
    "output": "herd writes the logs under .hyperherd/logs",
    "parsable": "herd reads what sbatch prints",
    "quiet": "herd reads what sbatch prints",
    "test_only": "it submits nothing; 'herd run --dry-run' shows what would be",
    "usage": "it submits nothing",
    "verbose": "herd reads what sbatch prints",
    "version": "it submits nothing",
    "wait": "'herd run --wait' waits",
    "wrap": "the launch script is 'launcher'",
}
"""Options of sbatch that herd sets itself, or that would keep it from working; with the reason."""

_SHORT = {
    "a": "array",
    "D": "chdir",
    "M": "clusters",
    "e": "error",
    "J": "job_name",
    "o": "output",
    "W": "wait",
    "Q": "quiet",
    "V": "version",
    "h": "help",
    "v": "verbose",
}
_SHORT_FLAGS = "hHIkOQsvVW"
"""Those that take no value, and may stand together in one word."""

_PLAIN = re.compile(r"[A-Za-z0-9@%+=:,./_\[\]*&|!()<>{}~^-]+")


def faults(options: Mapping[str, Value]) -> list[Fault]:
    """What sbatch would refuse, or would take for something else; ``where`` is ``slurm.<name>``."""
    return [
        Fault(f"slurm.{name}", *fault) for name, value in options.items() if (fault := _fault(name, value))
    ]


def _fault(name: str, value: Value) -> tuple[str, str] | None:
    if name in REFUSED:
        return f"'{name}' cannot be set here", REFUSED[name]
    if name not in KINDS:
        dashed = name.replace("-", "_")
        hint = f"write it '{dashed}'" if dashed in KINDS else nearest(name, KINDS)
        return f"sbatch has no option '--{name.replace('_', '-')}'", hint
    if value is None or value is False:
        return None
    if "\n" in str(value) or "\r" in str(value):
        return f"{value!r} has a line break, and an #SBATCH line must not", ""
    return _CHECKS[KINDS[name]](str(value) if value is not True else True)


def _text_fault(value: str | bool) -> tuple[str, str] | None:
    return ("it needs a value", "") if value is True or value == "" else None


def _int_fault(value: str | bool) -> tuple[str, str] | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return None
    return f"{_shown(value)} is not a whole number", ""


def _flag_fault(value: str | bool) -> tuple[str, str] | None:
    return None if value is True else (f"{_shown(value)} is neither true nor false", "it takes no value")


def _optional_fault(value: str | bool) -> tuple[str, str] | None:
    return ("it is empty", "write true, or leave it out") if value == "" else None


def _time_fault(value: str | bool) -> tuple[str, str] | None:
    hint = "minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes[:seconds]"
    if value is True:
        return "it needs a value", hint
    try:
        units.seconds_of_limit(str(value))
    except ValueError:
        return f"{_shown(value)} is not a time that sbatch reads", hint
    return None


def _memory_fault(value: str | bool) -> tuple[str, str] | None:
    text = str(value)
    try:
        units.bytes_asked(text)
    except ValueError:
        return f"{_shown(value)} is not an amount of memory that sbatch reads", _memory_hint(text)
    return None


def _memory_hint(text: str) -> str:
    """The right form of an amount, such as ``12288M`` of ``12.0 GiB``.

    >>> _memory_hint("12.00G"), _memory_hint("1.5 GB"), _memory_hint("lots")
    ("write '12G'", "write '1536M'", 'a whole number with K, M, G or T, such as 32G')
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?\s*", text, re.IGNORECASE)
    if not match:
        return "a whole number with K, M, G or T, such as 32G"
    amount, order = float(match[1]), "KMGT".index(match[2].upper() or "M")
    while order and amount != int(amount):
        amount, order = amount * 1024, order - 1
    return f"write '{round(amount)}{'KMGT'[order]}'"


def _shown(value: str | bool) -> str:
    return "true" if value is True else repr(value)


_CHECKS = {
    Kind.TEXT: _text_fault,
    Kind.INT: _int_fault,
    Kind.FLAG: _flag_fault,
    Kind.OPTIONAL: _optional_fault,
    Kind.TIME: _time_fault,
    Kind.MEMORY: _memory_fault,
}


def extra_faults(extra_args: Iterable[str]) -> list[Fault]:
    """Raw ``#SBATCH`` words that would change what herd itself sets.

    >>> [str(fault) for fault in extra_faults(["--gres=gpu:1", "-J other"])]
    ["slurm.extra_args: '-J other' cannot be set here\\n    it is hyperherd_<name>"]
    """
    found: list[Fault] = []
    for text in extra_args:
        words = _words(text)
        if not words or "\n" in text or not words[0].startswith("-"):
            found.append(
                Fault("slurm.extra_args", f"{text!r} is not an option", "write it as '--name=value'")
            )
            continue
        names = (name for word in words for name in _options_of(word) if name in REFUSED)
        if name := next(names, None):
            found.append(Fault("slurm.extra_args", f"'{text}' cannot be set here", REFUSED[name]))
    return found


def _words(text: str) -> list[str]:
    """The words of a raw line as sbatch splits it; none where a quote is not closed."""
    try:
        return shlex.split(text.strip().removeprefix("#SBATCH"), comments=True)
    except ValueError:
        return []


def _options_of(word: str) -> list[str]:
    """The names with ``_`` of the options in a word, as getopt reads it: a long one by any beginning that is its alone,
    and several short ones together.

    >>> _options_of("--err=x"), _options_of("-Hofile"), _options_of("gpu:1")
    (['error'], ['output'], [])
    """
    if word.startswith("--"):
        name = word[2:].partition("=")[0].replace("-", "_")
        matches = [known for known in [*KINDS, *REFUSED] if known.startswith(name)]
        return [matches[0] if name not in KINDS and len(matches) == 1 else name]
    if not word.startswith("-"):
        return []
    flags = word[1:][: len(word) - 1 - len(word[1:].lstrip(_SHORT_FLAGS))]
    letters = [*flags, word[1 + len(flags) :][:1]]
    return [_SHORT[letter] for letter in letters if letter in _SHORT]


def lines(options: Mapping[str, Value]) -> list[str]:
    """``#SBATCH`` lines, in order; True is a bare flag, False and None give no line.

    >>> print("\\n".join(lines({"time": 60, "exclusive": True, "qos": None, "prefer": 'a "b" #'})))
    #SBATCH --time=60
    #SBATCH --exclusive
    #SBATCH --prefer="a \\"b\\" #"
    """
    return [line(name, value) for name, value in options.items() if value is not None and value is not False]


def line(name: str, value: str | int | bool) -> str:
    """One ``#SBATCH`` line."""
    option = name.replace("_", "-")
    return f"#SBATCH --{option}" if value is True else f"#SBATCH --{option}={quoted(str(value))}"


def quoted(value: str) -> str:
    """A word of an ``#SBATCH`` line: quotes, backslashes and ``#`` mean something to sbatch there."""
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def seconds(value: Value) -> float | None:
    """The time limit that an option asks for; None where it asks for none or cannot be read."""
    if value is None or isinstance(value, bool):
        return None
    try:
        return units.seconds_of_limit(str(value))
    except ValueError:
        return None
