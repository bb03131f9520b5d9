"""Every Python block of experimaestro's page on launchers runs as it is, but for the package's name."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

import hyperherd
from hyperherd.launchers import DirectLauncher, DynamicLauncher, SlurmLauncher, SlurmOptions

from .conftest import on_slurm

DATA = Path(__file__).parent / "data"
PRIORITIES, CONFIG, DYNAMIC, AWARE, PARSING, FINDING = re.findall(
    r"^```python\n(.*?)^```", (DATA / "blocks.md").read_text(), flags=re.MULTILINE | re.DOTALL
)
FOUND = json.loads((DATA / "launchers.json").read_text())["find_seed_launchers_py"]
PARTITIONS = {'"fast"': '"gpu"', '"slow"': '"cpu"'}
"""What the test clusters have for the page's partitions."""

with_the_finder = pytest.mark.skipif(
    importlib.util.find_spec("hyperherd.launcherfinder") is None, reason="there is no launcherfinder yet"
)


def run(block: str, **given: Any) -> dict[str, Any]:
    """Run a block with the names that it leaves undefined; what it has defined."""
    text = block.replace("experimaestro", "hyperherd")
    for theirs, ours in PARTITIONS.items():
        text = text.replace(theirs, ours)
    names = {"experiment": hyperherd.experiment, "SlurmOptions": SlurmOptions, **given}
    exec(compile(text, "blocks.md", "exec"), names)
    return names


def mytask() -> hyperherd.Task:
    return hyperherd.Task("echo $SLURM_JOB_PARTITION ${CUDA_VISIBLE_DEVICES-none} >>ran")


def ran() -> list[str]:
    return sorted(Path("ran").read_text().splitlines())


def test_launchers_have_priorities() -> None:
    names = run(PRIORITIES)
    fast, slow = names["fast_launcher"], names["slow_launcher"]
    assert (fast.priority, slow.priority) == (10, 1)
    assert (fast.options.partition, slow.options.partition) == ("gpu", "cpu")


@on_slurm
@pytest.mark.usefixtures("surroundings")
def test_a_launcher_is_configured_for_other_jobs() -> None:
    names = run(CONFIG, mytask=mytask)
    assert names["launcher"].options == SlurmOptions(nodes=1)
    assert names["gpulauncher"].options == SlurmOptions(nodes=1, gpus_per_node=1)
    assert ran() == ["gpu 0", "gpu none"]


@on_slurm
@pytest.mark.usefixtures("surroundings")
def test_the_launcher_with_the_highest_priority_is_chosen() -> None:
    names = run(DYNAMIC, mytask=mytask)
    assert ran() == ["gpu none"]
    names["slow_partition"].priority = 11
    with hyperherd.experiment(launcher=names["dynamic"]):
        mytask().submit()
    assert ran() == ["cpu none", "gpu none"]
    chosen = {names["dynamic_sampled"].chosen() for _ in range(400)}
    assert chosen == {names["fast_partition"], names["slow_partition"]}


@on_slurm
@pytest.mark.usefixtures("surroundings")
def test_a_launcher_that_looks_at_the_cluster_falls_to_the_next_choice() -> None:
    available = [SlurmLauncher(partition="gpu")]
    lazy = SlurmLauncher(partition="cpu")
    names = run(AWARE, DynamicLauncher=DynamicLauncher, is_cluster_available=lambda one: one in available)
    with hyperherd.experiment(launcher=names["ClusterAwareLauncher"]([available[0], lazy])):
        first = mytask().submit()
        available[:] = [lazy]
        second = mytask().submit()
    assert first.launcher is not second.launcher is lazy
    assert ran() == ["cpu none", "gpu none"]


@with_the_finder
def test_requirements_are_parsed() -> None:
    (only,) = run(PARSING)["req"].requirements
    assert only.duration == 2 * 3600
    assert [accelerator.memory for accelerator in only.accelerators] == [4 * 2**30]


@with_the_finder
@pytest.mark.parametrize("row", FOUND, ids=lambda row: row["spec"])
def test_the_launchers_file_finds_what_users_get_today(row: dict[str, Any]) -> None:
    from hyperherd.launcherfinder.parser import parse

    found = run(FINDING)["find_launcher"](parse(row["spec"]))
    assert (found and type(found).__name__) == row["launcher"]
    assert isinstance(found, (SlurmLauncher, DirectLauncher, type(None)))
    assert (found.options.args() if isinstance(found, SlurmLauncher) else None) == row["args"]
