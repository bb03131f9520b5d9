"""Files on shared disks: whole or absent, created by exactly one; a lock that outlives its holders."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hyperherd import fsio
from hyperherd.errors import LockedError, LockLostError, WorkspaceError

SPAWN = multiprocessing.get_context("spawn")
NOBODY = 65534


def words(lock: Path) -> list[str]:
    """Host, boot id, pid namespace, pid, start time, seconds, token."""
    return lock.read_text().split()


def rewritten(lock: Path, **changes: str) -> None:
    """Change words of a lock's record, as if somebody else had written it."""
    names = ["host", "boot", "namespace", "pid", "started", "since", "token"]
    record = dict(zip(names, words(lock), strict=True)) | changes
    lock.write_text(" ".join(record.values()) + "\n")


def left_behind(path: Path, **changes: str) -> None:
    """The lock of a holder that never gave it back."""
    fsio.Lock(path).__enter__()
    rewritten(path, **changes)


# --- replace


def test_replace_gives_the_content_the_mode_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "job.sbatch"
    path.write_text("old")
    fsio.replace(path, b"new", 0o600)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["job.sbatch"]


def test_replace_takes_a_path_relative_to_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fsio.replace("here", b"x")
    assert fsio.create("there", b"y")
    assert sorted(os.listdir(tmp_path)) == ["here", "there"]


def test_replace_in_a_folder_that_is_not_there_names_it(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError) as caught:
        fsio.replace(tmp_path / "gone" / "manifest.json", b"x")
    assert caught.value.where == str(tmp_path / "gone" / "manifest.json")
    assert str(tmp_path / "gone") in caught.value.hint


def _write_large(folder: str, refused: multiprocessing.SimpleQueue[str]) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    for write in (fsio.replace, fsio.create):
        try:
            write(f"{folder}/manifest.json" if write is fsio.replace else f"{folder}/claim", b"x" * 5000)
        except WorkspaceError as error:
            refused.put(str(error))


def _write_without_right(folder: str, refused: multiprocessing.SimpleQueue[str]) -> None:
    os.chdir(folder)
    if os.getuid() == 0:
        os.setgroups([])
        os.setuid(NOBODY)
    for write in (fsio.replace, fsio.create):
        try:
            write("manifest.json" if write is fsio.replace else "claim", b"new")
        except WorkspaceError as error:
            refused.put(str(error))


@pytest.mark.parametrize(
    ("bad_day", "mode", "words"),
    [(_write_large, 0o755, "File too large"), (_write_without_right, 0o555, "ls -ld")],
    ids=["no more room", "no right to write"],
)
def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, bad_day: Callable[..., None], mode: int, words: str
) -> None:
    (tmp_path / "manifest.json").write_text("old")
    tmp_path.chmod(mode)
    refused = SPAWN.SimpleQueue()
    process = SPAWN.Process(target=bad_day, args=(str(tmp_path), refused))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert words in refused.get()
    assert words in refused.get()
    assert (tmp_path / "manifest.json").read_text() == "old"
    assert os.listdir(tmp_path) == ["manifest.json"]


ON_A_FULL_DISK = """
import sys
from pathlib import Path
from hyperherd import fsio
from hyperherd.errors import WorkspaceError
folder = Path(sys.argv[1])
fsio.replace(folder / "manifest.json", b"old")
for write, name in ((fsio.replace, "manifest.json"), (fsio.create, "claim")):
    try:
        write(folder / name, bytes(1_000_000))
    except WorkspaceError as error:
        assert "No space left on device" in error.what and "df -h" in error.hint, error
    else:
        raise SystemExit("the disk was not full")
assert (folder / "manifest.json").read_bytes() == b"old"
assert [path.name for path in folder.iterdir()] == ["manifest.json"]
"""


@pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which("unshare"), reason="mounting a small disk takes root"
)
def test_on_a_full_disk_the_old_file_stays_and_the_hint_says_df(tmp_path: Path) -> None:
    mount = 'mount -t tmpfs -o size=64k none "$1" || exit 77; shift; exec "$@"'
    inside = [sys.executable, "-c", ON_A_FULL_DISK, str(tmp_path)]
    ended = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mount, "sh", str(tmp_path), *inside],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode == 77 or "unshare failed" in ended.stderr:
        pytest.skip("no mounts in this container")
    assert ended.returncode == 0, ended.stderr


