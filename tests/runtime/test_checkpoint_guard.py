"""`checkpoint.guard`: told to stop, all ranks end at the same step with 75, and the next attempt goes on there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from another_user import NOBODY
from real_slurm import Slurm

from hyperherd import checkpoint

from .conftest import Start
from .programs import ended, lines, until

TRAINER = """
import json, os, random, signal, sys
from hyperherd import checkpoint

folder, total, stop_at, how = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
seen, begin = [], 1
found = checkpoint.latest(folder, config={"total": total})
if found:
    saved = json.loads((found.path / "state.json").read_text())
    seen, begin = saved["seen"], found.step + 1
    checkpoint.set_rng_state(saved["rng"])
else:
    random.seed(1)

def write(into):
    (into / "state.json").write_text(json.dumps({"seen": seen, "rng": checkpoint.rng_state()}))

with checkpoint.guard(folder, write, every=10, config={"total": total}) as guard:
    for step in range(begin, total + 1):
        seen.append([step, random.gauss(0, 1)])
        if step == stop_at:
            os.kill(os.getpid(), getattr(signal, how))
        guard.step(step)
print(json.dumps(seen))
"""


def attempt(folder: Path, stop_at: int = 0, how: str = "SIGUSR2") -> subprocess.CompletedProcess[str]:
    return ended(TRAINER, folder, 50, stop_at, how)


@pytest.mark.parametrize("how", ["SIGUSR1", "SIGUSR2", "SIGTERM"])
def test_it_saves_the_step_that_the_signal_came_in_and_ends_with_75(tmp_path: Path, how: str) -> None:
    told = attempt(tmp_path, 23, how)
    assert told.returncode == 75
    assert f"{how}: saved {tmp_path}/checkpoint-23" in told.stderr
    assert set(os.listdir(tmp_path)) == {"checkpoint-10", "checkpoint-20", "checkpoint-23"}


def test_a_run_that_was_stopped_and_killed_ends_on_the_same_numbers(tmp_path: Path) -> None:
    straight = attempt(tmp_path / "straight")
    assert straight.returncode == 0, straight.stderr
    ends = [
        (7, "SIGUSR2"),
        (8, "SIGTERM"),
        (29, "SIGKILL"),
        (24, "SIGKILL"),
        (40, "SIGUSR1"),
        (41, "SIGKILL"),
    ]
    codes = [attempt(tmp_path / "broken", *end).returncode for end in ends]
    assert codes == [75, 75, -9, -9, 75, -9]
    last = attempt(tmp_path / "broken")
    assert last.returncode == 0
    assert json.loads(last.stdout) == json.loads(straight.stdout)


def test_resumed_with_another_configuration_it_says_which_key_differs(tmp_path: Path) -> None:
    attempt(tmp_path, 12)
    answer = ended(TRAINER, tmp_path, 60, 0, "SIGUSR2")
    assert answer.returncode == 1
    assert "total: saved with 50, now 60" in answer.stderr


def test_a_save_that_fails_at_the_stop_is_an_error_and_not_75(tmp_path: Path) -> None:
    answer = ended(
        """
        import os, signal, sys
        from hyperherd import checkpoint
        with checkpoint.guard(sys.argv[1], lambda folder: None) as guard:
            os.kill(os.getpid(), signal.SIGUSR2)
            guard.step(1)
        """,
        tmp_path,
    )
    assert answer.returncode == 1
    assert "write() has written nothing" in answer.stderr


def test_without_every_it_saves_only_when_told_to(tmp_path: Path) -> None:
    with checkpoint.guard(tmp_path, lambda folder: None) as guard:
        for step in range(5):
            assert not guard.due(step)
            guard.step(step)
    assert os.listdir(tmp_path) == []


def test_due_tells_beforehand_that_a_save_comes(tmp_path: Path) -> None:
    told = []
    with checkpoint.guard(tmp_path, lambda folder: (folder / "a").touch(), every=3, keep=None) as guard:
        for step in range(1, 8):
            told.append(guard.due(step))
            guard.step(step)
    assert told == [step % 3 == 0 for step in range(1, 8)]
    assert set(os.listdir(tmp_path)) == {"checkpoint-3", "checkpoint-6"}


def test_a_trainer_that_goes_to_another_folder_still_saves_where_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with checkpoint.guard("out", lambda folder: (folder / "a").touch(), every=1) as guard:
        monkeypatch.chdir(tmp_path / "elsewhere")
        guard.step(1)
    assert os.listdir(tmp_path / "out") == ["checkpoint-1"]


def test_a_folder_that_cannot_be_written_is_said_before_the_first_step(readable: Path) -> None:
    answer = ended(
        """
        import sys
        from hyperherd import checkpoint
        with checkpoint.guard(sys.argv[1], lambda folder: None) as guard:
            print("trained for hours")
        """,
        readable / "out",
        before=NOBODY,
    )
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert "CheckpointError" in answer.stderr
    assert f"{readable}/out: no checkpoint can be saved: cannot write: Permission denied" in answer.stderr


def test_after_the_loop_the_signals_are_as_they_were(tmp_path: Path) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)]
    with checkpoint.guard(tmp_path, lambda folder: None):
        assert signal.getsignal(signal.SIGTERM) != handlers[2]
    assert [signal.getsignal(n) for n in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)] == handlers


def test_a_second_signal_while_the_program_ends_leaves_the_exit_code(tmp_path: Path) -> None:
    answer = ended(
        """
        import os, signal, sys
        from hyperherd import checkpoint
        try:
            with checkpoint.guard(sys.argv[1], lambda folder: (folder / "a").touch()) as guard:
                os.kill(os.getpid(), signal.SIGUSR2)
                guard.step(1)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
        """,
        tmp_path,
    )
    assert answer.returncode == 75


def test_an_exception_of_the_trainer_passes_and_saves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), checkpoint.guard(tmp_path, lambda folder: None, every=1):
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == []


def test_a_guard_that_is_not_on_says_how_to_use_it(tmp_path: Path) -> None:
    with pytest.raises(checkpoint.CheckpointError, match="not on"):
        checkpoint.guard(tmp_path, lambda folder: None).step(1)
    with pytest.raises(checkpoint.CheckpointError, match="every=0"):
        checkpoint.guard(tmp_path, lambda folder: None, every=0)


# --- several ranks

IN_STEP = """
import os, sys, time
from hyperherd import checkpoint

