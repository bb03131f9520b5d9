"""WHICH machine is chosen, in which order, and what is said of those that are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requirements.strategies import small_hosts, small_requirements

from hyperherd.launcherfinder import choice, configuration, finder
from hyperherd.launcherfinder.configuration import Sources
from hyperherd.launcherfinder.finder import Reach
from hyperherd.launcherfinder.hosts import Host
from hyperherd.launchers import DirectLauncher, SlurmLauncher
from hyperherd.launchers.base import Launcher
from hyperherd.requirements import CPUSpecification, CudaSpecification, HostSpecification, RequirementUnion
from hyperherd.requirements.parser import parse

from .described import patient, told, write

GIB = 2**30
EVERYWHERE = Reach()


def machine(
    name: str, *gpus: int, priority: float = 0, tags: str = "", cluster: str = "", launcher: str = "slurm"
) -> Host:
    """With GPUs of so many GiB each."""
    has = HostSpecification(
        CPUSpecification(64 * GIB, 16), [CudaSpecification(size * GIB) for size in gpus], priority=priority
    )
    return Host(name, launcher, has, ("",) * len(gpus), cluster=cluster, tags=frozenset(tags.split()))


def order(requirement: str, *described: Host) -> list[str]:
    """The names of those that fit, the best first."""
    return [one.host.name for one in finder.judge(parse(requirement), described, EVERYWHERE) if one.meets]


def test_the_first_alternative_that_anybody_meets_stands_above_priority() -> None:
    small, big = machine("small", 24, priority=9), machine("big", 80)
    assert order("cuda(mem=60GiB) | cuda(mem=20GiB)", small, big) == ["big", "small"]
    assert order("cuda(mem=20GiB) | cuda(mem=60GiB)", small, big) == ["small", "big"]
    assert order("cuda(mem=99GiB) | cuda(mem=20GiB)", big, small) == ["small", "big"]


def test_then_the_highest_priority() -> None:
    assert order("cuda()", machine("a", 24, priority=1), machine("b", 80, priority=1.5)) == ["b", "a"]


def test_then_the_one_that_wastes_least_accelerator_memory() -> None:
    assert order("cuda(mem=20GiB)", machine("a", 80), machine("b", 24), machine("c", 48)) == ["b", "c", "a"]
    assert order("cpu(cores=1)", machine("a", 24, 24), machine("b"), machine("c", 24)) == ["b", "c", "a"]
    # What counts is what the job gets, not what else is in the machine.
    assert order("cuda(mem=20GiB)", machine("a", 48), machine("b", 24, 80)) == ["b", "a"]


def test_then_the_order_of_the_file() -> None:
    assert order("cuda()", machine("b", 24), machine("a", 24), machine("c", 24)) == ["b", "a", "c"]


@patient
@given(
    st.lists(small_requirements, min_size=1, max_size=3).map(lambda few: RequirementUnion(*few)),
    st.lists(small_hosts, min_size=1, max_size=5),
)
def test_who_is_chosen_fits_and_nobody_of_a_higher_rank_does(
    requirement: RequirementUnion, machines: list[HostSpecification]
) -> None:
    described = [Host(str(n), "slurm", has, ("",) * len(has.accelerators)) for n, has in enumerate(machines)]
    verdicts = finder.judge(requirement, described, EVERYWHERE)
    assert sorted(one.host.name for one in verdicts) == sorted(host.name for host in described)
    fitting = [one for one in verdicts if one.meets]
    assert verdicts[: len(fitting)] == fitting
    for one in verdicts:
        first = next(
            (n for n, each in enumerate(requirement.requirements) if each.match(one.host.specification)), None
        )
        assert (one.meets is not None) == (first is not None)
        if one.meets:
            assert (one.place, one.refusals) == (first, ())
        else:
            assert len(one.refusals) == len(requirement.requirements)
    ranks = [(one.place, -one.host.specification.priority) for one in fitting]
    assert ranks == sorted(ranks)


def test_nobody_is_told_with_a_line_for_each_machine() -> None:
    described = [machine("small", 24), machine("none")]
    need = parse("cuda(mem=40GiB) | cpu(cores=99)")
    with told(
        "no machine that is described",
        str(need),
        "\n  small  ",
        "\n  none   ",
        "40GiB",
        "; or ",
    ):
        finder.find(finder.judge(need, described, EVERYWHERE), need)


def test_tags_are_all_wanted() -> None:
    described = [machine("a", tags="x"), machine("b", tags="x y"), machine("c")]
    verdicts = {
        one.host.name: one for one in finder.judge(parse("cpu(cores=1)"), described, EVERYWHERE, ["x", "y"])
    }
    assert [name for name, one in verdicts.items() if one.meets] == ["b"]
    assert verdicts["a"].refusals == ["has no tag y"]
    assert verdicts["c"].refusals == ["has no tag x and no tag y"]


def test_machines_of_another_cluster_cannot_be_reached() -> None:
    described = [machine("here", cluster="a"), machine("there", cluster="b"), machine("any")]
    verdicts = finder.judge(parse("cpu(cores=1)"), described, Reach(cluster="a"))
    assert {one.host.name for one in verdicts if one.meets} == {"here", "any"}
    assert verdicts[-1].refusals == ["is on cluster b, this is a"]
    assert len([one for one in finder.judge(parse("cpu(cores=1)"), described, Reach()) if one.meets]) == 3


# --- of those launchers that there are here --------------------------------------------------------------------------

HOSTS = """\
hosts:
  gpu: {cores: 8, accelerators: {memory: 24GiB}}
  desk: {launcher: local, cores: 2, priority: 5}
