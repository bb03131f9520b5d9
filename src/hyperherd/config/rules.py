"""Conditions out of checked mappings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hyperherd.config.document import Path, number
from hyperherd.config.faults import Faults, nearest_or_all, shown
from hyperherd.config.parameters import name_fault
from hyperherd.errors import ExpressionError, RequirementError, nearest
from hyperherd.requirements import HostRequirement, parser
from hyperherd.search.conditions import OPERATORS, comparable, is_number, same
from hyperherd.sweep import expression
from hyperherd.sweep.expression import Expression
from hyperherd.sweep.spec import MISSING, Assigned, Clause, Condition, Parameter, bare
from hyperherd.sweep.trial import Value

_ACTIONS = ("exclude", "force", "set", "requires")
_ORDERS = ("gt", "ge", "lt", "le")


def requirement(path: Path, text: Value, faults: Faults) -> HostRequirement | None:
    """What a text requires of a machine; None, and perhaps a fault, where there is none."""
    if not isinstance(text, str):
        return None
    try:
        return parser.parse(text)
    except RequirementError as error:
        faults.add_error(path, error)
        return None


class Reader:
    """Reads conditions on some parameters. ``names`` are all of them, also those that have faults of their own."""

    def __init__(self, names: Iterable[str], parameters: Sequence[Parameter], faults: Faults) -> None:
        self.names = list(names)
        self.by_bare = {bare(name): name for name in self.names}
        self.discrete = {p.name: p.values for p in parameters if p.kind == "discrete"}
        self.values = {parameter.name: parameter.values for parameter in parameters}
        self.faults = faults
        self.forced: dict[str, list[Value]] = {}

    def conditions(self, entries: Sequence[Any]) -> tuple[Condition, ...]:
        """The conditions, as far as they have no faults; those that they have are told."""
        forced: dict[str, list[Value]] = {}
        for given in (e.get("force") for e in entries if isinstance(e, dict)):
            for key, value in given.items() if isinstance(given, dict) else ():
                name = str(self.by_bare.get(bare(key), key))
                forced.setdefault(name, []).append(self.as_number(name, value))
        self.forced = forced
        paths: list[Path] = [("conditions", place) for place in range(len(entries))]
        return tuple(self.condition(p, e) for p, e in zip(paths, entries, strict=True) if isinstance(e, dict))

    def condition(self, path: Path, given: Mapping[str, Any]) -> Condition:
        entry = self.faults.usable(path, given)
        name = entry.get("name") or f"number {int(path[1]) + 1}"
        if not any(given.get(action) not in (None, False) for action in _ACTIONS):
            self.faults.add(
                path,
                "does nothing",
                "exclude: true, force: {parameter: value}, set: {name: value}, or requires: cuda(mem=24GiB)",
            )
        when = dict(entry.get("when", {}))
        text = when.pop("expr", MISSING)
        return Condition(
            name=name,
            when=self.clauses((*path, "when"), when),
            expression=None if text is MISSING else self.expr((*path, "when", "expr"), text, name),
            exclude=self.exclusion((*path, "exclude"), entry.get("exclude")),
            force=self.assigned((*path, "force"), entry.get("force") or {}, name, forcing=True),
            set=self.assigned((*path, "set"), entry.get("set") or {}, name, forcing=False),
            requires=requirement((*path, "requires"), entry.get("requires"), self.faults),
        )

    def exclusion(self, path: Path, given: Value) -> tuple[Clause, ...] | None:
        if given is None or given is False:
            return None
        if given is True:
            return ()
        if not isinstance(given, dict) or not given:
            self.faults.add(
                path, f"true, or a mapping of parameters, expected, not {shown(given)}", "exclude: true"
            )
            return None
        return self.clauses(path, given)

    def clauses(self, path: Path, given: Mapping[str, Value]) -> tuple[Clause, ...]:
        made = (self.clause((*path, key), key, match) for key, match in given.items())
        return tuple(clause for clause in made if clause is not None)

    def clause(self, path: Path, key: str, match: Value) -> Clause | None:
        """``parameter: value``, ``[values]`` or ``{operator: value}``."""
        parameter = self.parameter(path, key)
        operator, operand = "eq", match
        if isinstance(match, list):
            operator = "in"
        elif isinstance(match, dict):
            if len(match) != 1:
                self.faults.add(path, f"one operator expected, not {len(match)}", "for two, write an expr")
                return None
            ((operator, operand),) = match.items()
        if operator not in OPERATORS:
            hint = nearest_or_all(operator, OPERATORS)
            self.faults.add((*path, operator), f"unknown operator '{operator}'", hint)
            return None
        operand = self.as_number(parameter, operand)
        self.check_operand(
            (*path, operator) if isinstance(match, dict) else path, parameter, operator, operand
        )
        return Clause(parameter, operator, operand) if parameter else None

    def as_number(self, parameter: str, given: Value) -> Value:
        """A text that is a number, such as '1e-3', as that, where the parameter has numbers and never is this text:
        HyperHerd 0.1.3, whose YAML knows no 1e-3, reads it so in conditions.
        """
        if isinstance(given, list):
            return [self.as_number(parameter, one) for one in given]
        values, forced = self.values.get(parameter, ()), self.forced.get(parameter, ())
        if not isinstance(given, str) or given in (*values, *forced) or not any(map(is_number, values)):
            return given
        try:
            read = number(given)
        except ValueError:  # of thousands of digits
            return given
        return given if read is None else read

    def parameter(self, path: Path, key: str) -> str:
        """The parameter's full name; empty, and a fault, where there is none."""
        if key in self.names:
            return key
        if bare(key) in self.by_bare:
            return self.by_bare[bare(key)]
        hint = nearest(key, self.names) or f"the parameters are {', '.join(self.names) or 'none'}"
        self.faults.add(path, f"no parameter '{key}'", hint)
        return ""

    def check_operand(self, path: Path, parameter: str, operator: str, operand: Value) -> None:
        if operator in ("in", "not_in"):
            if not isinstance(operand, list):
                self.faults.add(path, f"a list expected, not {shown(operand)}", f"{operator}: [...]")
            elif not operand:
                self.faults.add(path, "must not be empty")
            for value in operand if isinstance(operand, list) and operator == "in" else ():
                self.check_is_a_value(path, parameter, value)
        elif operator == "eq":
            self.check_is_a_value(path, parameter, operand)
        elif operator in _ORDERS:
            if not is_number(operand) and not isinstance(operand, str):
                self.faults.add(path, f"a number expected, not {shown(operand)}")
            elif self.never_comparable(parameter, operand):
                what = f"{shown(operand)} can be compared with none of the values of '{parameter}'"
                self.faults.add(path, what, "compare text with text, and numbers with numbers")

    def check_is_a_value(self, path: Path, parameter: str, operand: Value) -> None:
        """That a discrete parameter can be this, where it looks like a slip of the pen: what it never is never matches,
        and nobody would notice. A value that was taken off the sweep may stay in its conditions.
        """
        values = self.discrete.get(parameter, ())
        if not values or parameter in self.forced or any(same(value, operand) for value in values):
            return
        alike = next((value for value in values if str(value) == str(operand)), None)
        near = nearest(str(operand), [str(value) for value in values])
        if alike is not None:
            near = f"it may be {shown(alike)}, and text is never a number"
        if near:
            self.faults.add(path, f"'{parameter}' is never {shown(operand)}", near)

    def never_comparable(self, parameter: str, operand: Value) -> bool:
        values = self.values.get(parameter, ())
        return (
            bool(values) and parameter not in self.forced and not any(comparable(v, operand) for v in values)
        )

    def assigned(
        self, path: Path, given: Mapping[str, Value], condition: str, *, forcing: bool
    ) -> dict[str, Assigned]:
        found: dict[str, Assigned] = {}
        for key, value in given.items():
            here = (*path, key)
            name = self.parameter(here, key) if forcing else self.override(here, key)
            is_expr = isinstance(value, dict) and value.keys() == {"expr"}
            text = value["expr"] if isinstance(value, dict) and is_expr else None
            literal = self.as_number(name, value) if forcing else value
            made = self.expr((*here, "expr"), text, condition) if is_expr else literal
            if name and not (is_expr and made is None):
                found[name] = made
        return found

    def override(self, path: Path, key: str) -> str:
        if fault := name_fault(key):
            self.faults.add(path, *fault)
        elif bare(key) in self.by_bare:
            self.faults.add(path, f"'{key}' is a parameter", f"force: {{{key}: ...}}")
        return key

    def expr(self, path: Path, text: Value, condition: str) -> Expression | None:
        """The checked expression; None, and a fault, where it cannot be read."""
        if not isinstance(text, str):
            self.faults.add(path, f"text expected, not {shown(text)}", "expr: \"lr > 0.1 and opt == 'sgd'\"")
            return None
        where = f"{self.faults.where(path)} (condition '{condition}')"
        try:
            return expression.compile(text, self.names, where=where)
        except ExpressionError as error:
            self.faults.add_error(path, error)
            return None


