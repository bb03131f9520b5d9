"""What a sweep is about: its metrics, what one says of a trial, and which trial is better. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

_SMALL_IS_GOOD = re.compile(
    r"loss|err(or)?|perplexity|ppl|nll|bpb|bpc|(rm|m)?se|mae|mape|wer|cer|fid|regret|latency", re.IGNORECASE
)
"""Words of names whose smaller values are the better ones."""

Key = TypeVar("Key")


@dataclass(frozen=True)
class Metric:
    """``mode``: whether larger values are better, or smaller ones. ``at``: which of a trial's values counts, the last
    one or its best one so far.
    """

    name: str
    mode: Literal["max", "min"] = "max"
    at: Literal["last", "best"] = "last"

    @property
    def arrow(self) -> str:
        """Where better is."""
        return "↑" if self.mode == "max" else "↓"

    def score(self, finals: Mapping[str, Any], stream: Sequence[Any] = ()) -> float | None:
        """What counts of a trial: of its final metrics and the values of its stream, in the order of their steps.

        A final value is later than any step. None where there is no number; NaN where the last one is none.

        >>> Metric("a").score({}, [0.1, 0.3, 0.2]), Metric("a", at="best").score({"a": 0.25}, [0.1, 0.3])
        (0.2, 0.3)
        """
        said = [*stream, *([finals[self.name]] if self.name in finals else [])]
        values = [found for one in said if (found := number(one)) is not None]
        if self.at == "last" or not any(map(_counts, values)):
            return values[-1] if values else None
        return (max if self.mode == "max" else min)(filter(_counts, values))

    def best_first(self, value: float | None) -> tuple[int, float]:
        """A key to sort by: the best first, then what is no number, then those without a value."""
        if value is None:
            return (2, 0.0)
        if math.isnan(value):
            return (1, 0.0)
        return (0, -value if self.mode == "max" else value)

    def best(self, scores: Mapping[Key, float | None]) -> Key | None:
        """The first of those with the best score; None where nobody has one.

        >>> Metric("loss", "min").best({3: 0.5, 4: None, 5: 0.25, 6: math.nan})
        5
        """
        with_one = [key for key, score in scores.items() if score is not None and _counts(score)]
        return min(with_one, key=lambda key: self.best_first(scores[key]), default=None)


@dataclass(frozen=True)
class About:
    """What those who only look need of a sweep. ``metrics``: the first one says which trial is the best.

    ``repeats``: the parameters that only repeat each setting; ``abbrevs``: what stands for a parameter, where given.
    """

    metrics: tuple[Metric, ...] = ()
    repeats: tuple[str, ...] = ()
    abbrevs: Mapping[str, str] = field(default_factory=dict)


def may_tell(text: str) -> bool:
    """Whether a YAML may say anything of what `About` holds: reading it takes longer than all else of a look."""
    return _TELLS.search(text) is not None


_TELLS = re.compile(r"(?m)^[ \t{]*[\"']?(?:metric|repeat)[\"']?\s*:|\babbrev\b")


def says_which_is_better(name: str) -> bool:
    """Whether a name leaves no doubt that larger is better, as nobody said.

    >>> says_which_is_better("val_accuracy"), says_which_is_better("val/loss"), says_which_is_better("glossary")
    (True, False, True)
    """
    return not any(_SMALL_IS_GOOD.fullmatch(word) for word in words_of(name))


def words_of(name: str) -> Iterable[str]:
    return re.split(r"[^A-Za-z]+", name)


def number(value: object) -> float | None:
    """The value where it is a number that can be compared; None where it is not.

    >>> number(1), number(True), number("1"), number(None)
    (1.0, None, None, None)
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _counts(value: float) -> bool:
    return not math.isnan(value)