"""
HERE: Mapping[str, Launcher] = {"local": DirectLauncher()}
BOTH: Mapping[str, Launcher] = {**HERE, "slurm": SlurmLauncher()}


def chosen(requirement: str, launchers: Mapping[str, Launcher] = BOTH, kind: str = "") -> str:
    return choice.Chooser(Sources(), launchers, kind).choose(parse(requirement)).host


def test_on_leaves_the_other_launcher_out() -> None:
    write(configuration.folder() / "launchers.yaml", HOSTS)
    assert (chosen("cpu(cores=2)"), chosen("cpu(cores=2)", kind="slurm")) == ("desk", "gpu")
    with told("desk  ", "gpu   left out by --on local"):
        chosen("cuda()", kind="local")


def test_without_slurm_its_machines_cannot_be_chosen() -> None:
    write(configuration.folder() / "launchers.yaml", HOSTS)
    assert chosen("cpu(cores=2)", HERE) == "desk"
    with told("gpu   Slurm's sbatch is not on PATH here"):
        chosen("cuda()", HERE)


def test_this_machine_is_one_where_there_is_no_slurm_or_where_it_is_asked_for() -> None:
    assert chosen("cpu(cores=1)", HERE) == chosen("cpu(cores=1)", BOTH, "local") == "this machine"
    with told("launchers.yaml: no machines are described", "herd launchers detect --write"):
        chosen("cpu(cores=1)", BOTH)


def test_a_machine_like_this_one_that_is_described_takes_its_place() -> None:
    write(configuration.folder() / "launchers.yaml", HOSTS)
    assert {host.name for host in choice.candidates(Sources(), HERE)} == {"gpu", "desk"}


def test_python_users_get_a_launcher_with_options_and_priority(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("PATH", "")
    write(configuration.folder() / "launchers.yaml", HOSTS)
    found = choice.find_launcher(parse("cpu(cores=2)"))
    assert isinstance(found, DirectLauncher) and found.priority == 5
    with told("gpu ", "desk  asks 1 CUDA GPU, has none"):
        choice.find_launcher(parse("cuda()"))
    with told("desk  has no tag none"):
        choice.find_launcher(parse("cpu(cores=2)"), tags={"none"})


def test_nothing_of_what_was_described_is_changed_by_judging() -> None:
    host = machine("a", 24)
    before = replace(host)
    finder.judge(parse("cuda(mem=1GiB)"), [host], EVERYWHERE)
    assert host == before
