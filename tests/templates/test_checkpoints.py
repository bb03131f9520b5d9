"""Checkpoints are complete or absent, and the newest whole one is found."""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from training import checkpoints
from training.checkpoints import CheckpointError, latest, load, save

SETTINGS = {"data": "tiny", "learning_rate": 0.1}


def made(folder: Path, *moments: tuple[int, int]) -> list[Path]:
    return [
        save(folder, {"at": list(moment)}, SETTINGS, epoch=moment[0], step=moment[1]) for moment in moments
    ]


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    state = {
        "weights": torch.arange(3.0),
        "position": (1, 2),
        "name": "a",
        "random": checkpoints.random_states(),
    }
    read = load(save(tmp_path, state, SETTINGS, epoch=0), SETTINGS)
    assert torch.equal(read["weights"], state["weights"])
    assert (read["position"], read["name"]) == ((1, 2), "a")


def test_no_checkpoint_is_no_error(tmp_path: Path) -> None:
    assert latest(tmp_path / "not there") is None
    assert latest(tmp_path) is None


@settings(max_examples=25, deadline=None)
@given(
    moments=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 30)), min_size=1, max_size=4, unique=True)
)
def test_the_newest_moment_of_the_training_is_found_whatever_the_order_of_the_names(
    tmp_path_factory: pytest.TempPathFactory, moments: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("out")
    in_order = sorted(moments, key=lambda one: one if one[1] else (one[0] + 1, 0))
    assert latest(folder) is None
    newest = made(folder, *in_order)[-1]
    assert latest(folder) == newest
    assert len([*folder.iterdir()]) == min(2, len(moments))


@pytest.mark.parametrize(
    "damage", ["empty", "no state", "cut short", "changed", "no manifest", "manifest cut short"]
)
def test_a_damaged_newest_checkpoint_is_skipped_with_a_warning(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    older, newest = made(tmp_path, (3, 0), (4, 7))
    spoil(newest, damage)
    with caplog.at_level(logging.WARNING):
        assert latest(tmp_path) == older
    assert newest.name in caplog.text


def test_where_all_are_damaged_the_training_does_not_begin_anew_in_silence(tmp_path: Path) -> None:
    for one in made(tmp_path, (3, 0), (4, 0)):
        spoil(one, "empty")
    with pytest.raises(CheckpointError, match=r"checkpoint-epoch-4.*checkpoint-epoch-3.*Move them away"):
        latest(tmp_path)


def spoil(checkpoint: Path, damage: str) -> None:
    state, manifest = checkpoint / "state.pt", checkpoint / "manifest.json"
    content = state.read_bytes()
    if damage in ("empty", "no state"):
        state.unlink()
    if damage in ("empty", "no manifest"):
        manifest.unlink()
    if damage == "cut short":
        state.write_bytes(content[:-10])
    if damage == "changed":
        state.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    if damage == "manifest cut short":
        manifest.write_text(manifest.read_text()[:20])


KILLED_IN_A_SAVE = """
import os, signal, sys
from training.checkpoints import save

class Killing:
    def __reduce__(self):
        os.kill(os.getpid(), signal.SIGKILL)

save(sys.argv[1], {"at": 1}, {}, epoch=1)
save(sys.argv[1], {"at": 2, "more": b"x" * 100_000, "killed": Killing()}, {}, epoch=2)
"""


def test_a_kill_in_the_middle_of_a_save_leaves_the_checkpoint_before_and_blocks_no_later_save(
    tmp_path: Path,
) -> None:
    path = ":".join(sys.path[:2])
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_IN_A_SAVE, tmp_path], env={"PYTHONPATH": path}, check=False
    )
    assert killed.returncode == -9
    found = latest(tmp_path)
    assert found is not None
    assert load(found, {}) == {"at": 1}
    assert len([*tmp_path.iterdir()]) == 2  # something of the killed save is left
    assert latest(tmp_path) == found
    after = save(tmp_path, {"at": 3}, {}, epoch=3)
    assert latest(tmp_path) == after
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint-epoch-1", "checkpoint-epoch-3"}


def test_a_damaged_checkpoint_of_the_same_moment_is_replaced(tmp_path: Path) -> None:
    (first,) = made(tmp_path, (4, 2))
    spoil(first, "cut short")
    made(tmp_path, (4, 2))
    assert latest(tmp_path) == first


def test_other_settings_are_refused_by_name_unless_told_to_ignore_them(tmp_path: Path) -> None:
    (checkpoint,) = made(tmp_path, (0, 0))
    with pytest.raises(
        CheckpointError, match=r"learning_rate was 0\.1 and is 0\.2.*ignore_config=true"
    ) as refused:
        load(checkpoint, {**SETTINGS, "learning_rate": 0.2})
    assert "tiny" not in str(refused.value)
    assert load(checkpoint, {**SETTINGS, "learning_rate": 0.2}, ignore_config=True) == {"at": [0, 0]}


def test_all_random_generators_go_on_from_where_they_were(tmp_path: Path) -> None:
    def draws() -> list[float]:
        return [
            random.random(),
            float(np.random.rand()),
            torch.rand(1).item(),
            random.gauss(0, 1),
            float(np.random.randn()),
        ]

    checkpoints.seed_everything(3)
    draws()
    state = load(save(tmp_path, {"random": checkpoints.random_states()}, {}, epoch=0), {})
    expected = [draws(), draws()]
    checkpoints.seed_everything(4)
    checkpoints.restore_random_states(state["random"])
    assert [draws(), draws()] == expected


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "outputs").write_text("a file")
    with pytest.raises(OSError, match="outputs"):
        save(tmp_path / "outputs", {}, {}, epoch=0)


HOLDS = """
import fcntl, sys
file = open(sys.argv[1], "a+")
fcntl.lockf(file, fcntl.LOCK_EX)
print(flush=True)
sys.stdin.read()
"""


def test_a_folder_that_another_host_has_is_waited_for_and_then_named(tmp_path: Path) -> None:
    lock = tmp_path / ".training"
    lock.write_text("elsewhere\n")
    holds = subprocess.Popen(
        [sys.executable, "-c", HOLDS, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holds.stdout is not None
    holds.stdout.readline()
    assert checkpoints.claim(tmp_path, patience_s=0.1) == "elsewhere"
    holds.communicate()
    claim = "import sys; from training import checkpoints; assert checkpoints.claim(sys.argv[1]) == ''"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", claim, tmp_path], env=env, check=True)
