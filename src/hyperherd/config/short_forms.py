"""Short forms and older names, written out, before anything is checked."""

from __future__ import annotations

from typing import Any

from hyperherd.config.document import Document, Path
from hyperherd.config.faults import Faults, shown
from hyperherd.errors import GrammarError
from hyperherd.grammar.sweeps import expand_value
from hyperherd.sweep.trial import Value

OPTIONAL = (
    *("grid", "sample", "zip", "conditions", "constraints", "static_overrides", "hydra", "slurm"),
    *("compute", "requires", "requeue", "metric", "repeat", "notify"),
)
"""Keys that may have nothing behind them."""

DECIDES = {
    "successive_halving": "remove it, and all trials run to their end; or make two sweeps: all trials for a few steps "
    "(static_overrides), then those in full that are best in herd res --sort METRIC",
}
"""Keys of HyperHerd 0.1.3 and later that decide which trials run. They are not built yet: refused, with what to do."""

MOST_REPEATS = 10_000
"""More is a slip of the pen."""

UNREAD = ("discord", "mcp_servers", "monitor", "prune_grace_seconds")
"""Keys of their monitor, which is not built yet: a file may have them, and they change nothing."""


def written_out(content: dict[str, Any], faults: Faults) -> dict[str, Any]:
    """A copy in which each thing has one form. An optional key with nothing behind it is as good as absent."""
    found = {k: v for k, v in content.items() if not (v is None and k in OPTIONAL)}
    for key in DECIDES.keys() & found.keys():
        faults.add((key,), f"'{key}' is not built yet, and it decides which trials run", DECIDES[key])
    for key in (*DECIDES, *UNREAD):
        found.pop(key, None)
    _write_out_requeue(found, faults)
    _write_out_metric(found, faults)
    if isinstance(found.get("notify"), dict):
        faults.written["notify", 0] = ("notify",)
        found["notify"] = [found["notify"]]
    _rename_constraints(found, faults)
    _merge_static_overrides(found, faults)
    if isinstance(found.get("parameters"), dict):
        found["parameters"] = {
            name: parameter(("parameters", name), value, faults)
            for name, value in found["parameters"].items()
        }
        _add_repeats(found, faults)
    return found


def notes(document: Document) -> tuple[str, ...]:
    """What people should know of the keys that change nothing."""
    given = document.value if isinstance(document.value, dict) else {}
    unread = [f"{key} (line {document.line((key,))})" for key in given if key in UNREAD]
    if not unread:
        return ()
    verb = "is" if len(unread) == 1 else "are"
    return (f"{document.file}: {', '.join(unread)} {verb} not used: HyperHerd's monitor is not built yet",)


def _write_out_requeue(content: dict[str, Any], faults: Faults) -> None:
    """``true`` as a mapping that leaves everything at its default, ``false`` as nothing."""
    given = content.get("requeue", False)
    if given is True:
        content["requeue"] = {}
    elif not isinstance(given, dict):
        content.pop("requeue", None)
        if given is not False:
            faults.add(
                ("requeue",), f"true, false or a mapping expected, not {shown(given)}", "requeue: true"
            )


def _write_out_metric(content: dict[str, Any], faults: Faults) -> None:
    """One as a list of one, a name as a mapping."""
    if "metric" not in content:
        return
    given = content["metric"]
    if not isinstance(given, list):
        faults.written[("metric", 0)] = ("metric",)
        given = [given]
    for place, one in enumerate(given):
        if not isinstance(one, (str, dict)):
            faults.add(
                ("metric", place), f"a name or a mapping expected, not {shown(one)}", "metric: val_acc"
            )
    content["metric"] = [{"name": one} if isinstance(one, str) else one for one in given]


def _add_repeats(content: dict[str, Any], faults: Faults) -> None:
    """Each replicate as a parameter behind the others: a number as so many values from 0 on."""
    given = content.get("repeat")
    for name, values in given.items() if isinstance(given, dict) else ():
        path: Path = ("repeat", name)
        if name in content["parameters"]:
            faults.add(path, f"'{name}' is in 'parameters' as well", "leave it in one of them")
            continue
        if isinstance(values, int) and not isinstance(values, bool):
            if not 1 <= values <= MOST_REPEATS:
                faults.add(path, f"{values} repeats", f"1 to {MOST_REPEATS:,}")
            values = list(range(max(min(values, MOST_REPEATS), 1)))
        if values == []:
            faults.add(path, "must not be empty", f"repeat: {{{name}: 3}}")
            continue
        if not isinstance(values, (list, str)):
            faults.add(path, f"a number or a list expected, not {shown(values)}", f"repeat: {{{name}: 3}}")
            continue
        faults.written["parameters", name, "values"] = faults.written["parameters", name] = path
        content["parameters"][name] = parameter(path, values, faults)


def _rename_constraints(content: dict[str, Any], faults: Faults) -> None:
    if "constraints" not in content:
        return
    if "conditions" in content:
        faults.add(
            ("constraints",), "an older name of 'conditions', which is there as well", "put all in one list"
        )
        del content["constraints"]
        return
    faults.written[("conditions",)] = ("constraints",)
    content["conditions"] = content.pop("constraints")


def _merge_static_overrides(content: dict[str, Any], faults: Faults) -> None:
    """Those of the older place come first, so that the newer ones win."""
    hydra, own = content.get("hydra"), content.get("static_overrides", [])
    if (
        not isinstance(hydra, dict)
        or not isinstance(hydra.get("static_overrides"), list)
        or not isinstance(own, list)
    ):
        return
    older = hydra["static_overrides"]
    content["static_overrides"] = [*older, *own]
    content["hydra"] = {key: value for key, value in hydra.items() if key != "static_overrides"}
    for place in range(len(older) + len(own)):
        home: Path = (
            ("hydra", "static_overrides", place)
            if place < len(older)
            else ("static_overrides", place - len(older))
        )
        faults.written[("static_overrides", place)] = home


def override_fault(entry: Value) -> tuple[str, str] | None:
    """What is wrong with one of static_overrides, and what would be right."""
    if isinstance(entry, dict) and len(entry) == 1:
        ((name, value),) = entry.items()
        return "text expected, not a mapping", f"write '{name}={'' if value is None else value}'"
    if not isinstance(entry, str):
        return f"text expected, not {shown(entry)}", "write 'name=value'"
    name, equals, _ = entry.partition("=")
    if not equals or not name.strip():
        return f"'{entry}' is not name=value", f"write '{name or 'name'}=value'"
    return None


def parameter(path: Path, value: Value, faults: Faults) -> Value:
    """A list or a sweep in a string as the mapping that it stands for."""
    if isinstance(value, (list, str)):
        return {"type": "discrete", "values": _expanded(path, value, faults)}
    if isinstance(value, dict) and isinstance(value.get("values"), str):
        return {**value, "values": _expanded((*path, "values"), value["values"], faults)}
    if not isinstance(value, dict):
        hint = f"[{value}] for one value; a list, a mapping with a type, or a sweep such as range(0,5)"
        faults.add(
            path, "a parameter has values", hint if value is not None else hint[hint.index("a list") :]
        )
    return value


def _expanded(path: Path, value: Value, faults: Faults) -> Value:
    if not isinstance(value, str):
        return value
    try:
        return expand_value(value)
    except GrammarError as error:
        faults.add_error(path, error)
        return [value]
