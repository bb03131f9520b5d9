"""Which of several launchers is chosen. The sources of chance are seeded: these tests cannot fail now and then."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperherd.errors import LauncherError
from hyperherd.launchers import DirectLauncher, DynamicLauncher, SlurmLauncher

DRAWS = 4000
seeds = st.integers(0, 2**32)


def launchers(priorities: list[float]) -> list[DirectLauncher]:
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
def test_sampling_refuses_what_is_no_weight_when_made_and_at_each_choice(priority: float) -> None:
    with pytest.raises(LauncherError, match=f"DirectLauncher has {priority}"):
        DynamicLauncher(launchers([1, priority]), sample=True)
    made = launchers([1, 2])
    dynamic = DynamicLauncher(made, sample=True)
    made[0].priority = priority
    with pytest.raises(LauncherError, match="not all are above 0"):
        dynamic.chosen()


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
    with pytest.raises(LauncherError, match="nothing to choose from"):
        DynamicLauncher([])


def test_a_plain_launcher_chooses_itself() -> None:
    for one in (DirectLauncher(), SlurmLauncher()):
        assert one.chosen() is one
        assert one.priority == 0
