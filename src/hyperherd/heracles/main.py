"""``heracles``: reads its command line, does it, and turns errors into exit codes."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from hyperherd import __version__
from hyperherd.errors import HerdError, ScriptError
from hyperherd.grammar import product
from hyperherd.grammar.product import Product
from hyperherd.heracles import command_line, disk, sweep_files
from hyperherd.heracles.command_line import Action, Asked
from hyperherd.heracles.sweep_files import File, Script

MOST = 10_000
"""More files than this are taken for a slip of the pen."""

_ID = re.compile(r"^(?:Submitted batch job ([0-9]+)\b.*|([0-9]+)(?:[;.][\w.-]+)?)$", re.MULTILINE)
"""What sbatch prints, also with ``--parsable``, and qsub."""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command line and exit: 0 done, 1 refused, 2 usage, 3 done in part, 130 interrupted."""
    given = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)
    if {"-h", "--help"} & set(given):
        _print(command_line.USAGE.encode())
        sys.exit(0)
    if given == ["--version"]:
        _print(f"heracles {__version__}\n".encode())
        sys.exit(0)
    try:
        code = _do(command_line.read(given))
    except HerdError as error:
        code = _say(str(error), error.exit_code)
    except KeyboardInterrupt:
        code = _say("interrupted", 130)
    sys.exit(code)


def _end(number: int, _: FrameType | None) -> NoReturn:
    """Told to end: clean up, once (a terminal that is closed says it twice)."""
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def _do(asked: Asked) -> int:
    with disk.alone(asked.script):
        script = sweep_files.load(asked.script, asked.at)
        found = product.read(asked.overrides, seed=asked.seed)
        if asked.action is Action.DELETE:
            return _delete(script)
        if isinstance(script.place, ScriptError):
            raise script.place
        if asked.action is Action.RUN and shutil.which(asked.command[0]) is None:
            raise HerdError(f"cannot run '{asked.command[0]}'", hint="is it installed, and on PATH?")
        planned = _planned(script, found, many=asked.many)
        _refuse_foreign(script, planned, replaces_copies=asked.action is Action.WRITE)
        _say(f"overrides go to {script.place.told}", 0)
        for note in found.notes():
            _say(f"note: {note}", 0)
        return _run(script, planned, asked) if asked.action is Action.RUN else _write(script, planned)


def _planned(script: Script, found: Product, *, many: bool) -> list[File]:
    """The files to write, in order."""
    if found.count() > MOST and not many:
        raise HerdError(f"{found.count()} combinations are as many files", hint="if they are meant: --yes")
    rows = enumerate(found.combinations())
    return [File(script.file(index), tuple(one.text for one in row)) for index, row in rows]


def _refuse_foreign(script: Script, planned: Sequence[File], *, replaces_copies: bool) -> None:
    """Raise `HerdError` where a file to write is there and not ours; one that would stay as it is may be replaced."""
    foreign = [
        path
        for number, path in script.there()
        if number < len(planned)
        and not script.is_ours(path)
        and not (replaces_copies and script.holds(planned[number]))
    ]
    if foreign:
        raise HerdError(
            "it is there, and is not known as made by heracles, or was changed since",
            where=", ".join(foreign[:3]) + (", ..." if foreign[3:] else ""),
            hint="move or delete what is there; nothing was written",
        )


def _write(script: Script, planned: Sequence[File]) -> int:
    script.record(planned)
    for file in planned:
        script.write(file)
        _print(os.fsencode(file.path) + b"\n")
    older = [path for number, path in script.there() if number >= len(planned) and script.is_ours(path)]
    for path in older:
        disk.delete(path)
    script.settle(planned)
    if older:
        _say(f"deleted {len(older)} files of an earlier sweep", 0)
    return 0


def _delete(script: Script) -> int:
    left = []
    for _, path in script.there():
        if script.is_ours(path):
            disk.delete(path)
            _print(os.fsencode(path) + b"\n")
        else:
            left.append(path)
    script.forget()
    for path in left:
        _say(f"left as it is: {path} is not known as made by heracles, or was changed since", 3)
    return 3 if left else 0


def _run(script: Script, planned: Sequence[File], asked: Asked) -> int:
    """Write all, run all, delete all, whatever happens in between."""
    command = asked.command
    ids: list[str] = []
    failed = 0
    try:
        script.record(planned)
        for file in planned:
            script.write(file)
        for file in planned:
            code, output = _call([*command, file.path, *asked.arguments])
            found = _ID.search(output)
            ids += [found[1] or found[2]] if found else []
            if code:
                failed += 1
                _say(f"{file.path} ({' '.join(file.words)}): {_ended(command[0], code)}", code)
    finally:
        for file in planned:
            if script.holds(file):
                disk.delete(file.path)
        script.settle(planned)
    jobs = f"; jobs {' '.join(ids)}" if ids else ""
    _say(f"{len(planned) - failed} of {len(planned)} given to {command[0]}{jobs}", 0)
    return 3 if failed else 0


def _call(argv: Sequence[str]) -> tuple[int, str]:
    """Run a command, passing on what it prints as it comes; its exit code, and what it has printed."""
    output = bytearray()
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        for line in process.stdout or ():
            _print(line)
            output += line
    return process.returncode, output.decode(errors="replace")


def _ended(command: str, code: int) -> str:
    return f"{command} ended with exit code {code}" if code > 0 else f"{command} was killed by signal {-code}"


def _print(line: bytes) -> None:
    """Print as it is; a reader that has left, as head does, is no reason to leave work undone."""
    if not isinstance(sys.stdout, io.TextIOWrapper):  # closed by the caller
        return
    try:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(text: str, code: int) -> int:
    print(f"heracles: {text}", file=sys.stderr)
    return code
