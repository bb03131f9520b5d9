"""The shape of ``hyperherd.yaml`` as pydantic models: which keys there are, and of which type.

The JSON Schema is made of them. What needs to know several keys at once is checked where the values are made.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic_core import ErrorDetails

from hyperherd.config.document import Path
from hyperherd.config.faults import Faults, listed, nearest_or_all, quotes_hint, shown
from hyperherd.errors import nearest
from hyperherd.search.conditions import OPERATORS

MAX_STEPS = 1_000_000

_SCALAR = {"type": ["string", "number", "boolean", "null"]}
_TEXT_OR_NUMBER = {"type": ["string", "integer"]}
_OPERATOR = {
    "type": "object",
    "properties": {name: {} for name in OPERATORS},
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}
_MATCH = {"anyOf": [_SCALAR, {"type": "array"}, _OPERATOR]}
_CLAUSES = {"type": "object", "minProperties": 1, "additionalProperties": _MATCH}

Values = Annotated[
    list[Any],
    Field(min_length=1),
    WithJsonSchema({"anyOf": [{"type": "array", "minItems": 1}, {"type": "string"}]}),
]
Grid = Annotated[
    Any, WithJsonSchema({"anyOf": [{"const": "all"}, {"type": "array", "items": {"type": "string"}}]})
]
Clauses = Annotated[dict[str, Any], Field(min_length=1), WithJsonSchema(_CLAUSES)]
Exclusion = Annotated[Any, WithJsonSchema({"anyOf": [{"const": True}, _CLAUSES]})]
Overrides = Annotated[list[Any], WithJsonSchema({"type": "array", "items": {"type": "string"}})]
Repeats = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "anyOf": [
                    {"type": "integer", "minimum": 1},
                    {"type": "array", "minItems": 1},
                    {"type": "string"},
                ]
            },
        }
    ),
]
Resource = Annotated[Any, WithJsonSchema(_TEXT_OR_NUMBER)]
Growing = Annotated[Any, WithJsonSchema({"type": "string", "pattern": "^x[0-9]+([.][0-9]+)?$"})]


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Discrete(_Keys):
    """A parameter with the values it can have."""

    type: Literal["discrete"]
    values: Values = Field(description="Any YAML values, or a Hydra sweep such as range(0,5)")
    labels: list[str] | None = Field(None, description="One for each value, for trial names")
    abbrev: str | None = Field(None, description="Stands for the parameter in trial names")
    default: Any = Field(None, description="One of the values; taken where the parameter does not vary")


class Continuous(_Keys):
    """A parameter between two numbers."""

    type: Literal["continuous"]
    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"
    steps: int = Field(
        5, ge=1, le=MAX_STEPS, description="How many values a grid takes, both ends among them; 1: low alone"
    )
    abbrev: str | None = Field(None, description="Stands for the parameter in trial names")
    default: float | None = Field(
        None, description="Between low and high; taken where the parameter does not vary"
    )


class SampleKeys(_Keys):
    """Combinations drawn from the parameters, instead of a grid."""

    n: int = Field(ge=1, description="How many; the first ones stay the same when this grows")
    method: Literal["random", "sobol"] = "random"
    seed: int = 0


class ConditionKeys(_Keys):
    """What happens to the combinations that meet `when`."""

    name: str | None = Field(None, description="For messages")
    when: Clauses = Field(description="Parameter: value, [values] or {operator: value}; expr: an expression")
    exclude: Exclusion = Field(None, description="Drop the combination: true, or where these are met as well")
    force: dict[str, Any] | None = Field(
        None, min_length=1, description="Give parameters a value, or {expr: ...}"
    )
    set: dict[str, Any] | None = Field(None, min_length=1, description="Add overrides of any name")
    requires: str | None = Field(None, description="What these trials need of a machine, instead")


class SlurmKeys(BaseModel):
    """Options of sbatch by their long names, `_` for `-`."""

    model_config = ConfigDict(
        json_schema_extra={"additionalProperties": {"type": ["string", "integer", "boolean", "null"]}}
    )
    partition: Resource = None
    account: Resource = None
    qos: Resource = None
    time: Resource = None
    mem: Resource = None
    cpus_per_task: Resource = None
    gres: Resource = None
    gpus: Resource = None
    nodes: Resource = None
    ntasks_per_node: Resource = None
    constraint: Resource = None
    max_concurrent: Annotated[Any, WithJsonSchema({"type": "integer", "minimum": 1})] = None
    extra_args: Annotated[Any, WithJsonSchema({"type": "array", "items": {"type": "string"}})] = None


class HydraKeys(_Keys):
    """The older place of static_overrides."""

    static_overrides: Overrides = Field([])


class RequeueKeys(_Keys):
    """When a trial is queued again by itself."""

    after: list[Literal["timeout", "preemption", "node_fail", "oom", "exit75"]] | None = Field(
        None, min_length=1, description="What it is queued again after; all but oom if not given"
    )
    max_timeouts: int | None = Field(
        None, ge=0, description="Time limits after which it goes on; 10 if not given"
    )
    max_restarts: int | None = Field(None, ge=0, description="The same for all other causes; 20 if not given")
    signal: str | None = Field(None, description="Sent so many seconds before the time limit: USR2@120")
    mem: Growing = Field(None, description="x1.5: more memory after each submission that ran out of it")
    time: Growing = Field(None, description="x1.5: a longer time limit after each submission that met it")
    max_mem: Resource = Field(None, description="Never more memory than this, such as 200G")
    max_time: Resource = Field(None, description="Never a longer time limit than this, such as 2-00:00:00")


class NotifyKeys(_Keys):
    """Who is told, and of what."""

    command: str | None = Field(None, min_length=1, description="Bash; HYPERHERD_NOTICE is what to tell")
    url: str | None = Field(
        None,
        min_length=1,
        description='A webhook that takes {"text": ...}, or an address of apprise; $NAME is filled in',
    )
    on: list[Literal["finished", "failed", "best"]] = Field(
        ["finished", "failed"], min_length=1, description="What it is told of"
    )


class MetricKeys(_Keys):
    """What a sweep is about."""

    name: str = Field(min_length=1, description="As log_result has it")
    mode: Literal["max", "min"] | None = Field(
        None, description="Whether larger values are better, or smaller"
    )
    at: Literal["last", "best"] = Field("last", description="Which of a trial's values counts")


AnyParameter: TypeAlias = Annotated["Discrete | Continuous", Field(discriminator="type")]
Conditions: TypeAlias = "list[ConditionKeys]"


class SweepKeys(_Keys):
    """A sweep of HyperHerd."""

    name: str = Field(min_length=1, description="The sweep's name; the job is called hyperherd_<name>")
    launcher: str = Field(min_length=1, description="The launch script, relative to this file's folder")
    grid: Grid = Field(
        None,
        description="all, or the names of those that vary together; absent: one at a time from the defaults",
    )
    sample: SampleKeys | None = None
    parameters: dict[str, AnyParameter] = Field(min_length=1)
    repeat: Repeats | None = Field(
        None,
        min_length=1,
        description="Parameters that only repeat each combination, such as seed: 3 (0, 1, 2) or seed: [7, 8]",
    )
    zip: list[list[str]] = Field([], description="Groups of parameters that go together, value by value")
    conditions: Conditions = Field([], description="Applied in order to each combination")
    constraints: Conditions = Field([], description="An older name of conditions")
    static_overrides: Overrides = Field([], description="name=value words that every trial is given")
    hydra: HydraKeys | None = None
    slurm: SlurmKeys = SlurmKeys()
    compute: str | None = Field(None, description="A compute preset, such as killarney/l40s_1x")
    requires: str | None = Field(
        None, description="What a trial needs of a machine: duration=4h & cuda(mem=24GiB) * 2"
    )
    requeue: RequeueKeys | None = Field(
        None, description="true, false, or when a trial is queued again by itself"
    )
    notify: list[NotifyKeys] | None = Field(None, min_length=1, description="Who is told when trials end")
    metric: list[MetricKeys] | None = Field(
        None,
        min_length=1,
        description="What the sweep is about: a name, or more of it, or several; the first counts",
    )


def check(content: dict[str, Any], faults: Faults) -> None:
    """Find keys that are unknown, missing or of the wrong type."""
    try:
        SweepKeys.model_validate(content)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            _add(details, faults)


def _add(details: ErrorDetails, faults: Faults) -> None:
    path = _path(details["loc"])
    if faults.at(path):
        return
    kind, given, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "missing":
        hint = _MISSING_HINTS.get(str(path[-1]), "")
        faults.add(path, "missing", "name: as log_result has it" if path[0] == "metric" else hint)
    elif kind == "extra_forbidden":
        faults.add(path, "unknown key", nearest_or_all(str(path[-1]), _keys_at(details["loc"])))
    elif kind in ("union_tag_not_found", "union_tag_invalid"):
        _add_type_fault(path, given, faults)
    elif kind == "literal_error":
        faults.add(
            path, f"{context['expected']} expected, not {shown(given)}", nearest(str(given), _words(context))
        )
    elif kind in _EXPECTED:
        hint = quotes_hint(given) if kind == "string_type" else _LIST_HINT.get((kind, type(given)), "")
        faults.add(path, f"{_EXPECTED[kind]} expected, not {shown(given)}", hint.format(given=given))
    elif kind in ("too_short", "string_too_short"):
        faults.add(path, "must not be empty")
    elif kind in ("greater_than_equal", "less_than_equal"):
        bound = f"at least {context['ge']}" if "ge" in context else f"at most {context['le']:,}"
        faults.add(path, f"must be {bound}, not {shown(given)}")
    else:
        faults.add(path, details["msg"][:1].lower() + details["msg"][1:])


_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_LIST_HINT = {("list_type", str): "write [{given}]", ("list_type", int): "write [{given}]"}
_MISSING_HINTS = {
    "launcher": "launcher: launch.sh, the bash script that starts one trial",
    "name": "name: the sweep's name",
    "parameters": "parameters: {lr: [0.1, 0.01]}, one at least",
    "when": 'when: {opt: sgd}, or when: {expr: "lr > 0.1"}',
    "values": "values: [0.1, 0.01]",
    "n": "n: 50, how many trials",
}


def _path(location: tuple[str | int, ...]) -> Path:
    """Where in the document: pydantic puts the parameter's type behind its name."""
    if location[:1] == ("parameters",) and len(location) > 2:
        return (*location[:2], *location[3:])
    return location


