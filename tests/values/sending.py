"""Values on their way: YAML -> herd -> the generated script -> bash -> what the launch script was handed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import herding
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from examples import examples

WIDTH = 40
"""Parameters of a trial: so many values reach one bash."""

LAUNCH = """\
got=$HYPERHERD_WORKSPACE/got/$HYPERHERD_TRIAL_ID
printf '%s' "$1" >"$got.argument"
printf '%s' "$HYPERHERD_PARAMS" >"$got.params"
eval "set -- $HYPERHERD_ARGV"
printf '%s\\0' "$@" >"$got.argv"
"""


def drawn(values: st.SearchStrategy[Any], count: int) -> list[Any]:
    """``count`` examples, as hypothesis finds them on its way through odd cases."""
    found: list[Any] = []

    @settings(max_examples=examples(count), database=None, deadline=None, phases=[Phase.generate])
    @given(values)
    def draw(value: Any) -> None:
        found.append(value)

    draw()
    return found[:count]


def yaml(value: Any) -> str:
    """A value in YAML's flow style, every text in double quotes; what YAML does not take raw is escaped."""
    if isinstance(value, str):
        return '"' + "".join(map(_character, value)) + '"'
    if isinstance(value, float):
        return (
            repr(value)
            if math.isfinite(value)
            else ".nan"
            if value != value
            else f"{value}".replace("inf", ".inf")
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(yaml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{yaml(key)}: {yaml(element)}" for key, element in value.items()) + "}"
    return (
        {None: "null", True: "true", False: "false"}.get(value, str(value))
        if not _is_int(value)
        else str(value)
    )


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _character(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    return f"\\U{ord(character):08x}"


@dataclass(frozen=True)
class Received:
    """What one trial was handed: ``$1``, the words of ``$HYPERHERD_ARGV``, ``$HYPERHERD_PARAMS``."""

    argument: str
    argv: Sequence[str]
    params: str


def rows(values: Sequence[Any]) -> list[list[Any]]:
    """The values by trials, `WIDTH` to each; the last are filled up."""
    filled = [*values, *[0] * (-len(values) % WIDTH)]
    return [filled[start : start + WIDTH] for start in range(0, len(filled), WIDTH)]


def describe(root: Path, name: str, trials: Sequence[Sequence[Any]], more: str = "") -> None:
    """A sweep whose trials have the parameters p0, p1, ...; labels keep the values out of the trials' names."""
    columns = list(zip(*trials, strict=True))
    labels = ", ".join(f"t{number}" for number in range(len(trials)))
    lines = [f"name: {name}", "launcher: launch.sh", "grid: all"]
    lines += [f"zip: [[{', '.join(f'p{number}' for number in range(len(columns)))}]]", "parameters:"]
    for number, column in enumerate(columns):
        told = ", ".join(map(yaml, column))
        lines.append(f"  p{number}: {{type: discrete, labels: [{labels}], values: [{told}]}}")
    (root / "hyperherd.yaml").write_text("\n".join(lines) + f"\n{more}", encoding="utf-8")
    (root / "launch.sh").write_text(LAUNCH)
    (root / "got").mkdir()


def send(root: Path, env: Mapping[str, str], on: str, count: int) -> list[Received]:
    """Run the sweep; what its trials received."""
    herding.ran([*herding.HERD, "run", root, "--on", on, "--wait"], env=env, errors="replace")
    return [_received(root / "got", index) for index in range(count)]


def _received(folder: Path, index: int) -> Received:
    def text(what: str) -> str:
        return (folder / f"{index}.{what}").read_bytes().decode("utf-8", "surrogateescape")

    return Received(text("argument"), text("argv").split("\0")[:-1], text("params"))
