"""`checkpoint.save`: what stays, what goes, and what is refused."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from another_user import NOBODY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperherd import checkpoint

from .conftest import Start
from .programs import ended, environment

KILLED_SAVER = Path(__file__).with_name("killed_saver.py")


def text(words: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "state.txt").write_text(words)

    return write


def names(folder: Path) -> set[str]:
    return set(os.listdir(folder))


def state(folder: Path) -> tuple[int, str] | None:
    found = checkpoint.latest(folder)
    return None if found is None else (found.step, (found.path / "state.txt").read_text())


# --- killed


@pytest.mark.parametrize(
    "scenario, old, new",
    [
        ("new", [4, "old"], [5, "new"]),
        ("again", [4, "old"], [4, "new"]),
        ("piling up", [4, "old"], [5, "new"]),
    ],
)
def test_a_kill_at_any_point_of_a_save_leaves_a_whole_checkpoint_and_the_next_save_clears_up(
    in_memory: Path, scenario: str, old: list[object], new: list[object]
) -> None:
    argv = [sys.executable, "-W", "error", str(KILLED_SAVER), str(in_memory), scenario]
    answer = subprocess.run(argv, env=environment(), capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    kills = json.loads(answer.stdout)
    assert len(kills) > 50
    found = [kill["after"] for kill in kills]
    assert found == sorted(found, key=lambda one: one == new)  # the old one until the new one, never neither
    assert (found[0], found[-1]) == (old, new)
    for kill in kills:
        if "next" in kill:
            assert kill["next"][1] == "next"
            assert all(name.startswith("checkpoint-") for name in kill["names"])


def test_an_older_checkpoint_survives_a_trainer_that_is_killed_while_it_writes(
    tmp_path: Path, start: Start
) -> None:
    checkpoint.save(tmp_path, text("old"), step=1)
    trainer = start(
        """
        import sys
        from hyperherd import checkpoint
        def write(folder):
            (folder / "state.txt").write_text("half")
            print("writing", flush=True)
            sys.stdin.read()
        checkpoint.save(sys.argv[1], write, step=2)
        """,
        tmp_path,
    )
    assert trainer.stdout and trainer.stdout.readline() == "writing\n"
    checkpoint.save(tmp_path, text("other"), step=1)
    assert len([name for name in names(tmp_path) if name.endswith(".saving")]) == 1  # it lives
    trainer.send_signal(signal.SIGKILL)
    trainer.wait()
    assert state(tmp_path) == (1, "other")
    checkpoint.save(tmp_path, text("new"), step=2)
    assert names(tmp_path) == {"checkpoint-1", "checkpoint-2"}


def test_what_another_host_left_goes_after_an_hour_without_a_change(tmp_path: Path, start: Start) -> None:
    checkpoint.save(tmp_path, text("old"), step=1)
    trainer = start(
        """
        import os, signal, sys
        from hyperherd import checkpoint
        checkpoint.save(sys.argv[1], lambda folder: os.kill(os.getpid(), signal.SIGKILL), step=2)
        """,
        tmp_path,
    )
    trainer.wait()
    (left,) = (path for path in tmp_path.iterdir() if path.name.endswith(".saving"))
    elsewhere = left.rename(tmp_path / left.name.replace(os.uname().nodename, "another.node"))
    (elsewhere / "state.txt").write_text("perhaps still being written")
    checkpoint.save(tmp_path, text("new"), step=3)
    assert elsewhere.exists()
    hours_ago = time.time() - 2 * 3600
    for path in (elsewhere / "state.txt", elsewhere):
        os.utime(path, (hours_ago, hours_ago))
    checkpoint.save(tmp_path, text("new"), step=4)
    assert not elsewhere.exists()


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_all_of_it_is_on_the_disk_before_it_gets_its_name(tmp_path: Path) -> None:
    """What a power cut would show, and a kill does not."""
    calls = tmp_path / "calls"
    answer = ended(
        """
        import sys
        from hyperherd import checkpoint
        def write(folder):
            (folder / "sub").mkdir()
            (folder / "sub/state.bin").write_bytes(b"x" * 5_000_000)
            (folder / "a.txt").write_text("a")
        checkpoint.save(sys.argv[1], write, step=1)
        """,
        tmp_path / "out",
        before=(
            "strace",
            "-y",
            "-e",
            "trace=/^(fsync|fdatasync|rename|renameat|renameat2)$",
            "-o",
            str(calls),
        ),
    )
    assert answer.returncode == 0, answer.stderr
    told = [line for line in calls.read_text().splitlines() if str(tmp_path / "out") in line]
    (renamed,) = (number for number, line in enumerate(told) if line.startswith("rename"))
    synced = [re.search(r"<(.*?)>", line) for line in told[:renamed]]
    inside = {match[1].partition(".saving")[2] for match in synced if match}
    assert inside == {"", "/sub", "/sub/state.bin", "/a.txt", "/checkpoint.json"}
    assert told[renamed + 1].endswith(f"<{tmp_path / 'out'}>) = 0")


# --- what stays


def test_the_last_three_stay_unless_said_otherwise(tmp_path: Path) -> None:
    for step in range(10):
        checkpoint.save(tmp_path, text(str(step)), step=step)
    assert names(tmp_path) == {"checkpoint-7", "checkpoint-8", "checkpoint-9"}
    checkpoint.save(tmp_path, text("10"), step=10, keep=None)
    assert len(names(tmp_path)) == 4
    assert state(tmp_path) == (10, "10")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.integers(0, 30), min_size=1, max_size=6),
    last=st.integers(1, 3),
    every=st.sampled_from([None, 5]),
)
def test_the_one_just_saved_stays_and_those_of_later_steps_and_every_so_many(
    in_memory: Path, steps: list[int], last: int, every: int | None
) -> None:
    folder = in_memory / "saved"
    expected: set[int] = set()
    for step in steps:
        checkpoint.save(folder, text(str(step)), step=step, keep=checkpoint.Keep(last, every=every))
        earlier = sorted(one for one in expected if one < step)
        gone = earlier[: len(earlier) - (last - 1)] if len(earlier) >= last else []
        expected -= {one for one in gone if every is None or one % every}
        expected.add(step)
        assert names(folder) == {f"checkpoint-{one}" for one in expected}
    shutil.rmtree(folder)


def test_a_step_saved_again_is_replaced(tmp_path: Path) -> None:
    for words in ("first", "second"):
        path = checkpoint.save(tmp_path, text(words), step=7)
    assert path == tmp_path / "checkpoint-7"
    assert names(tmp_path) == {"checkpoint-7"}
    assert state(tmp_path) == (7, "second")


def test_checkpoints_of_two_names_live_side_by_side_and_do_not_count_for_each_other(tmp_path: Path) -> None:
    for step in range(4):
        checkpoint.save(tmp_path, text("epoch"), step=step, keep=1, name="checkpoint-epoch-{step}")
        checkpoint.save(tmp_path, text("step"), step=100 * step, keep=2)
    assert names(tmp_path) == {"checkpoint-epoch-3", "checkpoint-200", "checkpoint-300"}
    found = checkpoint.latest(tmp_path, name="checkpoint-epoch-{step}")
    assert found is not None and found.step == 3


def test_what_others_have_put_there_is_never_removed_nor_replaced(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-2").mkdir()
    (tmp_path / "checkpoint-2/model.bin").write_text("of another library")
    (tmp_path / "results.txt").write_text("mine")
    for step in (3, 4):
        checkpoint.save(tmp_path, text("ours"), step=step, keep=1)
    assert names(tmp_path) == {"checkpoint-2", "results.txt", "checkpoint-4"}
    with pytest.raises(checkpoint.CheckpointError, match="has not saved it"):
        checkpoint.save(tmp_path, text("ours"), step=2)
    assert (tmp_path / "checkpoint-2/model.bin").read_text() == "of another library"


@pytest.mark.parametrize(
    "rank, size",
    [
        ("RANK", "WORLD_SIZE"),
        ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
        ("PMI_RANK", "PMI_SIZE"),
        ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
    ],
)
def test_only_rank_0_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: str, size: str) -> None:
    monkeypatch.setenv("SLURM_PROCID", "0")  # of the daemon that mpirun has started the rank with
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    monkeypatch.setenv(size, "2")
    monkeypatch.setenv(rank, "1")
    assert checkpoint.save(tmp_path / "out", text("one"), step=1) is None
    assert not (tmp_path / "out").exists()
    monkeypatch.setenv(rank, "0")
    assert checkpoint.save(tmp_path / "out", text("one"), step=1) == tmp_path / "out/checkpoint-1"


# --- what is refused


@pytest.mark.parametrize("name", ["checkpoint", "a/{step}", ".{step}", "{step}-{step}", "x" * 90 + "{step}"])
def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(checkpoint.CheckpointError, match="name"):
        checkpoint.save(tmp_path, text(""), step=1, name=name)


@pytest.mark.parametrize("more", [{"step": -1}, {"step": 1.5}, {"step": True}, {"step": 1, "keep": 0}])
def test_a_step_or_a_number_to_keep_that_is_none_is_refused(tmp_path: Path, more: dict[str, object]) -> None:
    with pytest.raises(checkpoint.CheckpointError):
        checkpoint.save(tmp_path / "out", text(""), **more)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_a_write_that_writes_nothing_or_raises_leaves_nothing(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, text("old"), step=1)
    with pytest.raises(checkpoint.CheckpointError, match="written nothing"):
        checkpoint.save(tmp_path, lambda folder: None, step=2)

    def breaks(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise ZeroDivisionError("of the trainer")

    with pytest.raises(ZeroDivisionError):
        checkpoint.save(tmp_path, breaks, step=2)
    assert names(tmp_path) == {"checkpoint-1"}


def test_an_error_of_the_trainers_own_is_raised_also_where_the_folder_has_gone_meanwhile(
    tmp_path: Path,
) -> None:
    def breaks(folder: Path) -> None:
        shutil.rmtree(folder.parent)
        raise ZeroDivisionError("of the trainer")

    with pytest.raises(ZeroDivisionError):
        checkpoint.save(tmp_path / "out", breaks, step=2)


@pytest.mark.parametrize("wrapped", [False, True], ids=["OSError", "an error of the library's own"])
def test_a_full_disk_is_said_and_the_old_one_stays(disk: Callable[[str], Path], wrapped: bool) -> None:
    folder = disk("size=1m")
    checkpoint.save(folder, text("old"), step=1)

    def large(into: Path) -> None:
        try:
            (into / "state.bin").write_bytes(b"x" * 2_000_000)
        except OSError as error:
            if wrapped:
                raise RuntimeError("file write failed") from error
            raise

    with pytest.raises(checkpoint.CheckpointError, match="No space left") as said:
        checkpoint.save(folder, large, step=2)
    assert "make room" in said.value.hint
    assert names(folder) == {"checkpoint-1"}
    assert state(folder) == (1, "old")


def test_a_folder_that_may_not_be_written_is_said(readable: Path) -> None:
    checkpoint.save(readable / "out", text("old"), step=1)
    answer = ended(
        """
        import sys
        from hyperherd import checkpoint
        try:
            checkpoint.save(sys.argv[1], lambda folder: (folder / "a").write_text("a"), step=2)
        except checkpoint.CheckpointError as error:
            sys.exit(str(error))
        """,
        readable / "out",
        before=NOBODY,
    )
    assert answer.returncode == 1
    assert (
        "checkpoint-2: the checkpoint of step 2 was not saved: cannot write: Permission denied"
        in answer.stderr
    )
    assert names(readable / "out") == {"checkpoint-1"}