def _keys_at(location: tuple[str | int, ...]) -> list[str]:
    """The keys that are known where an unknown one was found."""
    if location[0] == "parameters":
        return list((Discrete if location[2] == "discrete" else Continuous).model_fields)
    within: dict[str, type[BaseModel]] = {
        "conditions": ConditionKeys,
        "sample": SampleKeys,
        "hydra": HydraKeys,
        "requeue": RequeueKeys,
        "metric": MetricKeys,
        "notify": NotifyKeys,
    }
    model: type[BaseModel] = within[str(location[0])] if len(location) > 1 else SweepKeys
    return [key for key in model.model_fields if key not in ("constraints", "hydra")]


def _add_type_fault(path: Path, given: Any, faults: Faults) -> None:
    if not isinstance(given, dict) or "type" in given:
        word = given.get("type") if isinstance(given, dict) else given
        what = f"{listed(('discrete', 'continuous'))} expected, not {shown(word)}"
        faults.add((*path, "type"), what, nearest(str(word), ("discrete", "continuous")))
        return
    looks = "continuous" if {"low", "high", "steps", "scale"} & given.keys() else "discrete"
    faults.add((*path, "type"), "missing", f"type: {looks}")


def _words(context: dict[str, Any]) -> list[str]:
    return str(context["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
