"""``herd init``: the files of a new workspace, which work as written."""

from __future__ import annotations

import re
import shlex
import sys
from importlib import resources
from pathlib import Path

from hyperherd.errors import HerdError
from hyperherd.workspace import layout

LAUNCH = "launch.sh"
TRAIN = "train.py"
LONGEST = 200
"""Characters of a sweep's name."""

_CONSTANTS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""Words that some version of YAML takes for something else than text."""


def make(directory: Path, *, config: Path | None, launcher: Path | None, force: bool) -> list[Path]:
    """Write the YAML and the launch script, and an example of a training where none of both is the user's own.

    Raises `HerdError` where one is there already and ``force`` was not said: then none is written.
    """
    made = {
        directory / layout.CONFIG: config.read_bytes() if config else _yaml(directory),
        directory / LAUNCH: launcher.read_bytes() if launcher else _launch_script(trains=config is None),
    }
    if not (config or launcher):
        made[directory / TRAIN] = _template(TRAIN).encode()
    present = [str(target) for target in made if target.exists()]
    if present and not force:
        raise HerdError(
            f"{' and '.join(present)} would be replaced", hint="herd init -f replaces, or name another folder"
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for target, content in made.items():
            target.write_bytes(content)
        (directory / LAUNCH).chmod(0o755)
    except OSError as error:
        raise HerdError(
            f"cannot be written: {error.strerror}",
            where=str(error.filename or directory),
            hint="name a folder in which you may write: herd init FOLDER",
        ) from error
    return list(made)


def _yaml(directory: Path) -> bytes:
    return _template(layout.CONFIG).replace("NAME", _as_text(_name(directory)), 1).encode()


def _launch_script(*, trains: bool) -> bytes:
    """With the Python that runs herd for the example; without an example it shows what it is handed."""
    text = _template(LAUNCH)
    if trains:
        return text.replace("PYTHON", shlex.quote(sys.executable), 1).encode()
    return text.partition("# Until then")[0].encode() + b'echo "overrides: $OVERRIDES"\n'


def _template(name: str) -> str:
    return (
        resources.files("hyperherd.engine").joinpath("templates").joinpath(name).read_text(encoding="utf-8")
    )


def _name(directory: Path) -> str:
    """The folder's name as a sweep's: one plain path component."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", directory.resolve().name)
    return plain[:LONGEST].strip("._-") or "my_sweep"


def _as_text(name: str) -> str:
    """A name as a text of YAML, whatever its version: in quotes where it could be a number, a date or a constant.

    >>> _as_text("my_sweep"), _as_text("20261129"), _as_text("null"), _as_text("0x1f")
    ('my_sweep', '"20261129"', '"null"', '"0x1f"')
    """
    return name if name[0].isalpha() and name.lower() not in _CONSTANTS else f'"{name}"'
