"""What ``metric`` says, out of a list of mappings; and of the YAML's text alone, for commands that need no more."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hyperherd.config import document, short_forms
from hyperherd.config.faults import Faults
from hyperherd.errors import ConfigError
from hyperherd.sweep.metrics import Metric, says_which_is_better


def build(content: Mapping[str, Any], faults: Faults) -> tuple[Metric, ...]:
    """Those of the whole document, in which ``metric`` is a list or absent."""
    found: list[Metric] = []
    for place, given in enumerate(content.get("metric") or ()):
        name, mode = given["name"], given.get("mode")
        if mode is None and not says_which_is_better(name):
            what = f"is a larger {name} better, or a smaller one?"
            faults.add(("metric", place), what, f"metric: {{name: {name}, mode: min}}")
        if name in [one.name for one in found]:
            faults.add(("metric", place), f"'{name}' is named twice")
        found.append(Metric(name, mode or "max", given.get("at", "last")))
    return tuple(found)


def of_text(text: str) -> tuple[Metric, ...]:
    """The metrics of a ``hyperherd.yaml``; none where it has faults, which `parse.spec` tells."""
    if not re.search(r"(?m)^[\"']?metric[\"']?\s*:", text):
        return ()
    try:
        source = document.read(text, file="hyperherd.yaml")
        if not isinstance(source.value, dict):
            return ()
        faults = Faults(source)
        content = short_forms.written_out({"metric": source.value.get("metric")}, faults)
        found = build(content, faults)
        faults.raise_any()
    except (ConfigError, KeyError, TypeError, AttributeError):
        return ()
    return found
