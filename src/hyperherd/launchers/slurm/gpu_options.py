"""sbatch's options that ask for GPUs: it takes one way of asking, or several that agree."""

from __future__ import annotations

from collections.abc import Mapping

from hyperherd import units
from hyperherd.jobs import NativeValue as Value
from hyperherd.launchers.slurm import options as sbatch
from hyperherd.launchers.slurm.option_table import GPUS


def merged(under: Mapping[str, Value], over: Mapping[str, Value]) -> dict[str, Value]:
    """Options where ``over`` wins; where it asks for GPUs, ``under`` asks for none.

    >>> merged({"gres": "gpu:a100:1,lscratch:9", "gpus": 1, "mem": "8G"}, {"gpus_per_node": 2, "mem_per_cpu": "1G"})
    {'gres': 'lscratch:9', 'gpus_per_node': 2, 'mem_per_cpu': '1G'}
    """
    return sbatch.merged(without(under) if _asks(over) else under, over)


def without(options: Mapping[str, Value]) -> dict[str, Value]:
    """The same, but for GPUs."""
    kept = {name: value for name, value in options.items() if name not in (*GPUS, "gres")}
    others = [word for word in _gres(options) if not _is_gpu(word)]
    return {**({"gres": ",".join(others)} if others else {}), **kept}


def name(gres: str) -> str:
    """What Slurm calls the one type of GPU that a gres asks for; "" where it names no type, or several.

    >>> name("gpu:l40s:2,lscratch:9"), name("gpu:2"), name("gpu:a40:1,gpu:t4:1"), name("gpu:a100")
    ('gpu:l40s', '', '', 'gpu:a100')
    """
    types = {word.split(":")[1] for word in gres.split(",") if _is_gpu(word) and ":" in word}
    named = {word for word in types if not word.isdigit()}
    return f"gpu:{named.pop()}" if len(types) == len(named) == 1 else ""


def count(options: Mapping[str, Value]) -> int:
    """GPUs for one job; the largest number where several options speak of them.

    >>> count({"gres": "nvme:1,gpu:a100:2"}), count({"gpus": "a100:1,h100:2"}), count({"gpus_per_node": 4})
    (2, 3, 4)
    >>> count({"gpus_per_task": "1", "ntasks_per_node": 2}), count({"gres": "gpu"}), count({"gpus": None})
    (2, 1, 0)
    """
    tasks = _text(options.get("ntasks")) or _text(options.get("ntasks_per_node"))
    each = {"gpus_per_task": int(tasks) if tasks.isdigit() else 1}
    counts = [units.gpus_asked(_text(options.get(name))) * each.get(name, 1) for name in GPUS]
    return max(*counts, units.gpus_asked(",".join(filter(_is_gpu, _gres(options)))))


def _text(option: Value) -> str:
    return str(option) if sbatch.is_asked(option) else ""


def _asks(options: Mapping[str, Value]) -> bool:
    return any(options.get(name) is not None for name in GPUS) or any(map(_is_gpu, _gres(options)))


def _gres(options: Mapping[str, Value]) -> list[str]:
    return [word for word in str(options.get("gres") or "").split(",") if word]


def _is_gpu(word: str) -> bool:
    return word.removeprefix("gres:").replace("/", ":").partition(":")[0] == "gpu"
