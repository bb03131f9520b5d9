"""A workspace of somebody else's, or from an archive: it reads, writes and kills nothing outside, and hangs nothing."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hyperherd.fsio import processes

from .workspaces import Workspace

LOOKING = [
    ("status",),
    ("ls",),
    ("res",),
    ("show", "0"),
    ("tail", "0"),
    ("stats",),
    ("snapshot",),
    ("repair", "--check"),
]
STATE = ".hyperherd"


@pytest.fixture
def ran(here: Workspace) -> Workspace:
    """One that has run here."""
    here.herd("run")
    return here


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours that has nothing to do with any sweep."""
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def records(workspace: Workspace) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((workspace.root / STATE / "job_ids.json").read_text())
    return found


def rewrite(workspace: Workspace, **changes: object) -> None:
    written = [{**record, **changes} for record in records(workspace)]
    (workspace.root / STATE / "job_ids.json").write_text(json.dumps(written))


@pytest.mark.parametrize("token", ["../../../x", "/tmp/x", "a/b", "", "x\n", "."])
def test_a_token_that_leads_elsewhere_is_refused(ran: Workspace, token: str) -> None:
    rewrite(ran, token=token)
    before = ran.content()
    assert "is no token" in ran.herd("run", code=1).err
    ran.herd("stop", "--all", "--yes", code=None)
    assert set(ran.content()) - set(before) <= {f"{STATE}/lock"}
    assert not list(ran.root.parent.glob("x*"))


@pytest.mark.parametrize("name", ["../../x", "/etc", "a/b", ".."])
def test_a_trials_name_that_leads_elsewhere_is_refused(ran: Workspace, name: str) -> None:
    path = ran.root / STATE / "manifest.json"
    trials = json.loads(path.read_text())
    path.write_text(json.dumps([{**trials[0], "experiment_name": name}, *trials[1:]]))
    assert "garbles its name" in ran.herd("run", code=1).err


FILES = ["manifest.json", "job_ids.json", "workspace.json", "ended.json", "logs/0.out", "results/0.json"]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("kind", ["a pipe", "a device without end", "a link outside", "a folder"])
def test_what_is_no_plain_file_is_said_and_not_waited_for(ran: Workspace, file: str, kind: str) -> None:
    path = ran.root / STATE / file
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    secret = ran.root.parent / "secret"
    secret.write_text("secret words")
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if "device" in kind else secret)
    for words in LOOKING:
        done = ran.program(*words, code=None)
        assert done.code in (0, 1)
        assert "secret words" not in done.out + done.err
    ran.program("stop", "--all", "--yes", code=None)
    assert secret.read_text() == "secret words"


def claim(workspace: Workspace, pid: int, supervisor: int) -> None:
    """A claim and a register that name these processes of ours as a trial's."""
    me, its, boss = processes.me(), processes.of(pid), processes.of(supervisor)
    (generation,) = workspace.root.glob(f"{STATE}/g-*")
    token = str(records(workspace)[-1]["token"])
    (generation / f"submissions/{token}.state").write_text(f"{boss}\n")
    for path in (generation / "attempts/0").iterdir():
        path.unlink()
    for index in range(3):
        line = f"{token} {boss} {me.host} {me.boot_id} {pid} {its.start} 1700000000 {index} 0\n"
        (generation / f"attempts/0/{index}.1").write_text(line)


@pytest.mark.parametrize("forged", ["script", "supervisor", "both", "a dead script"])
def test_a_forged_claim_kills_nobody(ran: Workspace, victim: subprocess.Popen[bytes], forged: str) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    claim(
        ran,
        dead.pid if forged in ("supervisor", "a dead script") else victim.pid,
        victim.pid if forged != "script" else dead.pid,
    )
    ran.program("stop", "--all", "--yes", code=None)
    ran.program("clean", "--all", "--yes", code=None)
    assert victim.poll() is None
    os.kill(victim.pid, signal.SIGCONT)
    assert victim.poll() is None


DEEP = 5000


@pytest.mark.parametrize("where", ["the YAML", "the manifest", "a result"])
def test_values_of_any_depth_are_an_answer_and_no_traceback(ran: Workspace, where: str) -> None:
    deep = "[" * DEEP + "]" * DEEP
    if where == "the YAML":
        ran.yaml(f"name: days\nlauncher: launch.sh\ngrid: all\nparameters:\n  x: [{deep}]\n")
    elif where == "the manifest":
        path = ran.root / STATE / "manifest.json"
        path.write_text(path.read_text().replace('"extras":{}', f'"extras":{{"a":{deep}}}', 1))
    else:
        (ran.root / STATE / "results/0.json").write_text(f'{{"m": {deep}}}')
    for words in LOOKING:
        assert ran.program(*words, code=None).code in (0, 1)


ORDERS = "\x1b]0;owned\x07\x1b[2J\x9b6n\u202e"


def test_a_terminal_gets_no_escape_sequence_but_colours(ran: Workspace) -> None:
    ran.yaml(f"name: days\nlauncher: launch.sh\ngrid: all\nparameters:\n  x: [1, 2, 3]\n'{ORDERS}': 1\n")
    (ran.root / STATE / "logs/0.out").write_text(f"{ORDERS}\n")
    (ran.root / STATE / "results/0.json").write_text(json.dumps({f"m{ORDERS}": ORDERS}))
    for words in (*LOOKING, ("run",)):
        shown = on_a_terminal(ran, *words)
        left = re.sub(r"\x1b\[[0-9;]*[mK]", "", shown)
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", left), (words, left)


def on_a_terminal(workspace: Workspace, *words: str) -> str:
    """All that a command writes to a terminal."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hyperherd", *words],
        cwd=workspace.root, env={**workspace.env, "TERM": "xterm"}, stdin=its, stdout=its, stderr=its,
    )  # fmt: skip
    os.close(its)
    told = b""
    while True:
        select.select([ours], [], [])
        try:
            part = os.read(ours, 65536)
        except OSError:  # all have closed it
            break
        if not part:
            break
        told += part
    process.wait()
    os.close(ours)
    return told.decode(errors="replace")


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_no_file_of_ours_is_more_readable_than_what_it_was_made_from(here: Workspace, mode: int) -> None:
    here.yaml((here.root / "hyperherd.yaml").read_text() + 'static_overrides: ["key=s3cret"]\n')
    (here.root / "hyperherd.yaml").chmod(mode)
    here.herd("run")
    for path in (here.root / STATE).rglob("*"):
        if path.is_file() and b"s3cret" in path.read_bytes() and "logs" not in path.parts:
            assert path.stat().st_mode & 0o777 & ~mode == 0, path


def test_git_is_not_asked_in_another_users_tree(here: Workspace, tmp_path: Path) -> None:
    if os.geteuid() or not shutil.which("git"):
        pytest.skip("takes root and git")
    subprocess.run(["git", "init", "-q", str(here.root)], check=True)
    ran = tmp_path / "ran"
    subprocess.run(
        ["git", "-C", str(here.root), "config", "core.fsmonitor", f"touch {ran}; false"], check=True
    )
    os.chown(here.root / ".git", 12345, 12345)
    here.herd("run")
    assert not ran.exists()
    os.chown(here.root / ".git", 0, 0)
    here.herd("run", "-f", "-i", "0")
    assert not ran.exists()
