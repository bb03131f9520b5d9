"""More memory for what ran out of it, more time for what met its limit: what the next submission asks for. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from hyperherd import units
from hyperherd.engine import interruptions
from hyperherd.engine.placing import Place
from hyperherd.engine.reconcile import Known
from hyperherd.launchers.slurm import options
from hyperherd.launchers.slurm.options import Value
from hyperherd.sweep.description import Growth
from hyperherd.sweep.trial import SHORT, Trial

MEMORY = ("mem", "mem_per_cpu", "mem_per_gpu")
"""The options that ask for memory; Slurm takes one of them."""

_MIB = 2**20

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
    newest = known.newest_attempt.get(fact.part, 0)
    ended = interruptions.ends(fact.causes, fact.part, known.submissions, newest)
    return (ended["oom"] if growth.mem else 0), (ended["timeout"] if growth.time else 0)


def _with_more(place: Place, growth: Growth, counts: tuple[int, int]) -> Place:
    ooms, timeouts = counts
    more: dict[str, Value] = {}
    words = []
    name = next((name for name in MEMORY if place.options.get(name)), "")
    if ooms and growth.mem and name:
        more[name] = memory(place.options[name], growth.mem**ooms, growth.max_mem_bytes)
        words.append(f"{more[name]} ({SHORT['oom']})")
    time_s = options.seconds(place.options.get("time"))
    if timeouts and growth.time and time_s and math.isfinite(time_s):
        more["time"] = units.limit(
            max(time_s, min(time_s * growth.time**timeouts, growth.max_time_s or math.inf))
        )
        words.append(f"{more['time']} ({SHORT['timeout']})")
    if not words:
        missing = [f"no slurm.mem to be more of ({SHORT['oom']})"] if ooms else []
        missing += [f"no slurm.time to be more of ({SHORT['timeout']})"] if timeouts else []
        return replace(place, grown=" and ".join(missing))
    return replace(place, options={**place.options, **more}, grown=" and ".join(words))


def memory(asked: Value, factor: float, most_bytes: int | None) -> str:
    """So many times the memory that is asked for, in whole G or M; at most ``most_bytes``, at least what is asked.

    >>> memory("32G", 1.5, None), memory("1000", 1.5, None), memory("32G", 4.0, 100 * 2**30)
    ('48G', '1500M', '100G')
    """
    before = units.bytes_asked(str(asked))  # of `--mem=0`, all that a node has, there is no more
    wanted = max(before, min(before * factor, most_bytes or math.inf))
    mebibytes = math.ceil(wanted / _MIB)
    return f"{mebibytes}M" if mebibytes % 1024 else f"{mebibytes // 1024}G"
