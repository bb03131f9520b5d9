"""The pictures of the README, from what sweeps really print: ``python tools/pictures.py [NAME ...]``.

Writes docs/pictures/{status,res,slurm}.svg; the last needs Slurm (tools/install-packages).
Needs the extra ``test``.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pyte.screens import Char
from rich.console import Console
from rich.style import Style
from rich.text import Text

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from herding import HERD  # noqa: E402
from real_slurm import connect, minislurm  # noqa: E402
from terminal.screen import Screen, seen, terminal  # noqa: E402

PICTURES = ROOT / "docs/pictures"
COLUMNS = 100
SVG = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
font-size: {char_height}px; line-height: {line_height}px;}}
.{unique_id}-title {{font-size: 18px; font-weight: bold; font-family: sans-serif;}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""
"""rich's own, without fonts from elsewhere."""


def styled(screen: Screen) -> Iterator[Text]:
    """The lines of a screen, with their colours."""
    emulator = screen.emulator
    rows = [*emulator.history.top, *(emulator.buffer[y] for y in range(emulator.lines))]
    for row in rows[: len(screen.lines)]:
        cells = [row[x] for x in range(emulator.columns)]
        line = Text()
        for style, run in itertools.groupby(cells, _style):
            line.append("".join(cell.data for cell in run), style)
        line.rstrip()
        yield line


def _style(cell: Char) -> Style:
    colour = None if cell.fg == "default" else f"#{cell.fg}" if _is_hex(cell.fg) else _named(cell.fg)
    return Style(color=colour, bold=cell.bold, reverse=cell.reverse)


def _is_hex(colour: str) -> bool:
    return re.fullmatch("[0-9a-f]{6}", colour) is not None


def _named(colour: str) -> str:
    """pyte's name of a colour as rich calls it."""
    return {"brown": "yellow"}.get(colour, colour).replace("bright", "bright_")


def draw(name: str, command: str, screen: Screen) -> None:
    """Write a picture of a screen, under the command that was typed."""
    with open(os.devnull, "w") as nowhere:
        console = Console(
            width=COLUMNS, record=True, file=nowhere, force_terminal=True, color_system="truecolor"
        )
        console.print(Text.assemble(("$ ", "bold"), (command, "bold")))
        for line in styled(screen):
            console.print(line, no_wrap=True, crop=False)
        svg = console.export_svg(title=name, code_format=SVG, unique_id=name)
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / f"{name}.svg").write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n")


@contextmanager
def quickstart(more: str = "") -> Iterator[Path]:
    """A fresh copy of the example."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "quickstart")
        skipped = shutil.ignore_patterns(".hyperherd", "outputs")
        shutil.copytree(ROOT / "examples/quickstart", root, ignore=skipped)
        with (root / "hyperherd.yaml").open("a") as file:
            file.write(more)
        yield root.parent


def environment(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """For herd and for the trials."""
    return {
        **{name: value for name, value in base.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")},
        "PYTHONPATH": str(ROOT / "src"),
        "QUICKSTART_PYTHON": sys.executable,
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
    }


def here() -> None:
    """status.svg in the middle of a run of `herd init`'s example on this machine, res.svg at its end."""
    with tempfile.TemporaryDirectory() as folder:
        env = environment()
        subprocess.run([*HERD, "init", "digits"], cwd=folder, env=env, check=True)
        train = Path(folder, "digits/train.py")
        train.write_text(train.read_text().replace("time.sleep(0.02)", "time.sleep(0.1)"))
        with terminal(
            *HERD, "run", "digits", "--on", "local", columns=COLUMNS, cwd=folder, env=env
        ) as running:
            running.wait_for(lambda screen: "FAILED" in screen.text and "RUNNING 2" in screen.text)
            status = seen(*HERD, "status", "digits", columns=COLUMNS, cwd=folder, env=env)
            draw("status", "herd status", status)
            running.ends()
        draw("res", "herd res", seen(*HERD, "res", "digits", columns=COLUMNS, cwd=folder, env=env))


def on_slurm() -> None:
    """slurm.svg: the status in the middle of a run on a Slurm of four nodes with four GPUs each."""
    with quickstart("slurm: {gres: 'gpu:2', time: '00:20:00'}\n") as folder:
        cluster = folder / "cluster"
        up = minislurm("up", "--dir", str(cluster), "--ends-with", str(os.getpid()))
        if up.returncode:
            sys.exit(up.stderr)
        try:
            env = environment(connect(cluster).env)
            subprocess.run([*HERD, "run", "quickstart", "--on", "slurm"], cwd=folder, env=env, check=True)
            while True:
                status = seen(*HERD, "status", "quickstart", columns=COLUMNS, cwd=folder, env=env)
                if re.search(r" [5-9] done", status.text) or " wait" not in status.text:
                    break
            draw("slurm", "herd status quickstart", status)
            subprocess.run([*HERD, "stop", "quickstart", "--all", "--yes"], cwd=folder, env=env, check=True)
        finally:
            minislurm("down", "--dir", str(cluster))


if __name__ == "__main__":
    wanted = set(sys.argv[1:]) or {"status", "res", "slurm"}
    if wanted & {"status", "res"}:
        here()
    if "slurm" in wanted:
        on_slurm()
