"""Files of herd's that were cut short, garbled, or written by a later version: said, left as they are, nothing done."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .workspaces import Workspace

COMMANDS = [
    ("run",),
    ("run", "--dry-run"),
    ("run", "--json", "-f"),
    ("run", "-i", "0"),
    ("ls",),
    ("test", "--cfg-job"),
    ("clean", "--logs", "--yes"),
    ("clean", "--all", "--yes"),
]
LOOKING = [
    ("status",),
    ("status", "--json"),
    ("show", "0"),
    ("tail", "0"),
    ("res",),
    ("stats",),
    ("snapshot",),
    ("stop", "0"),
    ("stop", "--all", "--yes"),
]
"""These work with any damage."""


@pytest.fixture(scope="module")
def _done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """A sweep that has run here: two trials have completed, one has failed."""
    from .conftest import on_this_machine

    folder = tmp_path_factory.mktemp("done")
    made = on_this_machine(folder)
    made.write(launch='[[ $HYPERHERD_TRIAL_ID = 1 ]] && exit 2; echo "$1"\n')
    made.program("run", "--on", "local", code=3)
    yield folder, dict(made.env)


@pytest.fixture
def ran(_done: tuple[Path, dict[str, str]], tmp_path: Path) -> Workspace:
    """A copy of it."""
    folder, env = _done
    subprocess.run(["cp", "-a", str(folder / "sweep"), str(tmp_path / "sweep")], check=True)
    return Workspace(tmp_path / "sweep", env)


def refused_by_all(workspace: Workspace, commands: list[tuple[str, ...]], *words: str) -> None:
    """Each of the commands says these words and ends with 1, and no file of the workspace has changed."""
    before = workspace.files()
    for command in commands:
        done = workspace.herd(*command, code=1)
        assert done.out == "", command
        for word in words:
            assert word in done.err, (command, done.err)
        assert workspace.files() == before, command


def shown_by_all(workspace: Workspace, *words: str) -> None:
    """Each of the commands that look, and stop, says these words, works, and changes no file of the workspace."""
    before = workspace.files()
    for command in LOOKING:
        done = workspace.herd(*command)
        for word in words:
            assert word in done.err, (command, done.err)
        assert workspace.files() == before, command
    assert workspace.statuses() == {0: "completed", 1: "failed", 2: "completed"}


@pytest.mark.parametrize("name", ["manifest.json", "job_ids.json"])
def test_a_file_that_was_cut_short_is_refused_by_what_changes_and_shown_by_what_looks(
    ran: Workspace, name: str
) -> None:
    path = ran.root / ".hyperherd" / name
    whole = path.read_bytes()
    for length in (0, 1, len(whole) // 2, len(whole) - 3):
        path.write_bytes(whole[:length])
        refused_by_all(ran, COMMANDS, str(path), "It was left as it is", "herd repair")
        shown_by_all(ran, str(path), "herd repair")
    path.write_bytes(whole)
    assert ran.herd("status").err == ""


@pytest.mark.parametrize("name", ["manifest.json", "job_ids.json", "workspace.json"])
def test_a_file_cut_at_any_byte_is_never_taken_for_a_shorter_one(ran: Workspace, name: str) -> None:
    path = ran.root / ".hyperherd" / name
    whole = path.read_bytes()
    body = len(whole.rstrip())
    for length in range(0, body, max(1, body // 60)):
        path.write_bytes(whole[:length])
        refused_by_all(ran, [("run",)], str(path))


GARBLED = {
    "no JSON": b"\x00\xff\x00",
    "a mapping": b"{}",
    "a number": b"1",
    "null": b"null",
    "a list of numbers": b"[1, 2]",
    "a list of nulls": b"[null]",
    "records without anything": b"[{}]",
    "wrong types": b'[{"index": "zero", "hash": 1, "params": [], "experiment_name": null, "status": 3, "indices": 5}]',
    "an index that is no number": b'[{"index": null, "hash": "a", "params": {}, "experiment_name": "x"}]',
    "a negative index": b'[{"index": -1, "hash": "a", "params": {}, "experiment_name": "x"}]',
    "params that are text": b'[{"index": 0, "hash": "a", "params": "x", "experiment_name": "x"}]',
    "an index twice": b'[{"index": 0, "hash": "a", "params": {}, "experiment_name": "x"},'
    b' {"index": 0, "hash": "b", "params": {}, "experiment_name": "y"}]',
    "deep nesting": b"[" * 100_000,
}


@pytest.mark.parametrize("content", GARBLED)
def test_a_manifest_with_something_else_in_it_is_refused(ran: Workspace, content: str) -> None:
    path = ran.root / ".hyperherd/manifest.json"
    path.write_bytes(GARBLED[content])
    refused_by_all(ran, [("run",), ("ls",)], str(path))
    shown_by_all(ran, str(path))


@pytest.mark.parametrize("content", [*list(GARBLED)[:6], "wrong types", "deep nesting"])
def test_a_list_of_jobs_with_something_else_in_it_is_refused(ran: Workspace, content: str) -> None:
    path = ran.root / ".hyperherd/job_ids.json"
    path.write_bytes(GARBLED[content])
    refused_by_all(ran, [("run",), ("ls",)], str(path))
    shown_by_all(ran, str(path))


def test_jobs_whose_lists_do_not_fit_together_are_refused(ran: Workspace) -> None:
    path = ran.root / ".hyperherd/job_ids.json"
    records = json.loads(path.read_text())
    for broken in ({"attempts": [1]}, {"array": [4]}, {"trial": 3, "indices": None}, {"indices": 7}):
        path.write_text(json.dumps([{**records[0], **broken}]))
        refused_by_all(ran, [("run",)], str(path))


def test_a_manifest_that_is_gone_is_not_a_sweep_that_has_never_run(ran: Workspace) -> None:
    path = ran.root / ".hyperherd/manifest.json"
    path.unlink()
    refused_by_all(ran, COMMANDS, str(path), "missing")
    shown_by_all(ran, "missing")


def test_files_of_a_later_version_are_refused_by_every_command(ran: Workspace) -> None:
    path = ran.root / ".hyperherd/workspace.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "version": told["version"] + 1, "what_we_do_not_know": []}))
    refused_by_all(ran, [*COMMANDS, *LOOKING], str(path), "is not known to this version", "update herd")


def test_keys_that_we_do_not_know_survive(ran: Workspace) -> None:
    """Of a version that only added some, or of the user's own tools."""
    path = ran.root / ".hyperherd/manifest.json"
    records = json.loads(path.read_text())
    path.write_text(json.dumps([{**record, "note": {"by": "me"}} for record in records]))
    ran.herd("run", "--on", "local", code=3)
    assert [record["note"] for record in json.loads(path.read_text())] == [{"by": "me"}] * 3


