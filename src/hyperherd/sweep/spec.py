"""A sweep as ``hyperherd.yaml`` describes it: checked values, and nothing left to look up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Literal, TypeAlias

from hyperherd.jobs import Notice, Requeue
from hyperherd.sweep.expression import Expression
from hyperherd.sweep.metrics import Metric
from hyperherd.sweep.trial import Value

if TYPE_CHECKING:
    from hyperherd.requirements import HostRequirement


class Missing(Enum):
    """The type of `MISSING`, which says "no default" where None is a value like any other."""

    MISSING = "missing"


MISSING = Missing.MISSING


@dataclass(frozen=True)
class Parameter:
    """One dimension of the search.

    ``values``  what a grid takes: of a continuous parameter its steps, from ``low`` to ``high``
    ``labels``  one for each value, for trial names; None where the values name themselves
    ``abbrev``  stands for the parameter in trial names
    """

    name: str
    values: tuple[Value, ...]
    abbrev: str
    labels: tuple[str, ...] | None = None
    default: Value | Missing = MISSING
    kind: Literal["discrete", "continuous"] = "discrete"
    low: float = 0.0
    high: float = 0.0
    scale: Literal["linear", "log"] = "linear"


@dataclass(frozen=True)
class Sample:
    """``n`` different combinations drawn from the parameters; the first ones stay the same when ``n`` grows."""

    n: int
    method: Literal["random", "sobol"] = "random"
    seed: int = 0


@dataclass(frozen=True)
class Clause:
    """``parameter`` compared with ``operand``: eq, ne, gt, ge, lt, le, in, not_in."""

    parameter: str
    operator: str
    operand: Value


Assigned: TypeAlias = "Value | Expression"
"""A literal, or an expression on the combination's parameters."""


@dataclass(frozen=True)
class Condition:
    """What happens to a combination that meets all of ``when`` and the ``expression``.

    ``exclude``: None never, () always, else where any of the clauses is met as well. ``force`` gives
    parameters another value, ``set`` adds overrides; both see what earlier conditions, and for ``set`` this
    one, have forced. ``requires`` takes the place of what the sweep, or an earlier condition, requires.
    """

    name: str
    when: tuple[Clause, ...] = ()
    expression: Expression | None = None
    exclude: tuple[Clause, ...] | None = None
    force: Mapping[str, Assigned] = field(default_factory=dict)
    set: Mapping[str, Assigned] = field(default_factory=dict)
    requires: HostRequirement | None = None


@dataclass(frozen=True)
class Growth:
    """What a submission asks for more than those before it that ran out of memory, or of time: a factor for each of
    them (None: no more), and not above ``max_mem_bytes``, ``max_time_s`` (None: no ceiling).
    """

    mem: float | None = None
    time: float | None = None
    max_mem_bytes: int | None = None
    max_time_s: float | None = None


NO_GROWTH = Growth()


@dataclass(frozen=True)
class SweepSpec:
    """``launcher`` is as written, relative to the YAML's folder. ``grid``: None varies one parameter at a
    time.

    ``repeat``   the last of the parameters: they only repeat each combination, with each of their values
    ``zips``     groups of parameters that go together, value by value
    ``slurm``    a launcher's own options, as written; ``max_concurrent`` and ``extra_args`` stand apart
    ``compute``  the name of a compute preset; "" for none
    ``requires`` what each trial needs of a machine, where no condition says otherwise
    ``requeue``  when a trial is queued again by itself; None: never
    ``metrics``  what it is about; the first one says which trial is the best
    ``notify``   who is told of what
    ``notes``    what people should know of keys that change nothing
    """

    name: str
    launcher: str
    parameters: tuple[Parameter, ...]
    grid: Literal["all"] | tuple[str, ...] | None = None
    sample: Sample | None = None
    repeat: tuple[str, ...] = ()
    zips: tuple[tuple[str, ...], ...] = ()
    conditions: tuple[Condition, ...] = ()
    static_overrides: tuple[str, ...] = ()
    slurm: Mapping[str, str | int | bool | None] = field(default_factory=dict)
    max_concurrent: int | None = None
    extra_args: tuple[str, ...] = ()
    compute: str = ""
    requires: HostRequirement | None = None
    requeue: Requeue | None = None
    growth: Growth = NO_GROWTH
    metrics: tuple[Metric, ...] = ()
    notify: tuple[Notice, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def searched(self) -> tuple[Parameter, ...]:
        """The parameters but those that only repeat."""
        return tuple(p for p in self.parameters if p.name not in self.repeat)

    @property
    def defaults(self) -> dict[str, Value]:
        """Parameter -> default, of those that have one."""
        return {p.name: p.default for p in self.parameters if not isinstance(p.default, Missing)}


def bare(name: str) -> str:
    """A parameter's name without Hydra's prefix.

    >>> bare("++model.depth")
    'model.depth'
    """
    return name.lstrip("+~")


def names(parameters: Sequence[Parameter]) -> tuple[str, ...]:
    return tuple(parameter.name for parameter in parameters)