class Check(Protocol):
    """A launcher's check of its own options."""

    def __call__(
        self, given: Mapping[str, Any], *, requeues: bool = False
    ) -> Iterable[tuple[tuple[str | int, ...], str, str]]:
        """Options by name, with raw lines under ``extra_args``, of a sweep that ``requeues`` its trials or does not ->
        for each fault where it stands there, what is wrong, and what would be right.
        """


@dataclass(frozen=True)
class Resources:
    """See `SweepSpec`."""

    options: Mapping[str, str | int | bool | None] = field(default_factory=dict)
    max_concurrent: int | None = None
    extra_args: tuple[str, ...] = ()


def build(content: Value, faults: Faults, check: Check | None, *, requeues: bool = False) -> Resources:
    """Without a check its options are taken as they are."""
    if not isinstance(content, dict) or faults.at(("slurm",)):
        return Resources()
    native: dict[str, Any] = {k: v for k, v in content.items() if k != "max_concurrent"}
    for path, what, hint in check(native, requeues=requeues) if check else ():
        faults.add(("slurm", *path), what, hint)
    most = content.get("max_concurrent")
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
        what = f"a whole number of at least 1 expected, not {shown(most)}"
        faults.add(("slurm", "max_concurrent"), what, "how many trials may run at once; without it, all")
    raw = native.pop("extra_args", None)
    lines = [line for line in raw if isinstance(line, str)] if isinstance(raw, list) else []
    return Resources(
        native,
        most if isinstance(most, int) else None,
        tuple(line.strip().removeprefix("#SBATCH").strip() for line in lines),
    )
