"""A record that was lost, cut, garbled, or brought back from an older copy: nothing that ran or runs starts again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from eventually import until

from .sweeps import GATE, Sweep

STATE = ".hyperherd"


def lost(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def garbled(path: Path) -> None:
    path.write_bytes(b"\x00\xff" * 40)


FILES = ["job_ids.json", "manifest.json", "workspace.json"]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", [lost, cut, emptied, garbled])
def test_after_any_damage_to_the_record_a_run_starts_nothing_and_repair_brings_it_back(
    here: Sweep, file: str, damage: Callable[[Path], None]
) -> None:
    here.describe([1, 2, 3])
    here.script(f"[[ $x != 3 ]] || exit 4\n[[ $x == 1 ]] || {GATE}")
    here.herd("run", "--detach", "-j", "3")
    until(lambda: here.statuses() == {0: "completed", 1: "running", 2: "failed"}, "one of each")
    before = {path.name: path.read_bytes() for path in (here.root / STATE).glob("*.json")}
    damage(here.root / STATE / file)
    refused = here.herd("run", "--detach", code=1).stderr
    assert "herd repair" in refused
    assert here.herd("status").stderr
    assert here.herd("repair", "--check", code=1).stdout
    assert here.herd("repair").stdout
    assert here.herd("repair").stdout == "nothing to mend\n"
    assert here.statuses() == {0: "completed", 1: "running", 2: "failed"}
    for name in FILES:
        assert same(name, before[name]) == same(name, (here.root / STATE / name).read_bytes())
    here.go()
    here.script()
    here.finish()
    assert here.starts() == {"1": 1, "2": 1, "3": 2}


def same(name: str, content: bytes) -> object:
    """What of a file a repair brings back."""
    document = json.loads(content)
    if name == "job_ids.json":
        keys = ("token", "indices", "attempts", "launcher", "where", "state", "root", "launch")
        return [{key: record.get(key) for key in keys} for record in document]
    if name == "workspace.json":
        return {key: document[key] for key in ("version", "next_index", "generation")}
    return [{key: value for key, value in record.items() if key != "status"} for record in document]


def test_stop_works_though_all_of_the_record_is_garbled(here: Sweep) -> None:
    here.script(GATE)
    here.herd("run", "--detach")
    until(lambda: len(here.lines()) == 2, "both to start")
    for file in FILES:
        garbled(here.root / STATE / file)
    assert "not noted" in here.herd("stop", "--all", "--yes", code=1).stderr
    until(lambda: here.statuses() == {0: "cancelled", 1: "cancelled"}, "both to be cancelled")


def test_an_older_record_that_was_brought_back_starts_nothing_beside_the_newer_jobs(cluster: Sweep) -> None:
    cluster.script("exit 1")
    cluster.herd("run")
    cluster.until_statuses("failed")
    backup = cluster.root.parent / "backup"
    backup.mkdir()
    for file in FILES:
        shutil.copy(cluster.root / STATE / file, backup)
    cluster.script(GATE)
    cluster.herd("run")
    until(lambda: len(cluster.lines()) == 4, "both to run again")
    for file in FILES:
        shutil.copy(backup / file, cluster.root / STATE)
    told = cluster.herd("status")
    assert "not on record" in told.stderr
    assert cluster.statuses() == {0: "lost", 1: "lost"}
    assert "herd repair" in cluster.herd("run", code=1).stderr
    assert "herd repair" in cluster.herd("run", "--lost", "-i", "0", code=1).stderr
    cluster.herd("repair")
    assert cluster.statuses() == {0: "running", 1: "running"}
    cluster.go()
    cluster.finish()
    assert cluster.starts() == {"1": 2, "2": 2}


def test_what_still_runs_of_a_state_folder_that_was_removed_keeps_new_trials_from_starting(
    sweep: Sweep,
) -> None:
    sweep.script(GATE)
    sweep.herd("run", "--detach")
    until(lambda: len(sweep.lines()) == 2, "both to start")
    shutil.rmtree(sweep.root / STATE)
    refused = sweep.herd("run", "--detach", code=1).stderr
    assert "not on record" in refused and "running" in refused
    sweep.herd("stop", "--all", "--yes")
    until(lambda: sweep.herd("run", "--detach", code=None).returncode == 0, "them to have ended")
    sweep.go()
    sweep.finish()
    assert sweep.starts() == {"1": 2, "2": 2}


@pytest.mark.parametrize(
    "gone", ["g-*", "g-*/attempts", "g-*/attempts/0", "g-*/attempts/0/*", "g-*/submissions"]
)
def test_what_has_run_does_not_run_again_though_its_claims_and_notes_are_gone(here: Sweep, gone: str) -> None:
    here.herd("run")
    for path in (here.root / STATE).glob(gone):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    here.until_statuses("lost", "completed")
    here.herd("run", "--detach", code=None)
    until(
        lambda: not {"submitted", "queued", "running"} & set(here.statuses().values()), "all that live to end"
    )
    assert here.starts() == {"1": 1, "2": 1}
    if "submissions" not in gone:
        assert "claims and notes are gone" in here.herd("status").stdout
        here.herd("run", "--lost")
        assert here.starts() == {"1": 2, "2": 2}