folder, meeting, rank, size = sys.argv[1], sys.argv[2], int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])

def meet(step):
    # As an all-reduce does: nobody leaves before all have come.
    open(f"{meeting}/{step}.{rank}", "x").close()
    while not all(os.path.exists(f"{meeting}/{step}.{other}") for other in range(size)):
        time.sleep(0.001)

def write(into):
    time.sleep(0.2)
    (into / "state").write_text("of rank 0")

try:
    with checkpoint.guard(folder, write) as guard:
        for step in range(1, 100_000):
            meet(step)
            guard.step(step)
finally:
    print(step, os.path.exists(f"{folder}/checkpoint-{step}/state"))
"""


@pytest.mark.parametrize("told", [[0], [2], [1, 2], [0, 1, 2]], ids=str)
def test_ranks_that_train_in_step_all_stop_at_the_same_step_after_rank_0_has_saved(
    tmp_path: Path, start: Start, told: list[int]
) -> None:
    folder, meeting = tmp_path / "out", tmp_path / "meeting"
    meeting.mkdir()
    folder.mkdir()
    (folder / ".stop").write_text(f"{3:020d} an attempt that was killed\n")
    ranks = [start(IN_STEP, folder, meeting, env={"RANK": str(rank), "WORLD_SIZE": "3"}) for rank in range(3)]
    until(lambda: (meeting / "20.2").exists(), "twenty steps")
    for rank in told:
        ranks[rank].send_signal(signal.SIGUSR2)
    words = [rank.communicate(timeout=60)[0] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [75, 75, 75]
    assert len(set(words)) == 1
    assert words[0].split()[1] == "True"
    found = checkpoint.latest(folder)
    assert found is not None and found.step == int(words[0].split()[0]) >= 20


def test_where_rank_0_cannot_save_no_rank_asks_to_be_run_again(tmp_path: Path, start: Start) -> None:
    folder, meeting = tmp_path / "out", tmp_path / "meeting"
    meeting.mkdir()
    broken = IN_STEP.replace('(into / "state").write_text("of rank 0")', 'raise OSError(28, "No space left")')
    ranks = [start(broken, folder, meeting, env={"RANK": str(rank), "WORLD_SIZE": "2"}) for rank in range(2)]
    until(lambda: (meeting / "5.1").exists(), "five steps")
    ranks[1].send_signal(signal.SIGTERM)
    errors = [rank.communicate(timeout=60)[1] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [1, 1]
    assert "No space left" in errors[0] and "rank 0 has not saved" in errors[1]


def test_ranks_of_torch_stop_at_the_same_step(tmp_path: Path, start: Start) -> None:
    """Not judged where torch is not installed."""
    pytest.importorskip("torch")
    program = """
    import sys, torch
    import torch.distributed as dist
    from hyperherd import checkpoint
    folder, store, rank, seen = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    state = torch.zeros(1)
    step = 0
    try:
        with checkpoint.guard(folder, lambda into: torch.save(state, into / "state.pt")) as guard:
            for step in range(1, 100_000):
                dist.all_reduce(state)
                open(f"{seen}-{step}", "w").close()
                guard.step(step)
    finally:
        print(step)
        dist.destroy_process_group()
    """
    ranks = [
        start(program, tmp_path / "out", tmp_path / "store", rank, tmp_path / f"seen-{rank}")
        for rank in range(2)
    ]
    until(lambda: (tmp_path / "seen-0-10").exists() or ranks[0].poll() is not None, "ten steps")
    ranks[1].send_signal(signal.SIGUSR2)
    words = [rank.communicate(timeout=60) for rank in ranks]
    assert [rank.returncode for rank in ranks] == [75, 75], words
    assert words[0][0] == words[1][0]
    found = checkpoint.latest(tmp_path / "out")
    assert found is not None and found.step == int(words[0][0])


def test_ranks_that_srun_has_started_stop_together_when_slurm_signals_their_step(
    slurm: Slurm, tmp_path: Path
) -> None:
    program = IN_STEP.replace('["RANK"]', '["SLURM_PROCID"]').replace('["WORLD_SIZE"]', '["SLURM_NTASKS"]')
    (tmp_path / "train.py").write_text(program)
    (tmp_path / "meeting").mkdir()
    job = "#!/bin/bash\nsrun --output=rank-%t {} -W error train.py out meeting\necho $? >code.new\nmv code.new code\n"
    (tmp_path / "job.sh").write_text(job.format(sys.executable))
    asks = ("--ntasks=2", "--nodes=2", "--parsable", "--output=log")
    answer = slurm.run("sbatch", *asks, "job.sh", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    until(lambda: (tmp_path / "meeting/5.1").exists(), "five steps")
    slurm.run("scancel", "--signal=USR2", answer.stdout.strip())
    until(lambda: (tmp_path / "code").exists(), "the end of the job")
    said = [lines(tmp_path / f"rank-{rank}")[-1] for rank in range(2)]
    assert lines(tmp_path / "code") == ["75"], said
    assert said[0] == said[1] and said[0].endswith(" True")
