"""Which trial is which, where the files of a workspace and its YAML say it differently."""

from __future__ import annotations

from typing import Any

from hyperherd.sweep import plan
from hyperherd.sweep.identity import trial_hash
from hyperherd.sweep.plan import Described
from hyperherd.sweep.trial import Trial


def matched(left: dict[str, Any], described: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The parameters as they are described now of a trial that HyperHerd 0.1.3 left with these."""
    trial = Trial(0, "of 0.1.3", "name", left, {})
    matcher = plan.Matcher({}, lambda _: {}, frozenset({0}))
    found, _ = matcher.match([trial], [Described(trial_hash(one, {}), one, {}) for one in described])
    return dict(found[0].params) if 0 in found else None


def test_a_trial_of_0_1_3_is_known_though_its_yaml_read_the_value_as_something_else() -> None:
    """Its YAML 1.1 takes a plain 1e-3 for text, and `on` for true; it rounded nothing."""
    for left, now in (("1e-3", 0.001), (True, "on"), (False, "no"), (0.1 + 0.2, 0.3), ("adam", "adam")):
        assert matched({"a": left, "b": 1}, [{"a": now, "b": 1}, {"a": 7, "b": 1}]) == {"a": now, "b": 1}


def test_what_may_be_either_of_two_is_neither_and_the_same_value_comes_first() -> None:
    assert matched({"a": "1e-3"}, [{"a": 0.001}, {"a": "1e-3"}]) == {"a": "1e-3"}
    assert matched({"a": True}, [{"a": "on"}, {"a": "yes"}]) is None
    assert matched({"a": "10"}, [{"a": 10}]) is None
