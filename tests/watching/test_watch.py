"""The one loop of all that waits, on a clock that tests set."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hyperherd.engine import watch
from hyperherd.engine.watch import BACK_OFF, GLANCE_S, JITTER, MOST, Clock


@dataclass
class Time:
    """A clock whose time passes by sleeping alone, and by what looks take."""

    at: float = 1000.0
    chance: float = 0.5

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.at, self.pass_, lambda: self.chance)

    def pass_(self, seconds: float) -> None:
        assert seconds >= 0
        self.at += max(seconds, 0.001)


@dataclass
class Job:
    """Ends at a time, which its note tells at once, and its scheduler ``late_s`` after that."""

    time: Time
    ends_at: float
    late_s: float = 0.0
    takes_s: float = 0.0
    looks: list[float] = field(default_factory=list)
    glances: int = 0
    ended: bool = False

    def look(self) -> object:
        self.looks.append(self.time.at)
        self.time.at += self.takes_s
        self.ended = self.time.at >= self.ends_at + self.late_s
        return self.ended

    def glance(self) -> object:
        self.glances += 1
        return "its note" if self.time.at >= self.ends_at else None

    def over(self) -> bool:
        return self.ended


def test_the_last_note_is_seen_within_a_second_and_costs_one_question() -> None:
    for after_s in (0.5, 10.0, 29.0, 31.0, 100.0):
        time = Time()
        job = Job(time, time.at + after_s)
        assert watch.until_over(job, 30.0, clock=time.clock)
        assert time.at - job.ends_at <= GLANCE_S
        before = [at for at in job.looks if at < job.ends_at]
        assert len(job.looks) == len(before) + 1


def test_while_a_job_is_still_ending_it_is_asked_after_1_2_4_seconds() -> None:
    time = Time()
    job = Job(time, time.at + 10.0, late_s=6.5)
    watch.until_over(job, 30.0, clock=time.clock)
    since = [at for at in job.looks if at >= job.ends_at]
    assert since[0] - job.ends_at <= GLANCE_S
    assert [round(later - earlier) for earlier, later in pairwise(since)] == [1, 2, 4]


@given(st.floats(0, 1), st.floats(0.5, 60))
def test_pauses_grow_while_nothing_changes_and_are_never_the_same_for_two(
    chance: float, pause_s: float
) -> None:
    time = Time(chance=chance)
    job = Job(time, time.at + 40 * pause_s)
    watch.until_over(job, pause_s, clock=time.clock)
    before = [at for at in job.looks if at < job.ends_at]
    pauses = [later - earlier for earlier, later in pairwise(before)]
    part = 1 + JITTER * (2 * chance - 1)
    for number, waited in enumerate(pauses):
        asked = pause_s * min(BACK_OFF**number, MOST) * part
        assert asked - 1e-6 <= waited <= asked + GLANCE_S + 0.01


def test_a_slow_look_does_not_fill_the_time() -> None:
    time = Time()
    job = Job(time, time.at + 200, takes_s=2.0)
    watch.until_over(job, 1.0, clock=time.clock)
    pauses = [later - earlier for earlier, later in pairwise(job.looks)]
    assert all(waited >= 20 for waited in pauses[:-1])


def test_a_wait_ends_at_its_time() -> None:
    time = Time()
    job = Job(time, time.at + 100)
    assert not watch.until_over(job, 30.0, timeout_s=12.5, clock=time.clock)
    assert 1012.5 <= time.at <= 1012.6


def test_several_are_each_looked_at_in_their_own_rhythm() -> None:
    time = Time()
    slow, quick = Job(time, time.at + 100), Job(time, time.at + 10)
    assert watch.until_all_over([(slow, 30.0), (quick, 2.0)], clock=time.clock)
    assert len(slow.looks) <= 5 and quick.looks[-1] - quick.ends_at <= GLANCE_S
    assert max(quick.looks) < time.at - 80