@pytest.mark.parametrize("damage", [b"", b"\x00\xff", b"[1]", b"{"])
def test_what_schedulers_said_is_only_a_copy(ran: Workspace, damage: bytes) -> None:
    path = ran.root / ".hyperherd/ended.json"
    path.write_bytes(damage)
    assert ran.statuses() == {0: "completed", 1: "failed", 2: "completed"}
    ran.herd("run", code=3)
    path.unlink()
    assert ran.statuses() == {0: "completed", 1: "failed", 2: "completed"}


def test_results_that_were_cut_short_do_not_hide_the_others(ran: Workspace) -> None:
    results = ran.root / ".hyperherd/results"
    (results / "0.json").write_text('{"accuracy": 0.9')
    (results / "2.json").write_text('{"accuracy": 0.7}')
    trials = ran.herd("res", "--json").json["trials"]
    assert trials[2]["metrics"] == {"accuracy": 0.7}


@pytest.mark.parametrize("name", ["0.1", "0.1.0", "1.1.2", "junk", "9.1", "0.0.0.0", "-1.1", "0.1.x.TERM"])
def test_notes_that_make_no_sense_break_nothing(ran: Workspace, name: str) -> None:
    (folder,) = ran.root.glob(".hyperherd/g-*/attempts/0")
    (folder / name).write_bytes(b"\xff\x00 \n" * 3)
    (folder / "a folder").mkdir()
    for command in (("status",), ("show", "0"), ("ls",), ("res",), ("snapshot",)):
        ran.herd(*command)
