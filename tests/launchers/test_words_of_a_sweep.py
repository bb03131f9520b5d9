"""What commands say of one small sweep, word by word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hyperherd.attempts.filenames import Unit
from hyperherd.engine.snapshot import Snapshot, TrialView
from hyperherd.sweep.trial import Status, Trial
from hyperherd.views import tables
from hyperherd.views.columns import Screen
from hyperherd.workspace.folder import Workspace

from .conftest import herds
from .herd import Herd

# The sweep of the fixture is run once, by one worker.
pytestmark = pytest.mark.xdist_group("words-of-a-sweep")

VALUES = "['2', 2, null, '']"


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Herd, str]]:
    """Four trials of which the first has run and succeeded, and the second has failed; and what that run said."""
    with herds(tmp_path_factory.mktemp("words"), "local", lambda: None) as make:
        herd: Herd = make()
        herd.yaml(f"grid: all\nparameters:\n  a: {VALUES}\n")
        herd.launch('echo "a warning" >&2; [[ $1 != *a=2* ]] || exit 2')
        yield herd, herd("run", "-i", "0,1", code=3).stderr


@pytest.fixture
def herd(begun: tuple[Herd, str]) -> Herd:
    return begun[0]


def test_a_first_run_of_some_counts_all_as_new(begun: tuple[Herd, str]) -> None:
    herd, said = begun
    assert "+4 new (2 of them now)\n" in said
    assert "2 kept" in herd("run", "-n", "-i", "2,3").stderr


def test_what_has_failed_is_told_by_its_word(herd: Herd) -> None:
    told = herd("run", "-i", "1", code=3).stderr
    assert "1 again (failed), 3 kept" in told and "0 completed, 1 failed (of the 1 that ran now)" in told


def test_where_that_nothing_meets_is_told_so(herd: Herd) -> None:
    for command in ("status", "stats", "ls"):
        assert herd(command, "--where", "index > 99").stdout == "no trials match\n"
    assert "no trials match" in herd("res", "--where", "index > 99").stderr


def test_values_that_read_alike_are_told_apart(herd: Herd) -> None:
    rows = [line.split()[:2] for line in herd("ls").stdout.splitlines()[1:]]
    assert rows == [["0", "'2'"], ["1", "2"], ["2", "null"], ["3", "''"]]
    assert "a  '2'" in herd("show", "0").stdout


def test_a_success_has_no_last_error(herd: Herd) -> None:
    assert "last line of stderr" not in herd("show", "0").stdout
    assert "a warning" in herd("show", "1").stdout


def test_a_changed_launch_script_is_told_without_a_dangling_semicolon(tmp_path: Path) -> None:
    trial = Trial(0, "h", "a-2", {"a": 2}, {})
    view = TrialView(
        trial,
        Unit(0),
        Status.QUEUED,
        "",
        0,
        None,
        "",
        None,
        None,
        None,
        changed=True,
        interruptions={},
        submitted=True,
    )
    for last, told in ((None, "changed since"), ("step 3", "changed since; step 3")):
        shown = Snapshot("s", Workspace(tmp_path), [replace(view, last_line=last)], (), 1)
        assert tables.status(shown, Screen()).splitlines()[1].rstrip().endswith(told)


def test_clean_names_the_sweep_and_its_folder(herd: Herd) -> None:
    asked = herd("clean", "-a", code=2).stderr
    assert f"of 4 trials of {herd.name} in {herd.root}" in asked and "--yes" in asked
    assert herd.statuses()[0] == "completed"
