"""What conditions make of a combination: dropped, parameters forced, overrides set."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from hyperherd.sweep.expression import Expression
from hyperherd.sweep.spec import Assigned, Clause, Condition
from hyperherd.sweep.trial import Value

if TYPE_CHECKING:
    from hyperherd.requirements import HostRequirement

OPERATORS = ("eq", "ne", "gt", "ge", "lt", "le", "in", "not_in")

Test: TypeAlias = Callable[[Value], bool]
Params: TypeAlias = Mapping[str, Value]

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}


@dataclass(frozen=True)
class _Rule:
    """A condition whose clauses are functions."""

    when: tuple[tuple[str, Test], ...]
    expression: Expression | None
    exclude: tuple[tuple[str, Test], ...] | None
    force: tuple[tuple[str, Assigned], ...]
    set: tuple[tuple[str, Assigned], ...]
    requires: HostRequirement | None

    def is_met(self, params: Params) -> bool:
        for name, test in self.when:
            if not test(params[name]):
                return False
        return self.expression is None or bool(self.expression.evaluate(params))

    def excludes(self, params: Params) -> bool:
        if self.exclude is None:
            return False
        return not self.exclude or any(test(params[name]) for name, test in self.exclude)


Ruled: TypeAlias = "tuple[dict[str, Value], dict[str, Value], HostRequirement | None]"
"""A combination after all conditions: its parameters, its extras, and what it requires of a machine."""

Ruling: TypeAlias = "Callable[[dict[str, Value]], Ruled | None]"
"""A combination -> what conditions make of it; None where it is excluded."""


def ruling(conditions: Sequence[Condition], requires: HostRequirement | None = None) -> Ruling:
    """All conditions as one function; ``requires`` is for combinations of which no condition says more.

    It raises `ExpressionError` where an expression cannot be evaluated. The dictionaries that it returns may be shared
    with others and with its argument: nobody changes them.
    """
    rules = [_rule(condition) for condition in conditions]
    nothing: dict[str, Value] = {}

    def apply(params: dict[str, Value]) -> Ruled | None:
        extras, required = nothing, requires
        for rule in rules:
            if not rule.is_met(params):
                continue
            if rule.excludes(params):
                return None
            if rule.force:
                params = {**params, **_values(rule.force, params)}
            if rule.set:
                extras = {**extras, **_values(rule.set, params)}
            required = rule.requires or required
        return params, extras, required

    return apply


def _rule(condition: Condition) -> _Rule:
    return _Rule(
        when=_tests(condition.when),
        expression=condition.expression,
        exclude=None if condition.exclude is None else _tests(condition.exclude),
        force=tuple(condition.force.items()),
        set=tuple(condition.set.items()),
        requires=condition.requires,
    )


def _values(assigned: Sequence[tuple[str, Assigned]], params: Params) -> dict[str, Value]:
    return {name: a.evaluate(params) if isinstance(a, Expression) else a for name, a in assigned}


def _tests(clauses: Sequence[Clause]) -> tuple[tuple[str, Test], ...]:
    return tuple((clause.parameter, test(clause.operator, clause.operand)) for clause in clauses)


def test(operator_name: str, operand: Value) -> Test:
    """Whether a value compares so with ``operand``.

    Equal is as people read it: 1 and 1.0 are (and floats that agree to 9 digits), true and 1 are not, nor "1"
    and 1. What cannot be ordered (text against a number) is neither greater nor less.
    """
    if operator_name == "eq":
        return lambda value: same(value, operand)
    if operator_name == "ne":
        return lambda value: not same(value, operand)
    if operator_name in _ORDERS:
        compare = _ORDERS[operator_name]
        return lambda value: comparable(value, operand) and compare(value, operand)
    choices = operand if isinstance(operand, list) else [operand]
    if operator_name == "in":
        return lambda value: any(same(value, choice) for choice in choices)
    return lambda value: not any(same(value, choice) for choice in choices)


def same(left: Value, right: Value) -> bool:
    """Equal as people read it (see `test`)."""
    if isinstance(left, str) or isinstance(right, str) or left is None or right is None:
        return left == right
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and left.keys() == right.keys()
            and all(same(v, right[k]) for k, v in left.items())
        )
    if isinstance(right, (list, dict)):
        return False
    return left == right or ((isinstance(left, float) or isinstance(right, float)) and _close(left, right))


def _close(left: float, right: float) -> bool:
    try:
        return math.isclose(left, right, rel_tol=1e-9) or (math.isnan(left) and math.isnan(right))
    except OverflowError:  # an integer beyond all floats
        return False


def comparable(left: Value, right: Value) -> bool:
    """Whether there is an order between them: two numbers, or two texts."""
    return (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str))


def is_number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
