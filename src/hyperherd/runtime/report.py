"""`log_result`: what a trainer calls to log a metric. The format is that of docs/results-format.md.

Nothing heavy is imported before it is needed: json, for one, takes longer to import than a trainer should
wait.
"""

from __future__ import annotations

import _thread  # `threading` takes longer to import
import errno
import os
import time

from hyperherd.attempts import variables
from hyperherd.workspace import layout

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` takes milliseconds to import
    from typing import Any

    from hyperherd.errors import WorkspaceError
    from hyperherd.workspace.results import Journals

_OPEN_AT_ONCE = 128
"""Streams kept open: a metric a call for many metrics, and far from the usual limit of 1,024 descriptors."""


def log_result(name: str, value: object, step: float | None = None, *, strict: bool = False) -> None:
    """Log a metric of the trial that this process belongs to: its final value, or one of each ``step``.

    A value is a number, text, true, false, None, a list or dict of those, or anything with ``.item()`` (a
    tensor of one element). NaN and infinities are kept. Threads and several processes may log at once; of a
    final metric, or a step, that is logged twice the newest counts.

    Outside of a trial nothing is logged. A failure to log gives one warning a process and the training goes
    on; with ``strict`` both raise `hyperherd.errors.WorkspaceError`.
    """
    trial = trial_folder()
    if trial is None:
        if strict:
            raise _no_trial()
        return
    writer = _writer.here()
    try:
        if step is None:
            writer.final(trial, name, value)
        else:
            writer.point(trial, name, value, step)
    except Exception as error:  # whatever a tensor or a disk does, the training goes on
        if strict:
            raise _not_logged(trial, name, error) from error
        writer.warn(trial, name, error)


class _Writer:
    """The files that one process keeps open, by trial folder and metric (None: the journal of finals)."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._suffix = layout.writer_name(os.uname().nodename, self._pid)
        self._open: dict[tuple[str, str | None], int] = {}
        self._paths: dict[tuple[str, str | None], str] = {}
        self._journals: dict[str, Journals] = {}
        self._places: dict[str, str] = {}
        self._warned = False
        self._lock = _thread.RLock()  # a signal's handler may log while we do

    def here(self) -> _Writer:
        """This writer, or in a forked child one of its own: two processes do not share a file."""
        global _writer
        if self._pid == os.getpid():
            return self
        # What is open stays so: the child may have closed a descriptor, and opened another of its number.
        _writer = _Writer()
        return _writer

    def point(self, trial: str, name: str, value: object, step: object) -> None:
        text = f'{{"step": {_number(step)}, "value": {_json(value)}, "ts": {time.time():.6f}}}\n'
        self._append((trial, name), text.encode())

    def final(self, trial: str, name: str, value: object) -> None:
        text = f'{{"name": {_json(_checked(name))}, "value": {_json(value)}, "ts": {time.time():.6f}}}\n'
        with self._lock:
            self._append((trial, None), text.encode())
            self._copy(trial)

    def warn(self, trial: str, name: str, error: Exception) -> None:
        if self._warned:
            return
        self._warned = True
        import warnings  # start-up time

        warnings.warn(
            f"{_not_logged(trial, name, error)}\n  The training goes on; this is said once.",
            RuntimeWarning,
            stacklevel=3,
        )

    def _append(self, key: tuple[str, str | None], line: bytes) -> None:
        """One write to a descriptor that stays open; nothing else, after the first time."""
        with self._lock:
            descriptor = self._open.pop(key, -1)
            if descriptor < 0:
                descriptor = self._opened(key)
            try:
                written = os.write(descriptor, line)
                if written < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._paths[key])
            except BaseException:
                os.close(descriptor)  # opened again, it is seen that the last line was torn
                raise
            self._open[key] = descriptor  # now the newest

    def _opened(self, key: tuple[str, str | None]) -> int:
        while len(self._open) >= _OPEN_AT_ONCE:
            os.close(self._open.pop(next(iter(self._open))))
        known = self._paths.get(key)
        if known is not None:
            return _continued(known)
        self._paths[key], descriptor = self._begun(*key)
        return descriptor

    def _begun(self, trial: str, name: str | None) -> tuple[str, int]:
        """Path and descriptor of a file of our own: the first writer of a stream has the plain name."""
        trial = self._place(trial)
        if name is None:
            journal = os.path.join(trial, layout.FINAL, f"{self._suffix}{layout.JSONL}")
            _make_folder(trial, os.path.dirname(journal))
            return journal, _continued(journal)
        streams = os.path.join(trial, layout.STREAM)
        first = os.path.join(streams, layout.stream_file(_checked(name)))
        _make_folder(trial, os.path.dirname(first))
        try:
            return first, os.open(first, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            own = os.path.join(streams, layout.stream_file(name, self._suffix))
            return own, _continued(own)

    def _place(self, trial: str) -> str:
        """The trial's folder, by way of its state folder as this process has found it first: what is logged goes
        there where that is moved, and nowhere where it is removed and made anew.
        """
        if trial not in self._places:
            self._places[trial] = _held(trial)
        return self._places[trial]

    def _copy(self, trial: str) -> None:
        """Make ``results/<index>.json``, and again if a journal grew meanwhile: the last writer sees all."""
        from hyperherd import fsio  # start-up time
        from hyperherd.workspace.results import Journals  # json, dataclasses: start-up time

        trial = self._place(trial)
        journals = self._journals.get(trial)
        if journals is None:
            journals = self._journals[trial] = Journals(trial)
        else:
            journals.read()
        while True:
            fsio.replace(f"{trial}.json", journals.document(), 0o666, durable=False)
            if not journals.read():
                return


_writer = _Writer()


def trial_folder() -> str | None:
    """Where this trial's metrics go; None outside of a trial. Jobs of 0.1.3 have the older two variables only."""
    folder = os.environ.get(variables.RESULTS)
    if folder:
        return folder
    workspace, index = os.environ.get(variables.WORKSPACE), os.environ.get(variables.TRIAL_ID)
    if not workspace or not index:
        return None
    return os.path.join(workspace, layout.STATE_FOLDER, layout.RESULTS, index)


def _held(trial: str) -> str:
    """The path of the trial's folder that `_Writer` writes by. Raises `WorkspaceError` where the state folder is not
    the one that it was submitted in.
    """
    generation = os.environ.get(variables.GENERATION)
    results, index = os.path.split(trial)
    state = os.path.dirname(results)
    if not generation or not os.path.isdir(state):
        return trial
    descriptor = os.open(state, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.stat(f"{layout.GENERATION}{generation}", dir_fd=descriptor)
    except FileNotFoundError:
        os.close(descriptor)
        raise _of_another_life(state) from None
    by_descriptor = f"/proc/self/fd/{descriptor}"
    if os.path.isdir(f"{by_descriptor}/."):
        return os.path.join(by_descriptor, os.path.basename(results), index)
    os.close(descriptor)
    return trial


def _make_folder(trial: str, folder: str) -> None:
    """Make a folder of the trial, never the workspace: in a container without it metrics would be lost."""
    home = os.path.dirname(os.path.dirname(trial))
    if not os.path.isdir(home):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.path.join(home, layout.RESULTS))
    from hyperherd import fsio  # start-up time

    fsio.make_folders(folder)


def _continued(path: str) -> int:
    """Open a file to append to it, on a new line if its last one was torn by a kill or a full disk."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            os.write(descriptor, b"\n")
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _json(value: object) -> str:
    """The value as JSON; "NaN", "Infinity", "-Infinity" for floats that JSON does not have."""
    if type(value) is float:
        if value - value == 0.0:  # neither NaN nor infinite
            return repr(value)
        return '"NaN"' if value != value else '"Infinity"' if value > 0 else '"-Infinity"'
    if type(value) is int:
        return repr(value)
    if type(value) is bool:
        return "true" if value else "false"
    if value is None:
        return "null"
    if hasattr(value, "item"):
        return _json(_item(value))
    return _any_json(value)


def _any_json(value: object) -> str:
    import json  # start-up time

    from hyperherd.workspace.results import tagged  # start-up time

    return json.dumps(tagged(value), default=lambda one: tagged(_item(one)), allow_nan=False)


def _item(value: Any) -> object:
    """``value.item()``, if that is a plain value. Raises TypeError, and whatever a tensor raises."""
    plain = value.item() if hasattr(value, "item") else None
    if type(plain) not in (float, int, bool, str):
        raise TypeError(
            f"{type(value).__name__} is no number, text, true, false, None, list or dict of those"
        )
    return plain


def _checked(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise TypeError("the name of a metric is a text that is not empty")
    return name


def _number(step: object) -> str:
    if type(step) is int:
        return repr(step)
    plain = _item(step) if hasattr(step, "item") else step
    if isinstance(plain, int) and not isinstance(plain, bool):
        return repr(int(plain))
    if isinstance(plain, float) and plain - plain == 0.0:
        return repr(float(plain))
    raise TypeError(f"a step is a number, not {step!r:.50}")


def _no_trial() -> WorkspaceError:
    from hyperherd.errors import WorkspaceError  # start-up time

    return WorkspaceError(
        f"{variables.RESULTS} is not set: this process belongs to no trial",
        hint="start it with `herd run` or `herd test`, or leave out strict=True",
    )


def _of_another_life(state: str) -> WorkspaceError:
    from hyperherd.errors import WorkspaceError  # start-up time

    return WorkspaceError(
        "its state folder was removed, or made anew, since the trial was submitted", where=state
    )


def _not_logged(trial: str, name: object, error: Exception) -> WorkspaceError:
    from hyperherd import fsio  # start-up time
    from hyperherd.errors import HerdError, WorkspaceError  # start-up time

    if isinstance(error, OSError):
        path = os.fsdecode(error.filename or trial)
        if path.startswith("/proc/self/fd/"):
            path = os.path.join(os.path.dirname(os.path.dirname(trial)), *path.split("/")[5:])
        error = fsio.refused(path, error)
    what = f"the metric {name!r} was not logged"
    if isinstance(error, HerdError):
        return WorkspaceError(f"{what}: {error.what}", where=error.where, hint=error.hint)
    return WorkspaceError(
        f"{what}: {error}", where=trial, hint="log a number: float(...), or value.item() of one element"
    )
