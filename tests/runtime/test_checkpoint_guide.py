"""The trainers of docs/checkpoint.md, killed and stopped wherever it pleases us, end on the same numbers."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .programs import environment

PAGE = Path(__file__).parents[2] / "docs/checkpoint.md"
PLAIN, PYTORCH, *_ = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., list[str]]:
    """``train(program, folder, *words, told=None)``: its lines; told to end when it has printed three.

    It cannot get to its end before: what it prints and nobody reads fills the pipe.
    """

    def one(program: str, folder: str, *words: str, told: signal.Signals | None = None) -> list[str]:
        where = tmp_path / folder
        where.mkdir(exist_ok=True)
        (where / "train.py").write_text(program)
        argv = [sys.executable, "-u", "-W", "error", "train.py", *words]
        env = environment({"OMP_NUM_THREADS": "1"})
        with subprocess.Popen(argv, cwd=where, env=env, stdout=subprocess.PIPE, text=True) as trainer:
            assert trainer.stdout
            begun = [trainer.stdout.readline() for _ in range(3)]
            if told:
                trainer.send_signal(told)
            lines = begun + trainer.stdout.readlines()
        expected = {None: 0, signal.SIGKILL: -signal.SIGKILL}.get(told, 75)
        assert trainer.returncode == expected
        return lines

    return one


def judge(train: Callable[..., list[str]], program: str, ends: list[signal.Signals], *words: str) -> None:
    straight = train(program, "straight", *words)
    said: list[str] = []
    for told in (*ends, None):
        said += train(program, "broken", *words, told=told)
    assert said[-1] == straight[-1]
    assert {line for line in said if line.endswith("\n")} == set(straight)


def test_the_plain_loop(train: Callable[..., list[str]]) -> None:
    judge(train, PLAIN, [signal.SIGUSR2, signal.SIGKILL, signal.SIGTERM], "steps=4000", "width=0.5")


def test_the_plain_loop_refuses_to_resume_with_another_width(train: Callable[..., list[str]]) -> None:
    train(PLAIN, "one", "steps=4000", "width=0.5", told=signal.SIGUSR2)
    with pytest.raises(AssertionError):
        train(PLAIN, "one", "steps=4000", "width=0.25")


def test_the_pytorch_loop(train: Callable[..., list[str]]) -> None:
    """Not judged where torch is not installed."""
    pytest.importorskip("torch")
    judge(train, PYTORCH, [signal.SIGUSR2], "lr=1e-3", "hidden=8", "epochs=60")