# --- create


def _create_all(
    folder: str,
    me: int,
    start: multiprocessing.synchronize.Barrier,
    won: multiprocessing.SimpleQueue[int],
) -> None:
    start.wait()
    for number in range(50):
        if fsio.create(f"{folder}/{number}", f"{me}\n".encode() * 100, durable=False):
            won.put(number * 100 + me)


def test_of_many_creators_exactly_one_wins_and_its_content_is_whole(tmp_path: Path) -> None:
    start, won = SPAWN.Barrier(4), SPAWN.SimpleQueue()
    processes = [SPAWN.Process(target=_create_all, args=(str(tmp_path), me, start, won)) for me in range(4)]
    for process in processes:
        process.start()
    winners = dict(divmod(won.get(), 100) for _ in range(50))
    for process in processes:
        process.join()
    assert won.empty()
    assert {int(path.name): path.read_text() for path in tmp_path.iterdir()} == {
        number: f"{me}\n" * 100 for number, me in winners.items()
    }


def test_create_works_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert fsio.create(tmp_path / "claim", b"me\n")
    assert not fsio.create(tmp_path / "claim", b"you\n")
    assert (tmp_path / "claim").read_bytes() == b"me\n"
    assert os.listdir(tmp_path) == ["claim"]


# --- read_settled


def test_a_file_between_creation_and_writing_is_looked_at_again(tmp_path: Path) -> None:
    path = tmp_path / "token.state"
    path.touch()
    naps = []

    def nap(pause_s: float) -> None:
        naps.append(pause_s)
        if len(naps) == 2:
            path.write_text("4711\n")

    assert fsio.read_settled(path, 10, 0.25, sleep=nap) == "4711\n"
    assert naps == [0.25, 0.25]


def test_absent_is_none_and_never_written_is_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert fsio.read_settled(tmp_path / "absent", 3, 0) is None
    assert fsio.read_settled(tmp_path / "empty", 3, 0) == ""
    with pytest.raises(WorkspaceError, match="cannot read"):
        fsio.read_settled(tmp_path, 3, 0)


# --- the lock


def test_the_lock_is_held_in_the_block_and_leaves_nothing(tmp_path: Path) -> None:
    with fsio.Lock(tmp_path / "lock") as lock:
        lock.check()
        lock.touch()
        assert words(tmp_path / "lock")[3] == str(os.getpid())
    assert os.listdir(tmp_path) == []
    with pytest.raises(LockLostError):
        lock.check()


def test_an_error_in_the_block_gives_the_lock_back(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), fsio.Lock(tmp_path / "lock"):
        _ = 1 / 0
    assert os.listdir(tmp_path) == []


def test_who_waits_too_long_is_told_who_holds_it_and_since_when(tmp_path: Path) -> None:
    now = itertools.count()
    naps: list[float] = []
    second = fsio.Lock(tmp_path / "lock", wait_s=10, clock=lambda: float(next(now)), sleep=naps.append)
    with fsio.Lock(tmp_path / "lock"), pytest.raises(LockedError) as caught, second:
        raise AssertionError("two are inside")
    assert f"process {os.getpid()} on {os.uname().nodename}" in caught.value.what
    assert time.strftime(" since %Y-") in caught.value.what
    assert len(naps) == 9


@pytest.mark.parametrize(
    "changes",
    [{"pid": "4194305"}, {"started": "1"}, {"boot": "00000000-0000-0000-0000-000000000000"}],
    ids=["no such process", "another process with its pid", "before the last boot"],
)
@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="start times and boot ids are read from /proc"
)
def test_the_lock_of_a_dead_holder_is_taken_at_once(tmp_path: Path, changes: dict[str, str]) -> None:
    left_behind(tmp_path / "lock", **changes)
    with fsio.Lock(tmp_path / "lock", wait_s=0):
        assert words(tmp_path / "lock")[3] == str(os.getpid())
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "changes",
    [{"host": "elsewhere", "pid": "4194305"}, {"namespace": "pid:[1]", "pid": "4194305"}],
    ids=["host", "container"],
)
def test_elsewhere_only_the_age_by_the_servers_clock_counts(tmp_path: Path, changes: dict[str, str]) -> None:
    lock = tmp_path / "lock"
    left_behind(lock, **changes)
    with pytest.raises(LockedError), fsio.Lock(lock, wait_s=0, lease_s=100):
        raise AssertionError("two are inside")
    os.utime(lock, (0, lock.stat().st_mtime - 101))
    with fsio.Lock(lock, wait_s=0, lease_s=100):
        assert words(lock)[0] == os.uname().nodename
    assert os.listdir(tmp_path) == []


