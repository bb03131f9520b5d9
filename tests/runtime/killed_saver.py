"""A program: saves are killed with SIGKILL right before their first call to the system, their second, ... the last.

``python killed_saver.py FOLDER SCENARIO`` prints a JSON list with one entry a kill: what `latest` found after it, what
it found after one more save that was let live, and all names in the folder then. Each saver is a process of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hyperherd import checkpoint

MOST = 2000


def killed_before_call(number: int) -> Callable[..., None]:
    """A profile function; what Python does between two calls to the system changes nothing on a disk."""
    left = number

    def count(_frame: object, event: str, called: Any) -> None:
        nonlocal left
        if event != "c_call" or (called.__module__ or type(called.__self__).__module__) not in (
            "posix",
            "_io",
        ):
            return
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    return count


def write(text: str) -> Callable[[Path], None]:
    def into(folder: Path) -> None:
        (folder / "shards").mkdir()
        (folder / "state.txt").write_text(text)
        (folder / "shards/0.bin").write_bytes(text.encode() * 1000)

    return into


def saved_in_a_process(folder: Path, step: int, text: str, *, keep: int, killed: int) -> int:
    """The wait status of the process that saved."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            sys.setprofile(killed_before_call(killed))
            checkpoint.save(folder, write(text), step=step, keep=keep)
            code = 0
        finally:
            sys.setprofile(None)
            if code:
                traceback.print_exc()
            os._exit(code)
    return os.waitpid(pid, 0)[1]


def seen(folder: Path) -> list[object]:
    found = checkpoint.latest(folder)
    if found is None:
        return [None, None]
    text = (found.path / "state.txt").read_text()
    assert (found.path / "shards/0.bin").read_bytes() == text.encode() * 1000
    return [found.step, text]


def main(root: Path, scenario: str) -> None:
    before, step, keep = {"new": ([3, 4], 5, 2), "again": ([4], 4, 1), "piling up": ([3, 4], 5, 2)}[scenario]
    start, told = root / "start", []
    for old in before:
        checkpoint.save(start, write("old"), step=old)
    for number in range(1, MOST):
        folder = root / "all" if scenario == "piling up" else root / str(number)
        if not folder.exists():
            shutil.copytree(start, folder)
        status = saved_in_a_process(folder, step, "new", keep=keep, killed=number)
        assert status in (0, signal.SIGKILL), status
        entry: dict[str, object] = {"killed": status != 0, "after": seen(folder)}
        if scenario != "piling up" or not status:
            checkpoint.save(folder, write("next"), step=step + 1, keep=keep)
            entry.update(next=seen(folder), names=sorted(os.listdir(folder)))
        told.append(entry)
        if not status:
            break
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
