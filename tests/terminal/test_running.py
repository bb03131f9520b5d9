"""``herd run`` in front of a person: what it says first, its progress, Ctrl-C."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from eventually import until
from exactly_once.sweeps import environment
from fakeslurm.fixture import FakeSlurm

from .conftest import Home

PIDS = 'sleep 600 & echo "$HYPERHERD_TRIAL_ID $$ $!" >>pids\n[ -e go ] && exit 0\nwait\n'
"""Bash: note the trial, its process and that of its child; end at once where ``go`` is there, else not for long."""


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def started(root: Path) -> list[tuple[int, int, int]]:
    try:
        lines = (root / "pids").read_text().splitlines()
    except FileNotFoundError:
        return []
    return [tuple(map(int, line.split())) for line in lines]  # type: ignore[misc]


def test_a_run_says_what_it_will_do_shows_progress_and_says_how_it_ended(home: Home) -> None:
    root = home.sweep("[1, 2, 3]", '[ "$HYPERHERD_TRIAL_ID" != 1 ]\n')
    screen = home.seen("run", root, "--on", "local")
    assert screen.process.returncode == 3
    assert screen.lines[0] == "sweep: +3 new"
    blocks = set("█▒▓░")
    assert blocks & set(screen.raw.decode()) and not blocks & set(screen.text), "drawn, and gone at the end"
    assert "2 completed, 1 failed" in screen.lines
    again = home.seen("run", root, "--on", "local")
    assert again.lines[0] == "sweep: 1 again (failed), 2 kept"


def test_what_a_run_would_do_and_cost_is_said_first(home: Home, fake_slurm: FakeSlurm) -> None:
    root = home.sweep("[1, 2, 3]", "exit 0\n")
    assert home.run("run", root, "--on", "local").returncode == 0
    home = Home(home.folder, environment(fake_slurm.env, home.folder))
    yaml = root / "hyperherd.yaml"
    yaml.write_text(
        yaml.read_text().replace("[1, 2, 3]", "[1, 2, 4]")
        + "slurm: {cpus_per_task: 1, gpus: 2, time: '30:00'}\n"
    )
    dry = home.run("run", root, "--on", "slurm", "-n", "-f").stderr.splitlines()
    assert dry[0] == "sweep: +1 new, 2 kept, 1 orphaned; at most 1 GPU-hours"


@pytest.mark.parametrize("env", [{"TERM": "dumb"}], ids=str)
def test_a_dumb_terminal_gets_no_progress_bar(home: Home, env: dict[str, str]) -> None:
    root = home.sweep("[1]", "exit 0\n")
    screen = home.seen("run", root, "--on", "local", **env)  # type: ignore[arg-type]
    assert b"\033" not in screen.raw
    assert "░" not in screen.text
    assert screen.lines[-2:] == ["1 completed", "See what they found: herd res sweep"]


def test_no_color_takes_the_colours_out_of_the_progress_bar(home: Home) -> None:
    screen = home.seen("run", home.sweep("[1]", "exit 1\n"), "--on", "local", NO_COLOR="1")
    assert not any(code in screen.raw for code in (b"\033[31m", b"\033[32m", b"\033[38"))


def test_a_pipe_gets_no_progress_bar(home: Home) -> None:
    answer = home.run("run", home.sweep("[1]", "exit 0\n"), "--on", "local")
    assert "\033" not in answer.stderr
    assert "░" not in answer.stderr
    assert answer.stdout == ""


def test_ctrl_c_stops_the_trials_and_their_children_and_the_next_run_does_what_was_not_finished(
    home: Home,
) -> None:
    root = home.sweep("[1, 2, 3]", PIDS)
    with home.on_terminal("run", root, "--on", "local", "-j", "2") as screen:
        screen.wait_for(lambda seen: "RUNNING 2" in seen.text and len(started(root)) >= 2)
        screen.types("\x03")
        assert screen.ends() == 130
        assert "runs again at the next herd run" in screen.text
        assert screen.lines[-1].startswith("3 trials cancelled (2 running, 1 ")
    first = started(root)
    for _, own, child in first:
        until(lambda own=own: not alive(own), "the trial's end")  # type: ignore[misc]
        until(lambda child=child: not alive(child), "its child's end")  # type: ignore[misc]
    assert home.run("status", root, "-b").stdout.startswith("3 trials: 3 cancelled")
    (root / "go").touch()
    assert home.run("run", root, "--on", "local").returncode == 0
    assert sorted(trial for trial, _, _ in started(root)[len(first) :]) == [0, 1, 2]


def test_ctrl_c_leaves_what_has_completed(home: Home) -> None:
    root = home.sweep(
        "[1, 2]", 'echo "$HYPERHERD_TRIAL_ID" >>log\n[ $HYPERHERD_TRIAL_ID = 0 ] || exec sleep 600\n'
    )
    with home.on_terminal("run", root, "--on", "local", "-j", "1") as screen:
        screen.wait_for(lambda seen: "1 done  1 run" in seen.text)
        screen.types("\x03")
        assert screen.ends() == 130
        assert screen.lines[-1] == "1 trial cancelled (1 running)"
    status = json.loads(home.run("status", root, "--json").stdout)
    assert [trial["status"] for trial in status["trials"]] == ["completed", "cancelled"]
    assert (root / "log").read_text().split() == ["0", "1"]


def test_a_detached_run_returns_and_goes_on(home: Home) -> None:
    root = home.sweep("[1]", "until [ -e go ]; do sleep 0.05; done\n")
    screen = home.seen("run", root, "--on", "local", "--detach")
    assert screen.process.returncode == 0
    assert screen.lines[-1] == f"See how they do: herd status {os.path.relpath(root, home.folder)}"
    (root / "go").touch()
    until(lambda: "1 completed" in home.run("status", root, "-b").stdout, "the trial's end")
