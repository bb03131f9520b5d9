"""Where trials come from: a *source* proposes them from what is known, which is a value. Pure.

A source of one's own inherits `Source` and writes `Source.described` (docs/architecture.md, "Adding a source").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hyperherd.sweep.identity import rounded, trial_hash
from hyperherd.sweep.plan import Described
from hyperherd.sweep.trial import Status, Value


def trial(params: Mapping[str, Value], extras: Mapping[str, Value] | None = None) -> Described:
    """What a source proposes: parameters, and the overrides that it sets besides. Floats are rounded to 12 digits.

    >>> trial({"lr": 0.1 + 0.2}).params
    {'lr': 0.3}
    """
    ours = {name: _rounded(value) for name, value in params.items()}
    more = {name: _rounded(value) for name, value in (extras or {}).items()}
    return Described(trial_hash(ours, more), ours, more)


def _rounded(value: Value) -> Value:
    return rounded(value) if isinstance(value, float) else value


@dataclass(frozen=True)
class Past:
    """A trial that a source has given before: how it stands, and the final metrics that it has logged.

    Of a source that does not learn nothing is asked: the status is READY, and there are no metrics.
    """

    trial: Described
    status: Status = Status.READY
    metrics: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class History:
    """The trials so far, in their order; ``next_index`` is the number that the next new one gets."""

    trials: Sequence[Past] = ()
    next_index: int = 0


class Source(Protocol):
    """What proposes trials.

    ``name``    for people, and for the journal
    ``keeps``   what it gave once stays described, whatever it proposes later; a grid's trials go with their values
    ``learns``  it reads how trials have ended, and what they have logged; then it keeps, too, and what it was told and
                what it gave stand in a journal
    ``alone``   a run submits only what is proposed in it
    """

    name: str
    keeps: bool = False
    learns: bool = False
    alone: bool = False

    def described(self, history: History) -> Sequence[Described]:
        """The trials that it proposes now; one that the history has, by its hash, is that trial. It is called without
        the lock, and again where others have added trials meanwhile.
        """

    def as_now(self, before: Described) -> Described:
        """A trial that it gave before, as it would run now."""
        return before

    def named_by(self, proposed: Sequence[Described]) -> Sequence[str] | None:
        """The parameters that new trials are named by; None: those of the YAML."""
        return None


@dataclass(frozen=True)
class Proposal:
    """``trials`` are all that are described now; ``proposed`` those that the source has named this time, asked with
    ``history``. It holds while the number that was free then still is.
    """

    source: Source
    trials: Sequence[Described]
    proposed: Sequence[Described]
    history: History = field(default_factory=History)

    @property
    def only(self) -> frozenset[str] | None:
        """The hashes of the trials that a run submits; None: any."""
        return frozenset(one.hash for one in self.proposed) if self.source.alone else None


def propose(source: Source, history: History) -> Proposal:
    """Ask the source, and keep what is to be kept. Raises what the source does."""
    proposed = source.described(history)
    if not (source.keeps or source.learns):
        return Proposal(source, proposed, proposed, history)
    trials = {one.hash: one for one in proposed}
    for past in history.trials:
        trials.setdefault(past.trial.hash, source.as_now(past.trial))
    return Proposal(source, list(trials.values()), proposed, history)
