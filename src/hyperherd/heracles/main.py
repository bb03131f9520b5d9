"""``heracles``: reads its command line, does it, and turns errors into exit codes."""

from __future__ import annotations

import io
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from hyperherd import __version__
from hyperherd.errors import HerdError
from hyperherd.grammar import product
from hyperherd.grammar.product import Product
from hyperherd.heracles import files, words
from hyperherd.heracles.files import Script
from hyperherd.heracles.words import Action, Asked

MOST = 10_000
"""More files than this are taken for a slip of the pen."""

_ID = re.compile(r"^(?:Submitted batch job ([0-9]+)\b.*|([0-9]+)(?:[;.][\w.-]+)?)$", re.MULTILINE)
"""What sbatch prints, also with ``--parsable``, and qsub."""


@dataclass(frozen=True)
class _File:
    path: str
    words: tuple[str, ...]


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command line and exit: 0 done, 1 refused, 2 usage, 3 done in part, 130 interrupted."""
    given = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if {"-h", "--help"} & set(given):
        print(words.USAGE, end="")
        sys.exit(0)
    if given == ["--version"]:
        print(f"heracles {__version__}")
        sys.exit(0)
    try:
        code = _do(words.read(given))
        sys.stdout.flush()
    except HerdError as error:
        code = _say(str(error), error.exit_code)
    except KeyboardInterrupt:
        code = _say("interrupted", 130)
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    sys.exit(code)


def _do(asked: Asked) -> int:
    script = files.load(asked.script)
    found = product.read(asked.overrides, seed=asked.seed)
    with files.alone(asked.script):
        if asked.action is Action.DELETE:
            return _delete(script)
        if asked.action is Action.RUN and shutil.which(asked.command[0]) is None:
            raise HerdError(f"cannot run '{asked.command[0]}'", hint="is it installed, and on PATH?")
        planned = _planned(script, found, many=asked.many)
        _refuse_foreign(script, planned, replaces_copies=asked.action is Action.WRITE)
        return _run(script, planned, asked.command) if asked.action is Action.RUN else _write(script, planned)


def _planned(script: Script, found: Product, *, many: bool) -> list[_File]:
    """The files to write, in order."""
    if found.count() > MOST and not many:
        raise HerdError(f"{found.count()} combinations are as many files", hint="if they are meant: --yes")
    rows = enumerate(found.combinations())
    return [_File(script.file(index), tuple(one.text for one in row)) for index, row in rows]


def _refuse_foreign(script: Script, planned: Sequence[_File], *, replaces_copies: bool) -> None:
    """Raise `HerdError` where a file to write is there and not ours; one that would stay as it is may be replaced."""
    foreign = [
        path
        for number, path in script.there()
        if number < len(planned)
        and not script.is_ours(path)
        and not (replaces_copies and script.holds(path, planned[number].words))
    ]
    if foreign:
        raise HerdError(
            f"it is there, and was not made by heracles from {script.path} as it is now",
            where=", ".join(foreign[:3]) + (", ..." if foreign[3:] else ""),
            hint="move or delete what is there; nothing was written",
        )


def _write(script: Script, planned: Sequence[_File]) -> int:
    for file in planned:
        script.write(file.path, file.words)
        print(file.path)
    older = [path for number, path in script.there() if number >= len(planned) and script.is_ours(path)]
    for path in older:
        files.delete(path)
    if older:
        _say(f"deleted {len(older)} files of an earlier sweep", 0)
    return 0


def _delete(script: Script) -> int:
    left = 0
    for _, path in script.there():
        if script.is_ours(path):
            files.delete(path)
            print(path)
        else:
            left = _say(f"left as it is: {path} was not made from {script.path} as it is now", 3)
    return left


def _run(script: Script, planned: Sequence[_File], command: Sequence[str]) -> int:
    """Write all, run all, delete all, whatever happens in between."""
    ids: list[str] = []
    failed = 0
    try:
        for file in planned:
            script.write(file.path, file.words)
        for file in planned:
            code, output = _call([*command, file.path])
            found = _ID.search(output)
            ids += [found[1] or found[2]] if found else []
            if code:
                failed += 1
                _say(f"{file.path} ({' '.join(file.words)}): {_ended(command[0], code)}", code)
    finally:
        for file in planned:
            if script.holds(file.path, file.words):
                files.delete(file.path)
    jobs = f"; jobs {' '.join(ids)}" if ids else ""
    _say(f"{len(planned) - failed} of {len(planned)} given to {command[0]}{jobs}", 0)
    return 3 if failed else 0


def _call(argv: Sequence[str]) -> tuple[int, str]:
    """Run a command, passing on what it prints as it comes; its exit code, and what it has printed."""
    sys.stdout.flush()
    output = bytearray()
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        for line in process.stdout or ():
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
            output += line
    return process.returncode, output.decode(errors="replace")


def _ended(command: str, code: int) -> str:
    return f"{command} ended with exit code {code}" if code > 0 else f"{command} was killed by signal {-code}"


def _say(text: str, code: int) -> int:
    print(f"heracles: {text}", file=sys.stderr)
    return code
