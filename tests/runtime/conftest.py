from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from another_user import skip_where_nobody_runs_python

from .programs import argv, environment

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """``start(text, *arguments, env={})``: a trainer in the background, which does not outlive the test."""
    started: list[subprocess.Popen[str]] = []

    def one(text: str, *arguments: object, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        words = argv(text, *arguments)
        started.append(
            subprocess.Popen(words, env=environment(env), stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        )
        return started[-1]

    yield one
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a launcher around the tests."""
    plain = environment()
    for name in set(os.environ) - set(plain):
        monkeypatch.delenv(name)


@pytest.fixture
def readable() -> Iterator[Path]:
    """A folder that nobody, as whom programs run after `another_user.NOBODY`, may enter and not write."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("becoming another user takes root and setpriv")
    skip_where_nobody_runs_python(environment())
    with tempfile.TemporaryDirectory(prefix="checkpoints-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk that is quick to sync, where there is one: for what syncs a thousand times."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="checkpoints-", dir=memory) as folder:
        yield Path(folder)
