"""Starting programs, and knowing which process is meant."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from another_user import NOBODY, skip_where_nobody_runs_python
from eventually import until

import hyperherd
from hyperherd.connectors.local import LocalConnector
from hyperherd.errors import CommandNotFoundError, CommandTimeoutError
from hyperherd.fsio import processes

LOCAL = LocalConnector.instance()


def test_a_programs_words_and_code_come_back_unchanged() -> None:
    code = "import sys; print(sys.argv[1], sys.stdin.read()); sys.stderr.buffer.write(b'\\xff'); sys.exit(3)"
    done = LOCAL.run([sys.executable, "-c", code, "a $b"], timeout_s=30)
    assert (done.code, done.stdout, done.stderr) == (3, "a $b \n", "\udcff")


def test_a_program_that_is_not_there_is_said_so() -> None:
    with pytest.raises(CommandNotFoundError, match="no-such-program"):
        LOCAL.run(["no-such-program"], timeout_s=1)
    with pytest.raises(CommandNotFoundError, match="no-such-program"):
        LOCAL.spawn(["no-such-program"])


def test_a_program_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 600 & echo $$ $! >'{pids}'; echo so far >&2; wait"
    with pytest.raises(CommandTimeoutError, match="so far"):
        LOCAL.run(["bash", "-c", script], timeout_s=3)
    for pid in pids.read_text().split():  # a process that was killed is there for a moment more
        until(lambda pid=int(pid): processes.started(pid) is None, f"the end of {pid}")  # type: ignore[misc]


def test_the_local_connector_is_one_for_all() -> None:
    assert LocalConnector.instance() is LOCAL


def test_a_spawned_program_has_a_session_of_its_own_and_its_output_is_appended(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    code = "import os; print(os.getsid(0) == os.getpid(), flush=True)"
    pid = LOCAL.spawn([sys.executable, "-c", code], output=log)
    os.waitpid(pid, 0)
    assert log.read_text() == "before\nTrue\n"


def test_a_process_is_known_by_host_boot_pid_and_start() -> None:
    me = processes.me()
    assert processes.alive(me) is True
    assert processes.alive(processes.Identity.parse(str(me))) is True
    assert processes.alive(replace(me, start=(me.start or 0) + 1)) is False
    assert processes.alive(replace(me, boot_id="another-boot")) is False
    assert processes.alive(replace(me, host="another-host")) is None
    assert processes.alive(replace(me, start=None)) is True
    assert processes.alive(replace(me, namespace="1")) is None
    assert processes.alive(replace(me, namespace="-", pid=4194305)) is False


HIDDEN = """\
mount -t proc -o hidepid={level} proc /proc
exec "$@"
"""
ASKS = """\
import sys
from hyperherd.fsio import processes
identity = processes.Identity.parse(sys.argv[1])
print(processes.alive(identity), processes.started(identity.pid))
"""


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a /proc that hides processes")
def test_another_users_process_that_proc_hides_is_unknown_and_no_error(level: int) -> None:
    env = {**os.environ, "PYTHONPATH": str(Path(hyperherd.__file__).parents[1])}
    skip_where_nobody_runs_python(env)
    argv = ["unshare", "--mount", "sh", "-c", HIDDEN.format(level=level), "sh"]
    argv += [*NOBODY, sys.executable, "-c", ASKS, str(processes.me())]
    done = subprocess.run(argv, env=env, capture_output=True, text=True)
    if "mount:" in done.stderr:
        pytest.skip(done.stderr)
    assert (done.stdout, done.stderr) == ("None None\n", "")


def test_a_process_that_has_ended_is_not_alive_though_nobody_has_asked_for_its_end() -> None:
    pid = LOCAL.spawn(["true"])
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert processes.started(pid) is None
    os.waitpid(pid, 0)
    assert processes.alive(processes.of(pid)) is False


def test_nothing_else_starts_processes() -> None:
    package = Path(hyperherd.__file__).parent
    starts = re.compile(
        r"^\s*(?:import|from) subprocess|os\.(?:posix_spawn|exec|fork|system|popen|spawn)", re.MULTILINE
    )
    found = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if starts.search(path.read_text())
    }
    # heracles goes to other machines as one file; a trainer, which has no connectors, asks squeue for its time limit.
    assert found == {"connectors", "heracles", "runtime"}


def test_what_was_spawned_and_has_ended_is_gone_after_the_next_one() -> None:
    connector = LocalConnector()
    pid = connector.spawn(["true"])
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    other = connector.spawn(["true"])
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    os.waitpid(other, 0)
