"""`checkpoint.time_left_s`: what herd or Slurm says, and squeue's word where neither says it."""

from __future__ import annotations

import stat
import sys
import time
from pathlib import Path

import pytest
from real_slurm import Slurm

from hyperherd import checkpoint

from .programs import ended, lines, until

ASK = """
    from hyperherd import checkpoint
    print(checkpoint.time_left_s())
    print(checkpoint.time_left_s())
"""


def test_outside_of_a_job_it_is_not_known() -> None:
    assert checkpoint.time_left_s() is None


def test_the_earliest_of_what_is_exported_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(now) + 5000))
    far = checkpoint.time_left_s()
    monkeypatch.setenv("HYPERHERD_TIME_LIMIT_AT", str(now + 1000))
    near = checkpoint.time_left_s()
    assert far is not None and near is not None
    assert near <= 1000 < far <= 5000


def test_a_limit_that_has_passed_is_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPERHERD_TIME_LIMIT_AT", "1000000000")
    assert checkpoint.time_left_s() == 0.0


@pytest.mark.parametrize("said", ["", "soon", "nan", "0", "-5"])
def test_a_variable_that_says_nothing_is_not_known(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("HYPERHERD_TIME_LIMIT_AT", said)
    assert checkpoint.time_left_s() is None


@pytest.fixture
def squeue(tmp_path: Path) -> Path:
    """A folder for PATH whose squeue notes how it was called, and says what is in the file ``says``."""
    program = tmp_path / "squeue"
    program.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/calls\n. {tmp_path}/says\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def asked(squeue: Path, says: str, **slurm: str) -> list[str]:
    (squeue / "says").write_text(says)
    path = {"PATH": f"{squeue}:/usr/bin:/bin"}
    return ended(ASK, env={**path, "SLURM_JOB_ID": "77", **slurm}).stdout.split()


def test_squeue_is_asked_once_about_this_element_of_an_array(squeue: Path) -> None:
    answers = asked(squeue, "echo 1:00:00", SLURM_ARRAY_JOB_ID="77", SLURM_ARRAY_TASK_ID="4")
    assert [3500 < float(answer) <= 3600 for answer in answers] == [True, True]
    assert lines(squeue / "calls") == ["--noheader --jobs 77_4 --format %L"]


@pytest.mark.parametrize(
    "says, answer",
    [("echo UNLIMITED", "inf"), ("exit 1", "None"), ("echo NOT_SET", "None"), ("echo oops", "None")],
)
def test_no_limit_is_infinite_and_what_is_no_answer_is_not_known(
    squeue: Path, says: str, answer: str
) -> None:
    assert asked(squeue, says) == [answer, answer]
    assert len(lines(squeue / "calls")) == 1


def test_a_node_without_slurms_commands_does_not_know(tmp_path: Path) -> None:
    assert ended(ASK, env={"PATH": str(tmp_path), "SLURM_JOB_ID": "77"}).stdout == "None\nNone\n"


def test_in_an_array_of_the_real_slurm_it_is_each_elements_time_limit(slurm: Slurm, tmp_path: Path) -> None:
    """One of the two elements has the array's own id."""
    program = tmp_path / "ask.py"
    program.write_text(
        f"#!{sys.executable}\n"
        "import os\n"
        "from hyperherd import checkpoint\n"
        "element = os.environ['SLURM_ARRAY_TASK_ID']\n"
        "open(element + '.new', 'w').write(str(checkpoint.time_left_s()))\n"
        "os.rename(element + '.new', element)\n"
    )
    begun = time.time()
    answer = slurm.run(
        "sbatch", "--array=0-1", "--time=2:00:00", "--output=log-%a", str(program), cwd=tmp_path
    )
    assert answer.returncode == 0, answer.stderr
    until(lambda: (tmp_path / "0").exists() and (tmp_path / "1").exists(), "two elements")
    passed = time.time() - begun
    for element in ("0", "1"):
        assert 7200 - passed - 61 <= float((tmp_path / element).read_text()) <= 7201
