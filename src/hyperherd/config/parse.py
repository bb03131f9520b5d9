"""``hyperherd.yaml`` as a checked value. Loads pydantic and ruamel.yaml: for readers of the YAML only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from hyperherd.config import document, metric, notify, parameters, requeue, rules, short_forms, structure
from hyperherd.config.faults import Faults, shown
from hyperherd.errors import ConfigError, Fault, HerdError, nearest
from hyperherd.search import sobol
from hyperherd.sweep.spec import Missing, Parameter, Sample, SweepSpec

MAX_NAME_BYTES = 200


def spec(
    text: str,
    *,
    file: str = "hyperherd.yaml",
    native: rules.Check | None = None,
    compute: Callable[[str], object] | None = None,
) -> SweepSpec:
    """The sweep that ``text`` describes. ``native`` is a launcher's check of what stands under ``slurm``, ``compute``
    raises `HerdError` for a name that is no compute preset's; None: not checked.

    Raises `ConfigError` with all faults, in the order of their lines.
    """
    source = document.read(text, file=file)
    if not isinstance(source.value, dict):
        what = (
            "the file is empty" if source.value is None else f"a mapping expected, not {shown(source.value)}"
        )
        raise ConfigError([Fault(f"{file}:1", what, "herd init writes one that works")])
    faults = Faults(source)
    content = short_forms.written_out(source.value, faults)
    structure.check(content, faults)
    requeues = isinstance(content.get("requeue"), dict)
    resource = rules.build(content.get("slurm"), faults, native, requeues=requeues)
    made = _build(content, faults, resource)
    _check_preset(made.compute, compute, faults)
    faults.raise_any()
    return replace(made, notes=short_forms.notes(source))


def _build(content: Mapping[str, Any], faults: Faults, resource: rules.Resources) -> SweepSpec:
    """The spec of what has no faults; whoever calls this raises where there are any."""
    given = {key: value for key, value in content.items() if not faults.at((key,))}
    entries = content.get("parameters")
    entries = entries if isinstance(entries, dict) else {}
    found = parameters.build(entries, faults)
    listed = content.get("conditions")
    reader = rules.Reader(entries, found, faults)
    again = requeue.build(content, faults)
    groups = _zips(given.get("zip", []), entries, found, faults)
    spec = SweepSpec(
        name=_name(given, faults),
        launcher=str(given.get("launcher", "")),
        parameters=found,
        grid=_grid(content, entries, faults),
        sample=Sample(**given["sample"]) if given.get("sample") else None,
        repeat=tuple(name for name in given.get("repeat") or () if name in entries),
        zips=groups,
        conditions=reader.conditions(listed) if isinstance(listed, list) else (),
        static_overrides=_static_overrides(content.get("static_overrides"), faults),
        slurm=resource.options,
        max_concurrent=resource.max_concurrent,
        extra_args=resource.extra_args,
        compute=str(given.get("compute", "")),
        requires=rules.requirement(("requires",), given.get("requires"), faults),
        requeue=again.requeue,
        growth=again.growth,
        metrics=metric.build(given, faults),
        notify=notify.build(given, faults),
    )
    _check_together(content, spec, faults)
    return spec


def _name(given: Mapping[str, Any], faults: Faults) -> str:
    name = str(given.get("name", ""))
    if "/" in name or name in (".", "..") or not name.isprintable():
        faults.add(("name",), f"{shown(name)} is not one component of a path", "letters, digits and . _ -")
    elif len(name.encode()) > MAX_NAME_BYTES:
        faults.add(("name",), f"{len(name.encode())} bytes long", f"{MAX_NAME_BYTES} at most")
    return name


def _check_preset(name: str, check: Callable[[str], object] | None, faults: Faults) -> None:
    try:
        if name and check:
            check(name)
    except HerdError as error:
        faults.add_error(("compute",), error)


def _static_overrides(entries: Any, faults: Faults) -> tuple[str, ...]:
    if not isinstance(entries, list):
        return ()
    for place, entry in enumerate(entries):
        if fault := short_forms.override_fault(entry):
            faults.add(("static_overrides", place), *fault)
    return tuple(entries)


def _grid(
    content: Mapping[str, Any], names: Collection[str], faults: Faults
) -> Literal["all"] | tuple[str, ...] | None:
    grid = content.get("grid")
    if grid is None or grid == "all":
        return "all" if grid else None
    if not isinstance(grid, list):
        hint = f"grid: [{grid}]" if isinstance(grid, str) and grid in names else nearest(str(grid), ["all"])
        faults.add(
            ("grid",), f"'all', or a list of parameters, expected, not {shown(grid)}", hint or "grid: all"
        )
        return None
    _check_names(("grid",), grid, names, faults)
    return tuple(str(name) for name in grid)


def _check_names(path: document.Path, given: Sequence[Any], names: Collection[str], faults: Faults) -> None:
    for place, name in enumerate(given):
        if not isinstance(name, str) or name not in names:
            hint = nearest(str(name), names) or f"the parameters are {', '.join(names)}"
            faults.add((*path, place), f"no parameter {shown(name)}", hint)
        elif name in given[:place]:
            faults.add((*path, place), f"{shown(name)} is named twice")


def _zips(
    groups: Sequence[Sequence[str]], names: Collection[str], found: Sequence[Parameter], faults: Faults
) -> tuple[tuple[str, ...], ...]:
    lengths = {parameter.name: len(parameter.values) for parameter in found}
    grouped: set[str] = set()
    for place, group in enumerate(groups):
        path = ("zip", place)
        _check_names(path, group, names, faults)
        if len(group) < 2:
            faults.add(path, "two parameters at least go together", "zip: [[a, b]]")
        for name in grouped.intersection(group):
            faults.add(path, f"{shown(name)} is in another group already", "make one group of both")
        grouped.update(group)
        known = {
            name: lengths[name] for name in group if name in lengths and not faults.at(("parameters", name))
        }
        if len(set(known.values())) > 1:
            each = ", ".join(f"{name} has {length}" for name, length in known.items())
            faults.add(path, f"parameters of a group need equally many values: {each}")
    return tuple(tuple(group) for group in groups)


def _check_together(content: Mapping[str, Any], spec: SweepSpec, faults: Faults) -> None:
    """What only the whole of it can tell: how the combinations are made, and where they run."""
    if spec.compute and "requires" in content:
        what = "'compute' is there as well, and only one of them can be"
        faults.add(("requires",), what, "remove one; a condition may require more for some trials")
    _check_repeats(spec, faults)
    if "sample" in content:
        if "grid" in content:
            faults.add(("sample",), "'grid' is there as well, and only one of them can be", "remove one")
        elif spec.sample and spec.sample.method == "sobol" and len(spec.searched) > sobol.MAX_DIMENSIONS:
            what = f"Sobol's points have {sobol.MAX_DIMENSIONS} dimensions at most, not {len(spec.searched)}"
            faults.add(("sample", "method"), what, "method: random")
    elif spec.grid != "all" and not faults.at(("grid",)):
        _check_defaults(spec, faults)
        _check_groups_are_whole(spec, faults)


def _check_repeats(spec: SweepSpec, faults: Faults) -> None:
    """What repeats goes with each combination, and with nothing else; something else has to be there."""
    if spec.repeat and not spec.searched:
        what = "every parameter is in 'repeat', so nothing is searched"
        faults.add(("parameters",), what, "parameters: {lr: [0.1, 0.01]}, one at least")
    for name in spec.repeat:
        for key, groups in (
            ("zip", spec.zips),
            ("grid", [spec.grid] if isinstance(spec.grid, tuple) else []),
        ):
            if any(name in group for group in groups):
                faults.add((key,), f"'{name}' is in 'repeat', and goes with each combination", "take it out")


def _check_defaults(spec: SweepSpec, faults: Faults) -> None:
    for parameter in spec.searched:
        path = ("parameters", parameter.name)
        if (
            parameter.name in (spec.grid or ())
            or not isinstance(parameter.default, Missing)
            or faults.at(path)
        ):
            continue
        if spec.grid is None:
            what = "no default, and without 'grid' each parameter varies alone while the others have theirs"
            faults.add(path, what, "give it a default, or write grid: all for all combinations")
        else:
            faults.add(path, "no default, and it is not in 'grid'", "give it a default, or name it in grid")


def _check_groups_are_whole(spec: SweepSpec, faults: Faults) -> None:
    for place, group in enumerate(spec.zips if spec.grid else ()):
        outside = [name for name in group if name not in (spec.grid or ())]
        if outside and len(outside) < len(group):
            faults.add(
                ("zip", place), f"'{outside[0]}' is not in 'grid', but others of its group are", "name all"
            )
