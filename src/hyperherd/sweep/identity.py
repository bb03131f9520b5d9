"""What makes a trial the same trial: its parameters and extras, with their types."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from hyperherd.sweep.trial import Value

# Hashes are kept on disk for years: Python's own JSON writes floats by their shortest repr, in every version.
_ENCODE = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False).encode


def canonical(value: object) -> str:
    """One text for one value, types kept: 1, 1.0, True and "1" differ, the order of keys does not matter.

    >>> canonical({"b": float("nan"), "a": [1, 1.0, "1"]})
    '{"a":[1,1.0,"1"],"b":NaN}'
    """
    return _ENCODE(value)


def trial_hash(params: Mapping[str, Value], extras: Mapping[str, Value]) -> str:
    """The identity of a trial: 12 hexadecimal digits.

    >>> trial_hash({"a": 1}, {}) == trial_hash({"a": 1.0}, {})
    False
    """
    return hashlib.sha256(_ENCODE([params, extras]).encode()).hexdigest()[:12]


def rounded(value: float) -> float:
    """12 significant digits: what arithmetic leaves behind them is noise."""
    return float(f"{value:.12g}")