def test_a_lock_that_is_renewed_is_not_broken(tmp_path: Path) -> None:
    with fsio.Lock(tmp_path / "lock", host="elsewhere") as holder:
        os.utime(tmp_path / "lock", (0, 0))
        holder.touch()
        with pytest.raises(LockedError), fsio.Lock(tmp_path / "lock", wait_s=0):
            raise AssertionError("two are inside")


@pytest.mark.parametrize("content", [b"", b"half a rec", b"\xff\xfe\n"])
def test_a_lock_file_without_an_owner_is_broken_by_its_age(tmp_path: Path, content: bytes) -> None:
    lock = tmp_path / "lock"
    lock.write_bytes(content)
    with pytest.raises(LockedError), fsio.Lock(lock, wait_s=0):
        raise AssertionError("two are inside")
    os.utime(lock, (0, 0))
    with fsio.Lock(lock, wait_s=0):
        pass
    assert os.listdir(tmp_path) == []


def test_a_breaker_that_died_while_breaking_is_broken_too(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    left_behind(lock, pid="4194305")
    left_behind(tmp_path / f"lock.{words(lock)[6]}", pid="4194305")
    with fsio.Lock(lock, wait_s=0):
        pass
    assert os.listdir(tmp_path) == []


HOLDER = """
import sys
from hyperherd import fsio
from hyperherd.errors import LockLostError
with fsio.Lock(sys.argv[1], host="elsewhere") as lock:
    print("held", flush=True)
    sys.stdin.readline()
    try:
        lock.check()
    except LockLostError as error:
        print(error, flush=True)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_holder_that_slept_past_its_lease_finds_out_and_harms_nobody(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    assert holder.stdout and holder.stdout.readline() == "held\n"
    holder.send_signal(signal.SIGSTOP)
    with fsio.Lock(tmp_path / "lock", lease_s=0.2, wait_s=60) as lock:
        holder.send_signal(signal.SIGCONT)
        said, _ = holder.communicate("go on\n")
        assert "taken over" in said and f"process {os.getpid()}" in said
        assert holder.returncode == 0
        lock.check()
    assert os.listdir(tmp_path) == []


# Counts up under the lock for ever; notes each number once it was written, and whoever else is inside.
COUNTER = """
import fcntl, os, sys
from hyperherd import fsio
os.chdir(sys.argv[1])
parent = int(sys.argv[2])
guard = os.open("guard", os.O_RDWR | os.O_CREAT)
mine = os.open(f"{os.getpid()}.done", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
while os.getppid() == parent:  # no longer, should the test itself be killed
    with fsio.Lock("lock", wait_s=600) as lock:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            open(f"{os.getpid()}.two-inside", "w").close()
        with open("counter") as file:
            number = int(file.read()) + 1
        lock.check()
        fsio.replace("counter", b"%d" % number, durable=False)
        os.write(mine, b"%d\\n" % number)
        fcntl.flock(guard, fcntl.LOCK_UN)
"""


def test_eight_processes_killed_at_random_lose_no_increment_and_are_never_two_inside(tmp_path: Path) -> None:
    (tmp_path / "counter").write_text("0")
    chance = random.Random(0)
    command = [sys.executable, "-c", COUNTER, str(tmp_path), str(os.getpid())]
    running = [subprocess.Popen(command) for _ in range(8)]
    kills = 0
    try:
        for aim in range(10, 210, 10):
            while int((tmp_path / "counter").read_text()) < aim:
                time.sleep(chance.uniform(0, 0.005))
            victim = running.pop(chance.randrange(len(running)))
            victim.kill()
            assert victim.wait() == -signal.SIGKILL
            kills += 1
            running.append(subprocess.Popen(command))
    finally:
        for process in running:
            process.kill()
            process.wait()
    done = [int(word) for path in tmp_path.glob("*.done") for word in path.read_text().split()]
    assert not list(tmp_path.glob("*.two-inside"))
    assert len(done) == len(set(done))
    assert len(done) <= int((tmp_path / "counter").read_text()) <= len(done) + kills + len(running)
