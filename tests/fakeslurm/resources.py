"""What a job asks of the cluster: partition, account, time, memory, processors, GPUs; refused in sbatch's words."""

from fakeslurm import words
from fakeslurm.program import Refused

NODES = {"n1": 16, "n2": 16, "n3": 16, "n4": 16}
"""Node -> processors, as on the real test cluster."""
NODE_MEMORY_MB = 20000

_FAILED = "sbatch: error: Batch job submission failed: "


def read(knobs, asked):
    """The part of job.json that is about resources."""
    time_limit = _time(asked.get("time"))
    return {
        "partition": _partition(knobs, asked.get("partition")),
        "account": _account(knobs, asked.get("account")),
        "qos": _qos(knobs, asked.get("qos")),
        "time_limit": time_limit,
        "signal": _signal(asked.get("signal")),
        "nodes": _count(asked, "nodes", 1),
        "ntasks": _count(asked, "ntasks", None),
        "ntasks_per_node": _count(asked, "ntasks-per-node", None),
        "cpus_per_task": _count(asked, "cpus-per-task", None),
        "mem_mb": _memory(asked.get("mem"), "mem"),
        "mem_per_cpu_mb": _memory(asked.get("mem-per-cpu"), "mem-per-cpu"),
        "gres": asked.get("gres", ""),
        "gpus": _gpus(knobs, asked),
    }


def cpus(job):
    tasks = job["ntasks"] or (job["ntasks_per_node"] or 1) * job["nodes"]
    return tasks * (job["cpus_per_task"] or 1)


def _partition(knobs, name):
    if name is None:
        return next(name for name, about in knobs["partitions"].items() if about.get("default"))
    for part in name.split(","):
        if part not in knobs["partitions"]:
            raise Refused(
                f"sbatch: error: invalid partition specified: {part}\n{_FAILED}Invalid partition name specified"
            )
    return name


def _account(knobs, name):
    if name is None:
        return knobs["accounts"][0]
    if name not in knobs["accounts"]:
        raise Refused(f"{_FAILED}Invalid account or account/partition combination specified")
    return name


def _qos(knobs, name):
    if name is not None and name not in knobs["qos"]:
        raise Refused(f"{_FAILED}Invalid qos specification")
    return name or knobs["qos"][0]


def _time(text):
    """Minutes; None without limit."""
    if text is None or text == "0":
        return None
    try:
        return words.minutes(text)
    except ValueError as error:
        raise Refused("sbatch: error: Invalid --time specification") from error


def _signal(text):
    """[number, seconds before the limit, the shell alone]; None where none is asked for."""
    if not text:
        return None
    name, _, before = text.partition("@")
    shell = name.upper().startswith(("B:", "BR:", "RB:"))
    number = words.signal_number(name.rpartition(":")[2])
    if number is None or not (before or "60").isdigit():
        raise Refused("sbatch: error: Invalid --signal specification")
    return [number, int(before or 60), shell]


def _count(asked, name, default):
    text = asked.get(name)
    if text is None:
        return default
    digits = text.partition("-")[0]
    if not digits.isdigit() or int(digits) == 0:
        wrong = "node count" if name == "nodes" else f"numeric value for --{name}"
        raise Refused(
            f'sbatch: error: Invalid numeric value "{text}" for --{name}.'
            if name != "nodes"
            else f"sbatch: error: invalid {wrong} `{text}'"
        )
    return int(digits)


def _memory(text, name):
    """Megabytes; None where none is asked for."""
    if text is None:
        return None
    try:
        mb = words.megabytes(text) if text != "0" else 0
    except ValueError as error:
        raise Refused(f"sbatch: error: Invalid --{name} specification") from error
    if name == "mem" and mb > NODE_MEMORY_MB:
        raise Refused(
            f"sbatch: error: Memory specification can not be satisfied\n{_FAILED}Requested node configuration is not available"
        )
    return mb


def _gpus(knobs, asked):
    """GPUs of one job, all on one node."""
    count = 0
    for name, times in (("gpus", 1), ("gpus-per-node", 1), ("gpus-per-task", int(asked.get("ntasks", 1)))):
        if name in asked:
            count = max(count, _number_behind(asked[name]) * times)
    for part in asked.get("gres", "").split(","):
        if part.split(":")[0] == "gpu":
            count = max(count, _number_behind(part.partition(":")[2] or "1"))
        elif part and part != "none":
            raise Refused(f"{_FAILED}Invalid generic resource (gres) specification")
    if count > knobs["gpus_per_node"]:
        raise Refused(f"{_FAILED}Requested node configuration is not available")
    return count


def _number_behind(text):
    """``2``, ``a100:2`` -> 2; ``a100`` -> 1."""
    last = text.rpartition(":")[2]
    return int(last) if last.isdigit() else 1
