"""A workspace that may be read and not written, judged as another user than root; and files that are no scripts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from another_user import NOBODY, skip_where_nobody_runs_python

from .conftest import on_this_machine
from .workspaces import Workspace

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="becoming another user takes root and setpriv"
)

LOOKING = [
    ("status",),
    ("status", "--json"),
    ("ls",),
    ("res",),
    ("res", "--steps"),
    ("tail", "0"),
    ("show", "1"),
    ("stats",),
    ("snapshot",),
    ("run", "--dry-run"),
    ("test", "1", "--cfg-job"),
]
CHANGING = [("run",), ("run", "--json"), ("stop", "--all", "--yes"), ("clean", "--all", "--yes")]


@pytest.fixture(scope="module")
def readable() -> Iterator[Path]:
    """A folder that another user may enter: pytest closes its own to others whenever a run begins."""
    with tempfile.TemporaryDirectory(prefix="days-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def theirs(readable: Path, tmp_path: Path) -> Workspace:
    """A sweep that root has run here; ``nobody`` may read it."""
    folder = readable / tmp_path.name
    folder.mkdir()
    made = on_this_machine(folder)
    made.write(launch='[[ $HYPERHERD_TRIAL_ID = 1 ]] && exit 2; echo "$1"\n')
    made.program("run", "--on", "local", code=3)
    return Workspace(made.root, as_nobody(made, folder))


def as_nobody(workspace: Workspace, folder: Path) -> dict[str, str]:
    """The environment of another user, with a folder of its own for slots."""
    own = folder / "nobody"
    own.mkdir(exist_ok=True)
    os.chown(own, 65534, 65534)
    return {**workspace.env, "HOME": str(own), "HYPERHERD_SLOTS_DIR": str(own / "slots"), "USER": "nobody"}


def test_looking_needs_no_write_access_also_eight_at_once(theirs: Workspace) -> None:
    skip_where_nobody_runs_python(theirs.env)
    before = theirs.content()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda words: theirs.program(*words, before=NOBODY), LOOKING[:2] * 4))
    for words in LOOKING:
        done = theirs.program(*words, before=NOBODY, code=1 if words[0] == "test" else 0)
        assert done.out or done.err
    assert "the workspace cannot be written" in theirs.program("run", "-n", before=NOBODY).err
    told = theirs.program("status", "--json", before=NOBODY).json
    assert told["totals"] == {"total": 3, "completed": 2, "failed": 1}
    assert theirs.content() == before


@pytest.mark.parametrize("words", CHANGING, ids=" ".join)
def test_changing_is_refused_in_words_and_changes_nothing(theirs: Workspace, words: tuple[str, ...]) -> None:
    skip_where_nobody_runs_python(theirs.env)
    before = theirs.content()
    done = theirs.program(*words, before=NOBODY, code=None)
    if words[0] != "stop":  # nothing runs: nothing to cancel
        assert done.code == 1
        assert "annot" in done.err
        assert str(theirs.root) in done.err
    assert theirs.content() == before


def test_a_read_only_folder_that_has_never_run_is_refused_before_anything_is_made(readable: Path) -> None:
    folder = readable / "new"
    folder.mkdir()
    made = on_this_machine(folder)
    made.write()
    workspace = Workspace(made.root, as_nobody(made, folder))
    skip_where_nobody_runs_python(workspace.env)
    for words in (("run",), ("run", "--on", "local", "--json")):
        done = workspace.program(*words, before=NOBODY, code=1)
        assert "the workspace cannot be written" in done.err
        assert "Nothing was submitted" in done.err
    assert set(workspace.content()) == {"hyperherd.yaml", "launch.sh"}
    assert "lr" not in workspace.program("ls", before=NOBODY).err


def test_a_launch_script_that_may_not_be_read_is_said(readable: Path) -> None:
    folder = readable / "unreadable"
    folder.mkdir()
    made = on_this_machine(folder)
    made.write()
    made.root.chmod(0o777)
    (made.root / "launch.sh").chmod(0o600)
    workspace = Workspace(made.root, as_nobody(made, folder))
    skip_where_nobody_runs_python(workspace.env)
    done = workspace.program("run", before=NOBODY, code=1)
    assert "the launch script cannot be read" in done.err
    (made.root / "launch.sh").chmod(0o755)
    (made.root / "hyperherd.yaml").chmod(0o600)
    for words in (("run",), ("ls",), ("test",)):
        assert "cannot be read: Permission denied" in workspace.program(*words, before=NOBODY, code=1).err
    assert set(workspace.content()) == {"hyperherd.yaml", "launch.sh"}


def test_state_that_may_not_be_read_is_said(theirs: Workspace) -> None:
    skip_where_nobody_runs_python(theirs.env)
    (theirs.root / ".hyperherd/manifest.json").chmod(0o600)
    for words in (("status",), ("ls",), ("res",), ("tail", "0"), ("snapshot",)):
        done = theirs.program(*words, before=NOBODY, code=1)
        assert "manifest.json" in done.err
        assert "Permission denied" in done.err


def test_logs_and_results_that_may_not_be_read_leave_the_rest_to_be_seen(theirs: Workspace) -> None:
    """Their owner's umask was strict: states can be seen all the same, and what cannot is said."""
    skip_where_nobody_runs_python(theirs.env)
    for path in (
        *(theirs.root / ".hyperherd/logs").rglob("*.out"),
        *(theirs.root / ".hyperherd/results").rglob("*"),
    ):
        path.chmod(0o700)
    told = theirs.program("status", "--json", before=NOBODY).json
    assert told["totals"] == {"total": 3, "completed": 2, "failed": 1}
    done = theirs.program("tail", "0", before=NOBODY, code=1)
    assert "Permission denied" in done.err


def test_a_folder_that_may_not_be_entered_is_said(readable: Path) -> None:
    folder = readable / "closed"
    folder.mkdir()
    made = on_this_machine(folder)
    made.write()
    workspace = Workspace(made.root, as_nobody(made, folder))
    skip_where_nobody_runs_python(workspace.env)
    made.root.chmod(0o700)
    argv = [*NOBODY, sys.executable, "-m", "hyperherd"]
    for words in (["ls", str(made.root)], ["-C", str(made.root), "status"]):
        done = subprocess.run([*argv, *words], env=workspace.env, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 1
        assert "Permission denied" in done.stderr
        assert "Traceback" not in done.stderr
