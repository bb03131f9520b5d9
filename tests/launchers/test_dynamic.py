"""Which of several launchers is chosen. The sources of chance are seeded: these tests cannot fail now and then."""

from __future__ import annotations

import pickle
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperherd.connectors.local import LocalConnector
from hyperherd.errors import ChoiceError, OptionError
from hyperherd.launchers import DirectLauncher, DynamicLauncher, Launcher, SlurmLauncher

DRAWS = 4000
seeds = st.integers(0, 2**32)


def launchers(priorities: list[float]) -> list[Launcher]:
    return [DirectLauncher(priority=priority) for priority in priorities]


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=8), seeds)
def test_one_of_the_highest_priority_is_chosen(priorities: list[float], seed: int) -> None:
    dynamic = DynamicLauncher(launchers(priorities), random=Random(seed))
    assert dynamic.chosen().priority == max(priorities)


def test_equals_are_chosen_equally_often() -> None:
    made = launchers([2, 1, 2, 2])
    dynamic = DynamicLauncher(made, random=Random(1))
    drawn = Counter(made.index(dynamic.chosen()) for _ in range(DRAWS))
    assert set(drawn) == {0, 2, 3}
    assert all(abs(count / DRAWS - 1 / 3) < 0.03 for count in drawn.values())


def test_samples_are_in_proportion_to_priority() -> None:
    made = launchers([10, 1, 5])
    dynamic = DynamicLauncher(made, sample=True, random=Random(1))
    drawn = Counter(made.index(dynamic.chosen()) for _ in range(DRAWS))
    assert all(abs(drawn[k] / DRAWS - one.priority / 16) < 0.03 for k, one in enumerate(made))


@given(st.booleans(), seeds)
def test_the_same_seed_chooses_the_same(sample: bool, seed: int) -> None:
    made = launchers([1, 1, 2, 2])
    first, second = (DynamicLauncher(made, sample=sample, random=Random(seed)) for _ in range(2))
    assert [first.chosen() for _ in range(20)] == [second.chosen() for _ in range(20)]


@pytest.mark.parametrize("priority", [0, -1, float("nan"), float("inf")])
def test_sampling_refuses_what_is_no_weight_at_each_choice(priority: float) -> None:
    dynamic = DynamicLauncher(launchers([1, priority]), sample=True)
    with pytest.raises(ChoiceError, match=f"not all are above 0: DirectLauncher has {priority}"):
        dynamic.chosen()


def test_priorities_are_looked_at_after_the_update_that_sets_them() -> None:
    class Free(DynamicLauncher):
        def update(self) -> None:
            self._launchers[1].priority = 3

    made = launchers([1, 0])
    drawn = Counter(made.index(Free(made, sample=True, random=Random(k)).chosen()) for k in range(200))
    assert drawn[1] > drawn[0] > 0


@pytest.mark.parametrize("priority", [float("nan"), "high", None])
def test_a_priority_that_is_no_number_is_told(priority: float) -> None:
    with pytest.raises(ChoiceError, match=f"a priority is a number: DirectLauncher has {priority!r}"):
        DynamicLauncher(launchers([1, priority])).chosen()


def test_launchers_come_and_go() -> None:
    first, second = launchers([1, 2])
    dynamic = DynamicLauncher([first])
    dynamic.add_launcher(second)
    assert (dynamic.launchers, dynamic.chosen()) == ([first, second], second)
    dynamic.launchers.clear()
    dynamic.remove_launcher(second)
    assert (dynamic.launchers, dynamic.chosen()) == ([first], first)
    with pytest.raises(ValueError, match=r"DirectLauncher\(priority=2\) is none of the launchers"):
        dynamic.remove_launcher(second)
    dynamic.remove_launcher(first)
    with pytest.raises(ValueError, match="nothing to choose from"):
        dynamic.chosen()


def test_what_is_no_launcher_is_told_when_it_is_given() -> None:
    with pytest.raises(ChoiceError, match="'slurm' is no launcher"):
        DynamicLauncher(["slurm"])  # type: ignore[list-item]
    with pytest.raises(ChoiceError, match="is no launcher"):
        DynamicLauncher([DirectLauncher])  # type: ignore[list-item]


def test_launchers_say_what_they_are_and_come_back_from_a_pickle() -> None:
    slurm = SlurmLauncher(partition="gpu", priority=2, binpath="/opt/slurm/bin")
    here = DirectLauncher(cpus_per_task=2, gpus_per_node=1, time="1:00:00")
    for one, shown in (
        (slurm, "SlurmLauncher(nodes=1, partition='gpu', binpath='/opt/slurm/bin', priority=2)"),
        (here, "DirectLauncher(cpus_per_task=2, gpus_per_node=1, time='1:00:00')"),
        (DynamicLauncher([here]), f"DynamicLauncher([{here}], sample=False)"),
    ):
        again = pickle.loads(pickle.dumps(one))
        assert repr(one) == str(one) == repr(again) == shown
        assert again.chosen().connector is LocalConnector.instance()
        assert isinstance(one, Launcher)


def test_a_connector_is_given_by_position_or_later() -> None:
    mine = LocalConnector()
    assert DirectLauncher(mine).connector is DirectLauncher().config(connector=mine).connector is mine
    slurm = SlurmLauncher(nodes=2).config(connector=mine)
    assert (slurm.connector, slurm.options.nodes) == (mine, 2)
    assert DynamicLauncher([slurm], connector=mine).connector is mine


def test_this_machine_holds_what_its_launcher_was_given_and_nothing_else() -> None:
    one = DirectLauncher(gpus_per_node=2, cpus_per_task="4", priority=3)
    assert repr(one.config(gpu_per_node=None)) == "DirectLauncher(cpus_per_task='4', priority=3)"
    with pytest.raises(OptionError) as caught:
        one.config(partition="gpu", mem="4G", tiem=3, gpus=-1, cpus_per_task=0, time="soon")
    assert [fault.where for fault in caught.value.faults] == [
        f"DirectLauncher.{name}" for name in ("partition", "mem", "tiem", "gpus", "cpus_per_task", "time")
    ]
    assert "did you mean 'time'?" in str(caught.value)


def test_priorities_may_change_between_choices() -> None:
    made = launchers([2, 1])
    dynamic = DynamicLauncher(made)
    assert dynamic.chosen() is made[0]
    made[1].priority = 3
    assert dynamic.chosen() is made[1]


def test_each_choice_is_updated_first_in_nested_ones_too() -> None:
    updated: list[str] = []

    class Watched(DynamicLauncher):
        name = ""

        def update(self) -> None:
            updated.append(self.name)

    here, there, elsewhere = launchers([1, 2, 3])
    inner = Watched([here, there], priority=4)
    outer = Watched([inner, elsewhere])
    inner.name, outer.name = "inner", "outer"
    assert outer.chosen() is there
    assert updated == ["outer", "inner"]
    inner.priority = 1
    assert outer.chosen() is elsewhere
    assert updated == ["outer", "inner", "outer"]


def test_the_list_given_stays_the_callers() -> None:
    made = launchers([1])
    dynamic = DynamicLauncher(made)
    made.clear()
    assert isinstance(dynamic.chosen(), DirectLauncher)


def test_nothing_to_choose_from_is_refused() -> None:
    with pytest.raises(ChoiceError, match="nothing to choose from"):
        DynamicLauncher([])


def test_a_plain_launcher_chooses_itself() -> None:
    for one in (DirectLauncher(), SlurmLauncher()):
        assert one.chosen() is one
        assert one.priority == 0
