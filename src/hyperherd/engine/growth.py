"""More memory for what ran out of it, more time for what met its limit: what the next submission asks for. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from hyperherd import units
from hyperherd.engine import end_causes
from hyperherd.engine.facts import Known
from hyperherd.engine.placing import Place
from hyperherd.sweep.spec import Growth
from hyperherd.sweep.trial import SHORT, Trial

Group = tuple[Place, Sequence[Trial]]


def grown(groups: Sequence[Group], growth: Growth, known: Known) -> list[Group]:
    """The groups with those trials apart that ask for more than before."""
    if growth.mem is None and growth.time is None:
        return list(groups)
    found: list[Group] = []
    for place, trials in groups:
        by_count: dict[tuple[int, int], list[Trial]] = {}
        for trial in trials:
            by_count.setdefault(_counts(trial, growth, known), []).append(trial)
        found += [(_with_more(place, growth, counts), members) for counts, members in by_count.items()]
    return found


def _counts(trial: Trial, growth: Growth, known: Known) -> tuple[int, int]:
    """How many submissions of it ran out of memory, and how many met their time limit, as far as that counts here."""
    fact = known.facts.get(trial.index)
    if fact is None or not fact.causes:
        return 0, 0
    newest = known.newest_attempt.get(fact.unit, 0)
    ended = end_causes.ends(fact.causes, fact.unit, known.submissions, newest)
    return (ended["oom"] if growth.mem else 0), (ended["timeout"] if growth.time else 0)


def _with_more(place: Place, growth: Growth, counts: tuple[int, int]) -> Place:
    ooms, timeouts = counts
    asked, words = place.request, []
    if ooms and growth.mem and asked.memory_bytes is not None:
        more = memory(asked.memory_bytes, growth.mem**ooms, growth.max_mem_bytes)
        asked = replace(asked, memory_bytes=more)
        words.append(f"{units.asked_bytes(more)} ({SHORT['oom']})")
    time_s = asked.time_s
    if timeouts and growth.time and time_s and math.isfinite(time_s):
        longer = max(time_s, min(time_s * growth.time**timeouts, growth.max_time_s or math.inf))
        asked = replace(asked, time_s=longer)
        words.append(f"{units.limit(longer)} ({SHORT['timeout']})")
    if not words:
        missing = [f"no slurm.mem to be more of ({SHORT['oom']})"] if ooms else []
        missing += [f"no slurm.time to be more of ({SHORT['timeout']})"] if timeouts else []
        return replace(place, grown=" and ".join(missing))
    return replace(place, request=asked, grown=" and ".join(words))


def memory(before: int, factor: float, most: int | None) -> int:
    """So many times the bytes that were asked for; at most ``most``, at least what was asked.

    >>> memory(32 * 2**30, 1.5, None) >> 30, memory(32 * 2**30, 4.0, 100 * 2**30) >> 30, memory(0, 2.0, None)
    (48, 100, 0)
    """
    return math.ceil(max(before, min(before * factor, most or math.inf)))
