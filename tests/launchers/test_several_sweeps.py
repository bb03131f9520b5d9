"""A user's sweeps: listed outside of any, several shown at once. The list is best effort and forgets what is gone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import herding
import pytest

from .conftest import here
from .herd import Herd

pytestmark = here
YAML = "name: {name}\nlauncher: launch.sh\ngrid: all\nparameters: {{x: [1, 2]}}\n"


@dataclass(frozen=True)
class User:
    """A home with a state folder, and two sweeps in it: ``a`` has completed, ``b`` has failed."""

    home: Path
    env: dict[str, str]

    @property
    def a(self) -> Path:
        return self.home / "a"

    @property
    def b(self) -> Path:
        return self.home / "b"

    @property
    def entries(self) -> Path:
        return self.home / ".local/state/hyperherd/sweeps"

    def herd(self, folder: Path, *words: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        return herding.herd(*words, env=self.env, folder=folder, code=code)

    def listed(self) -> list[dict[str, Any]]:
        """What ``herd status`` says outside of any sweep."""
        listed: list[dict[str, Any]] = json.loads(self.herd(self.home.parent, "status", "--json").stdout)[
            "sweeps"
        ]
        return listed

    def folders(self) -> list[str]:
        return [one["folder"] for one in self.listed()]


@pytest.fixture
def user(make: Callable[..., Herd], tmp_path: Path) -> User:
    home = tmp_path / "home"
    made = {name: make(name, home) for name in "ab"}
    user = User(home, {**made["a"].env, "HOME": str(home), "XDG_STATE_HOME": ""})
    for name, body in (("a", "true"), ("b", "exit 3")):
        (home / name / "hyperherd.yaml").write_text(YAML.format(name=name))
        (home / name / "launch.sh").write_text(f"#!/bin/bash\n{body}\n")
        user.herd(home / name, "run", "--on", "local", code=3 if name == "b" else 0)
    return user


def test_outside_of_any_they_are_listed_what_was_active_last_first(user: User) -> None:
    lines = user.herd(user.home.parent, "status").stdout.splitlines()
    assert [line.split()[:3] for line in lines[1:3]] == [["b", "2", "failed"], ["a", "2", "completed"]]
    assert lines[1].endswith("~/b") and "ago" in lines[1]
    first, second = user.listed()
    assert first["totals"] == {"total": 2, "failed": 2} and first["last_activity"].endswith("Z")
    assert [first["folder"], second["folder"]] == [str(user.b), str(user.a)]
    assert "of which sweep" in user.herd(user.home.parent, "status", "--where", "x == 1", code=2).stderr
    user.herd(user.a, "run", "--on", "local", "-f", "-i", "0")
    assert user.folders() == [str(user.a), str(user.b)]


def test_a_folder_that_is_gone_is_forgotten_and_one_that_was_moved_is_known_again(user: User) -> None:
    shutil.rmtree(user.a)
    moved = user.b.rename(user.home / "c")
    user.herd(user.home.parent, "status", code=1)
    assert list(user.entries.iterdir()) == []
    user.herd(moved, "status")
    assert user.folders() == [str(moved)]


def test_a_sweep_whose_disk_is_away_is_not_forgotten(user: User, tmp_path: Path) -> None:
    user.home.rename(tmp_path / "away")
    user.env["XDG_STATE_HOME"] = str(tmp_path / "away/.local/state")
    user.herd(tmp_path, "status", code=1)
    (tmp_path / "away").rename(user.home)
    user.env["XDG_STATE_HOME"] = ""
    assert len(user.folders()) == 2


def test_where_nothing_can_be_noted_all_else_works(user: User, tmp_path: Path) -> None:
    user.env["XDG_STATE_HOME"] = os.devnull + "/none"
    assert "2 completed" in user.herd(user.a, "status").stdout
    assert "no hyperherd.yaml" in user.herd(tmp_path, "status", code=1).stderr


def test_what_is_no_entry_in_the_list_is_passed_over(user: User) -> None:
    (user.entries / "folder").mkdir()
    for name, content in (("empty", b""), ("relative", b"a"), ("bytes", b"/\xff\0")):
        (user.entries / name).write_bytes(content)
    assert len(user.folders()) == 2


def test_one_that_cannot_be_read_is_told_beside_the_others(user: User) -> None:
    (user.a / ".hyperherd/manifest.json").write_text("{")
    done = user.herd(user.home.parent, "status")
    assert str(user.a) in done.stderr and "manifest.json" in done.stderr
    assert "~/b" in done.stdout and "~/a" not in done.stdout


def test_several_that_are_named_are_shown_under_their_names(user: User) -> None:
    blocks = [
        block.splitlines() for block in user.herd(user.home, "status", "b", "a").stdout.strip().split("\n\n")
    ]
    assert [block[0] for block in blocks] == ["b  ~/b", "a  ~/a"]
    assert [block[-1] for block in blocks] == ["2 trials: 2 failed", "2 trials: 2 completed"]
    told = json.loads(user.herd(user.home.parent, "status", user.a, user.b, "--json").stdout)["sweeps"]
    assert [(one["sweep_name"], one["workspace"], one["totals"]["total"]) for one in told] == [
        ("a", str(user.a), 2),
        ("b", str(user.b), 2),
    ]
    assert "no trial 'b'" in user.herd(user.home, "status", "a", "0", "b", code=1).stderr


def test_an_entry_tells_the_folder_and_the_generation_which_changes_with_the_state(user: User) -> None:
    def entry() -> dict[str, str]:
        told = [json.loads(path.read_text()) for path in user.entries.iterdir()]
        return next(one for one in told if one["folder"] == str(user.a))

    def generation() -> str:
        form = json.loads((user.a / ".hyperherd/workspace.json").read_text())
        return str(form["generation"])

    before = generation()
    assert entry()["generation"] == before
    user.herd(user.a, "clean", "-a", "--yes")
    user.herd(user.a, "run", "--wait", "--on", "local")
    assert entry()["generation"] == generation() != before


def test_an_entry_of_before_is_the_folder_alone_and_stays(user: User) -> None:
    for path in user.entries.iterdir():
        path.write_bytes(os.fsencode(json.loads(path.read_text())["folder"]))
    assert len(user.folders()) == 2 == len(list(user.entries.iterdir()))
