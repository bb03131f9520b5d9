"""What this host has: cores under a quota, GPUs by their listing, slots in a folder that is ours."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from hyperherd.attempts.variables import SLOTS_DIR
from hyperherd.errors import DamagedFileError, LauncherError
from hyperherd.jobs import Request
from hyperherd.launchers.direct import cores, gpu_slots, slots, stored, survey

from .machine import Sweep


def test_the_tightest_quota_of_the_groups_above_binds(tmp_path: Path) -> None:
    for name, text in {
        "proc/self/cgroup": "0::/user.slice/job\n",
        "sys/fs/cgroup/user.slice/cpu.max": "150000 100000\n",
        "sys/fs/cgroup/user.slice/job/cpu.max": "max 100000\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cores.cpu_quota(tmp_path) == 1.5


def test_a_quota_of_cgroup_v1_is_seen_at_the_mount_from_inside_a_container(tmp_path: Path) -> None:
    for name, text in {
        "proc/self/cgroup": "4:cpu,cpuacct:/docker/abc\n0::/\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cores.cpu_quota(tmp_path) == 2.0


def test_no_quota_is_none(tmp_path: Path) -> None:
    assert cores.cpu_quota(tmp_path) is None


def test_a_gpu_cut_into_parts_is_given_out_in_parts() -> None:
    listed = gpu_slots.parse_listing(
        "GPU 0: NVIDIA A100 (UUID: GPU-1)\n  MIG 3g.20gb Device 0: (UUID: MIG-a)\n"
        "  MIG 3g.20gb Device 1: (UUID: MIG-b)\nGPU 1: NVIDIA A100 (UUID: GPU-2)\n"
    )
    assert [gpu.name for gpu in gpu_slots.listed_gpus(listed)] == ["MIG-a", "MIG-b", "1"]


def test_a_trial_gets_all_of_its_slots_or_none(tmp_path: Path) -> None:
    three = tuple(gpu_slots.Gpu(str(k), str(k)) for k in range(3))
    room = slots.Slots(tmp_path, ("core-0", "core-1"), three, 2)
    first = room.take("first")
    assert isinstance(first, slots.Taken)
    assert (first.gpus, first.cores) == (("0", "1"), (0,))
    assert str(room.take("second")) == "waits for 2 GPUs, 1 free"
    first.release()
    second = room.take("second")
    assert isinstance(second, slots.Taken)
    second.release()
    both = slots.Slots(tmp_path, ("core-0", "core-1"), cores_each=2)
    taken = both.take("both")
    assert isinstance(taken, slots.Taken) and taken.cores == (0, 1)
    assert str(room.take("third")) == "waits for 1 core, none free"
    taken.release()


def test_slots_in_a_folder_where_others_may_write_are_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(LauncherError, match="others may write there"):
        slots.host_folder({SLOTS_DIR: str(tmp_path)})


def test_slots_behind_a_link_are_refused(tmp_path: Path) -> None:
    os.symlink(tmp_path, tmp_path / "link")
    with pytest.raises(LauncherError, match="not a folder of yours"):
        slots.host_folder({SLOTS_DIR: str(tmp_path / "link")})


def test_a_sweep_within_a_trial_shares_out_slots_of_its_own(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    inside = slots.host_folder({SLOTS_DIR: str(tmp_path), "HYPERHERD_ATTEMPT_MARK": "t/3.1"})
    assert inside == tmp_path / "within-t_3.1"


def test_a_batch_comes_back_as_it_was_stored(sweep: Sweep, tmp_path: Path) -> None:
    odd = os.fsdecode(b"\xff \n'")
    batch = sweep.batch(
        "t", 3, request=Request(gpus=1, native={"exclusive": True, "x": None}), after=("a", odd)
    )
    stored.store(batch, tmp_path / "batch.json")
    assert stored.load(tmp_path / "batch.json") == batch


def test_a_damaged_batch_is_named(tmp_path: Path) -> None:
    (tmp_path / "batch.json").write_text('{"token": "t"')
    with pytest.raises(DamagedFileError, match="cannot be read as a batch"):
        stored.load(tmp_path / "batch.json")


def test_a_line_of_the_usage_journal_that_was_cut_off_is_skipped(tmp_path: Path) -> None:
    journal = stored.Journal(tmp_path / "j")
    journal.add(stored.Measured(0, 1, 2.0, 300, 0))
    journal.add(stored.Measured(0, 2, 5.0, 700, 1))
    with open(tmp_path / "j", "a") as file:
        file.write('{"index": 1, "att')
    used = stored.read(tmp_path / "j")
    assert {i: (u.elapsed_s, u.max_rss_bytes, u.exit_code) for i, u in used.items()} == {0: (5.0, 700, 1)}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "4096\n"}, 4096),
        (
            {
                "proc/self/cgroup": "7:memory:/docker/abc\n4:cpu:/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "8192\n",
            },
            8192,
        ),
        ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"}, None),
        ({}, None),
    ],
)
def test_the_tightest_limit_of_memory_binds(
    tmp_path: Path, files: dict[str, str], expected: int | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert survey.memory_limit(tmp_path) == expected


def test_the_memory_that_can_be_used_is_at_most_the_machines() -> None:
    assert 0 < survey.usable_memory() <= psutil.virtual_memory().total
