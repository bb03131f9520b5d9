"""What a job asks of the cluster: partition, account, time, memory, processors, GPUs; refused in sbatch's words."""

from fakeslurm import words
from fakeslurm.program import RefusedError

NODES = {"n1": 16, "n2": 16, "n3": 16, "n4": 16}
"""Node -> processors, as on the real test cluster."""
NODE_MEMORY_MB = 20000
MEMORY_PER_CPU_MB = 1000
"""DefMemPerCPU of the real test cluster."""

_FAILED = "sbatch: error: Batch job submission failed: "


def read(knobs, asked):
    """The part of job.json that is about resources."""
    partition = _partition(knobs, asked.get("partition"))
    qos = _qos(knobs, asked.get("qos"))
    longest = words.minutes(knobs["partitions"][partition.split(",")[0]].get("max_time", "UNLIMITED"))
    wall = words.minutes(knobs["qos"].get(qos, {}).get("max_wall", "UNLIMITED"))
    asked_minutes = _time(asked.get("time"))
    _known_features(asked)
    job = {
        "partition": partition,
        "account": _account(knobs, asked.get("account")),
        "qos": qos,
        "time_limit": (wall or longest) if asked_minutes is None else asked_minutes,
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
    job["never"] = _never(job, longest, wall)
    return job


def _never(job, longest, wall):
    """Slurm's reason why a job that it accepted will not start; an empty string for one that will."""
    if job["nodes"] > len(NODES):
        return "PartitionNodeLimit"
    if cpus(job) > max(NODES.values()) * job["nodes"]:
        return "PartitionConfig"
    if longest is not None and (job["time_limit"] or longest) > longest:
        return "PartitionTimeLimit"
    if wall is not None and (job["time_limit"] or wall) > wall:
        return "QOSMaxWallDurationPerJobLimit"
    return ""


def memory_mb(job):
    """What the job gets: --mem, --mem-per-cpu or the cluster's default for each processor."""
    if job["mem_mb"] is not None:
        return job["mem_mb"]
    per_cpu = job["mem_per_cpu_mb"] if job["mem_per_cpu_mb"] is not None else MEMORY_PER_CPU_MB
    return per_cpu * cpus(job)


def cpus(job):
    tasks = job["ntasks"] or (job["ntasks_per_node"] or 1) * job["nodes"]
    return tasks * (job["cpus_per_task"] or 1)


def _partition(knobs, name):
    if name is None:
        return next(name for name, about in knobs["partitions"].items() if about.get("default"))
    for part in name.split(","):
        if part not in knobs["partitions"]:
            raise RefusedError(
                f"sbatch: error: invalid partition specified: {part}\n{_FAILED}Invalid partition name specified"
            )
    return name


def _account(knobs, name):
    if name is None:
        return knobs["accounts"][0]
    if name not in knobs["accounts"] and not knobs["sacct"]["off"]:
        raise RefusedError(f"{_FAILED}Invalid account or account/partition combination specified")
    return name


def _qos(knobs, name):
    if name is not None and name not in knobs["qos"] and not knobs["sacct"]["off"]:
        raise RefusedError(f"{_FAILED}Invalid qos specification")
    return name or next(iter(knobs["qos"]))


def _known_features(asked):
    if asked.get("constraint"):
        raise RefusedError(f"{_FAILED}Invalid feature specification")
    if asked.get("reservation"):
        raise RefusedError(f"{_FAILED}Requested reservation is invalid")


def _time(text):
    """Minutes; None without limit."""
    if text is None or text == "0":
        return None
    try:
        return words.minutes(text)
    except ValueError as error:
        raise RefusedError("sbatch: error: Invalid --time specification", 255) from error


def _signal(text):
    """[number, seconds before the limit, the shell alone]; None where none is asked for."""
    if not text:
        return None
    name, _, before = text.partition("@")
    shell = name.upper().startswith(("B:", "BR:", "RB:"))
    number = words.signal_number(name.rpartition(":")[2])
    if number is None or not (before or "60").isdigit():
        raise RefusedError("sbatch: error: Invalid --signal specification", 255)
    return [number, int(before or 60), shell]


def _count(asked, name, default):
    text = asked.get(name)
    if text is None:
        return default
    digits = text.partition("-")[0]
    if not digits.isdigit() or int(digits) == 0:
        if name == "nodes":
            raise RefusedError(f"sbatch: error: Invalid node count `{text}'", 255)
        raise RefusedError(f'sbatch: error: Invalid numeric value "{text}" for --{name}.', 255)
    return int(digits)


def _memory(text, name):
    """Megabytes; None where none is asked for."""
    if text is None:
        return None
    try:
        mb = words.megabytes(text) if text != "0" else 0
    except ValueError as error:
        raise RefusedError(f"sbatch: error: Invalid --{name} specification", 255) from error
    if name == "mem" and mb > NODE_MEMORY_MB:
        raise RefusedError(
            "sbatch: error: Memory specification can not be satisfied\n"
            f"{_FAILED}Requested node configuration is not available"
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
            if part.partition(":")[2].rpartition(":")[0] not in ("", "t4"):
                raise RefusedError(f"{_FAILED}Requested node configuration is not available")
            count = max(count, _number_behind(part.partition(":")[2] or "1"))
        elif part and part != "none":
            raise RefusedError("sbatch: error: Invalid generic resource (gres) specification")
    if count > knobs["gpus_per_node"]:
        raise RefusedError(f"{_FAILED}Requested node configuration is not available")
    return count


def _number_behind(text):
    """``2``, ``a100:2`` -> 2; ``a100`` -> 1."""
    last = text.rpartition(":")[2]
    return int(last) if last.isdigit() else 1
