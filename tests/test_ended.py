"""ended.json: what schedulers said of ends, as this version writes it and as versions before did."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyperherd.jobs import Ended, State
from hyperherd.sweep.trial import Status, status_of
from hyperherd.workspace import ended
from hyperherd.workspace.folder import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    found = Workspace(tmp_path)
    found.make_folders()
    return found


@pytest.mark.parametrize("end", Ended)
def test_what_was_heard_is_read_as_it_was_written(workspace: Workspace, end: Ended) -> None:
    heard = {"t": {"3.1": State.of_end(end, node="n1", started_at=7.0)}}
    ended.write(workspace, heard)
    assert ended.read(workspace) == heard


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("TIMEOUT", (Status.FAILED, "time limit")),
        ("NODE_FAIL", (Status.FAILED, "node failure")),
        ("BOOT_FAIL", (Status.FAILED, "node failed to boot")),
        ("LAUNCH_FAILED", (Status.FAILED, "could not be launched")),
        ("RECONFIG_FAIL", (Status.FAILED, "node could not be set up")),
        ("OUT_OF_MEMORY", (Status.FAILED, "out of memory")),
        ("PREEMPTED", (Status.FAILED, "preempted")),
        ("REVOKED", (Status.FAILED, "revoked by its cluster")),
        ("CANCELLED", (Status.CANCELLED, "")),
        ("COMPLETED", (Status.COMPLETED, "")),
        ("SOMETHING_NEW", (Status.FAILED, "something new")),
    ],
)
def test_a_file_of_before_has_the_schedulers_word_alone(
    workspace: Workspace, word: str, shown: tuple[Status, str]
) -> None:
    workspace.ended.write_text(f'{{"t": {{"3.1": {{"phase": "ended", "word": "{word}", "node": "n1"}}}}}}')
    state = ended.read(workspace)["t"]["3.1"]
    assert (state.word, state.node, status_of(state, None, started=True)) == (word, "n1", shown)
