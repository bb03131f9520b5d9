"""A second user of one machine, in a workspace that he may read, write with its group, or not enter: each command.

The table of docs/reliability.md, cell by cell. Root runs the trials; the other is nobody.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from another_user import NOBODY, python_that_starts_others, skip_where_nobody_runs_python
from eventually import until

from .conftest import on_this_machine
from .test_folder_not_ours import as_nobody
from .workspaces import Workspace

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="becoming another user takes root and setpriv"
)

MODES = {"reads": 0o755, "writes with the group": 0o2775, "may not enter": 0o700}
REFUSED, DONE = 1, 0
TABLE = {
    ("status",): (DONE, DONE, REFUSED),
    ("ls",): (DONE, DONE, REFUSED),
    ("res",): (DONE, DONE, REFUSED),
    ("show", "0"): (DONE, DONE, REFUSED),
    ("tail", "0"): (DONE, DONE, REFUSED),
    ("run", "--detach"): (REFUSED, DONE, REFUSED),
    ("run", "--detach", "--lost"): (REFUSED, DONE, REFUSED),
    ("stop", "0"): (REFUSED, REFUSED, REFUSED),
    ("stop", "--all", "--yes"): (REFUSED, REFUSED, REFUSED),
    ("clean", "--yes"): (REFUSED, REFUSED, REFUSED),
    ("clean", "--all", "--yes"): (REFUSED, REFUSED, REFUSED),
    ("repair", "--check"): (DONE, DONE, REFUSED),
    ("repair",): (REFUSED, DONE, REFUSED),
}
WAITS = 'echo "$HYPERHERD_TRIAL_ID $$" >>"$LOG"; until [[ -e $GO ]]; do sleep 0.05; done\n'


@pytest.fixture(scope="module")
def entered() -> Iterator[Path]:
    """A folder that another user may enter: pytest closes its own to others whenever a run begins."""
    with tempfile.TemporaryDirectory(prefix="second-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(params=MODES)
def theirs(request: pytest.FixtureRequest, entered: Path, tmp_path: Path) -> Iterator[Workspace]:
    """Root's sweep, of which two trials run; as nobody sees it. ``LOG`` and ``GO`` are root's."""
    folder = entered / tmp_path.name
    folder.mkdir()
    made = on_this_machine(folder)
    made = Workspace(made.root, {**made.env, "LOG": str(tmp_path / "log"), "GO": str(tmp_path / "go")})
    made.write("[1, 2]", launch=WAITS)
    before = os.umask(0o002)
    if request.param == "writes with the group":
        os.chown(made.root, 0, 65534)
        made.root.chmod(MODES[request.param])
    made.program("run", "--on", "local", "--detach", "-j", "2")
    until(lambda: len(started(tmp_path)) == 2, "both to start")
    os.umask(before)
    made.root.chmod(MODES[request.param])
    yield Workspace(made.root, as_nobody(made, folder))
    made.root.chmod(0o755)
    (tmp_path / "go").touch()
    made.until_ended()


def started(folder: Path) -> list[list[int]]:
    """What the trials say: number and process."""
    path = folder / "log"
    return (
        [[int(word) for word in line.split()] for line in path.read_text().splitlines()]
        if path.exists()
        else []
    )


def living(folder: Path) -> bool:
    return all(Path(f"/proc/{pid}").exists() for _, pid in started(folder))


@pytest.mark.parametrize("words", TABLE, ids=" ".join)
def test_what_he_may_not_do_is_refused_and_what_runs_runs_on(
    theirs: Workspace, words: tuple[str, ...], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    skip_where_nobody_runs_python(theirs.env)
    access = request.node.callspec.params["theirs"]
    if access == "may not enter":
        inside = ("-C", str(theirs.root), *words)
        done = Workspace(theirs.root.parent, theirs.env).program(*inside, before=NOBODY, code=None)
    else:
        done = theirs.program(*words, before=NOBODY, code=None)
    assert done.code == TABLE[words][list(MODES).index(access)], done
    if done.code:
        assert done.err
    assert living(tmp_path) and len(started(tmp_path)) == 2
    assert "told to end" not in done.out and "herd: cancelled" not in done.err


@pytest.mark.parametrize("theirs", ["writes with the group"], indirect=True)
def test_he_is_told_whose_trial_it_is(theirs: Workspace) -> None:
    skip_where_nobody_runs_python(theirs.env)
    assert "root" in theirs.program("stop", "0", before=NOBODY, code=1).err


def test_what_he_runs_stays_writable_for_the_group(entered: Path, tmp_path: Path) -> None:
    folder = entered / tmp_path.name
    folder.mkdir()
    made = on_this_machine(folder)
    made.write("[1, 2]")
    os.chown(made.root, 0, 65534)
    made.root.chmod(0o2775)
    his = Workspace(made.root, as_nobody(made, folder))
    python, env = python_that_starts_others(his.env)
    argv = [*NOBODY, python, "-m", "hyperherd", "run", "--on", "local"]
    done = subprocess.run(argv, env=env, cwd=his.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for path in (made.root / ".hyperherd").rglob("*"):
        if path.is_dir():
            assert path.stat().st_mode & 0o020, path
    made.program("run", "--on", "local", "-f", "-i", "0")
    assert made.statuses() == {0: "completed", 1: "completed"}
