"""What those who only look need of a ``hyperherd.yaml``, read from the text alone, as far as that has no faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hyperherd.config import document, metric, short_forms
from hyperherd.config.faults import Faults
from hyperherd.errors import ConfigError
from hyperherd.sweep.metrics import About, Metric


def of_text(text: str) -> About:
    """What a YAML says; of a key that has faults, which `parse.spec` tells, as if it were not there."""
    try:
        source = document.read(text, file="hyperherd.yaml")
    except ConfigError:
        return About()
    content = source.value if isinstance(source.value, dict) else {}
    repeats, parameters = content.get("repeat"), content.get("parameters")
    return About(
        _metrics(source, content),
        tuple(repeats) if isinstance(repeats, dict) else (),
        _abbrevs(parameters) if isinstance(parameters, dict) else {},
    )


def _metrics(source: document.Document, content: Mapping[str, Any]) -> tuple[Metric, ...]:
    faults = Faults(source)
    try:
        found = metric.build(short_forms.written_out({"metric": content.get("metric")}, faults), faults)
        faults.raise_any()
        if not all(_is_whole(one) for one in found):
            return ()
    except (ConfigError, KeyError, TypeError, AttributeError):
        return ()
    return found


def _is_whole(given: Metric) -> bool:
    """Whether it is what the YAML may say: `structure` has not seen it."""
    return isinstance(given.name, str) and given.mode in ("max", "min") and given.at in ("last", "best")


def _abbrevs(parameters: Mapping[str, Any]) -> dict[str, str]:
    given = {name: one.get("abbrev") for name, one in parameters.items() if isinstance(one, dict)}
    return {name: abbrev for name, abbrev in given.items() if isinstance(abbrev, str)}
