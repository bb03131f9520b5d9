"""What ``status``, ``ls``, ``show``, ``tail``, ``res`` and ``stats`` look like on a terminal, and in a pipe."""

from __future__ import annotations

import pytest
from eventually import until

from .conftest import Ended, Home
from .screen import Screen

COMMANDS = [
    ("status",),
    ("status", "-a"),
    ("status", "-b"),
    ("ls",),
    ("show", "3"),
    ("tail", "3"),
    ("res",),
    ("stats",),
]
TABLES = [words for words in COMMANDS if words[0] in ("status", "ls", "res", "stats")]
WIDTHS = [40, 80, 200]
HOSTILE = ("\a", "\033[2J", "\033[1A", "\033]", "\r")
"""What the trials of the fixture `ended` print, beside colours."""


def columns_of(screen: Screen, text: str) -> list[int]:
    """The columns of the screen in which a text begins."""
    cells = [
        [line[x].data for x in range(screen.emulator.columns)] for line in screen.emulator.buffer.values()
    ]
    joined = ["".join(cell or "\0" for cell in line) for line in cells]
    return [line.index(text) for line in joined if text in line]


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("words", TABLES, ids=" ".join)
def test_no_line_of_a_table_is_wider_than_the_screen(
    ended: Ended, words: tuple[str, ...], columns: int
) -> None:
    screen = ended.home.seen(words[0], ended.root, *words[1:], columns=columns, rows=60)
    wide = ended.home.seen(words[0], ended.root, *words[1:], columns=1000, rows=60)
    folded = [line for line in wide.lines if line.startswith("(")]
    assert len(screen.lines) <= len(wide.lines) + len(folded)


def test_status_in_80_columns_shows_each_cause_its_trials_and_what_to_type(ended: Ended) -> None:
    lines = ended.home.seen("status", ended.root).lines
    at = lines.index("FAILED 2      fix, then: herd run")
    causes = lines[at + 1 : at + 3]
    assert [("exit 2" in row, "exit 75" in row) for row in causes] == [(True, False), (False, True)]
    assert all("1× " in row and "oh  no: 損失" in row for row in causes)
    assert causes[0].endswith("2  herd tail 2") and causes[1].endswith("3  herd tail 3")
    assert any(line.startswith("DONE 2") for line in lines)
    assert "2 done  2 failed" in lines[1]


def test_trials_that_were_named_are_shown_completed_ones_too(ended: Ended) -> None:
    lines = ended.home.seen("status", ended.root, "0,1").lines
    at = next(place for place, line in enumerate(lines) if line.startswith("trial"))
    assert [line.split()[:2] for line in lines[at + 1 : -1]] == [["0", "completed"], ["1", "completed"]]


def test_status_on_a_wide_screen_cuts_nothing(ended: Ended) -> None:
    for words in ((), ("-a",)):
        text = ended.home.seen("status", ended.root, *words, columns=300).text
        assert "…" not in text
        assert "and more words than there is room for on a narrow screen" in text


def test_columns_align_where_characters_are_wide(ended: Ended) -> None:
    screen = ended.home.seen("status", ended.root, "-a", columns=200)
    begins = [*columns_of(screen, "loss 0.25"), *columns_of(screen, "oh  no")]
    causes = 2  # above the rows, each with its own line
    assert len(begins) == 4 + causes and len(set(begins)) == 2


@pytest.mark.parametrize("words", [*COMMANDS, ("snapshot",)], ids=" ".join)
def test_what_a_log_holds_cannot_steer_the_terminal(ended: Ended, words: tuple[str, ...]) -> None:
    raw = ended.home.seen(words[0], ended.root, *words[1:]).raw.decode().replace("\r\n", "\n")
    assert [sequence for sequence in HOSTILE if sequence in raw] == []


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_pipe_gets_plain_text_and_whole_lines(ended: Ended, words: tuple[str, ...]) -> None:
    answer = ended.home.run(words[0], ended.root, *words[1:])
    assert answer.returncode == 0
    assert "\033" not in answer.stdout + answer.stderr
    assert "…" not in answer.stdout


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
@pytest.mark.parametrize("words", [("status",), ("show", "3")], ids=" ".join)
def test_a_terminal_without_colours_gets_plain_text(
    ended: Ended, words: tuple[str, ...], env: dict[str, str]
) -> None:
    assert b"\033" not in ended.home.seen(words[0], ended.root, *words[1:], **env).raw  # type: ignore[arg-type]


def test_an_attempt_on_this_machine_is_not_called_by_an_identity_that_nobody_can_read(ended: Ended) -> None:
    divider = next(
        line for line in ended.home.run("tail", ended.root, "3").stdout.splitlines() if "====" in line
    )
    assert divider.startswith("==== hyperherd: attempt 1, this machine, ")
    assert len(divider) <= 80


def test_a_thousand_waiting_trials_leave_what_runs_and_the_totals_on_the_screen(home: Home) -> None:
    root = home.sweep('"range(0,1000)"', "echo begun\nexec sleep 600\n")
    started = home.run("run", root, "--on", "local", "-j", "1", "--detach")
    assert started.returncode == 0, started.stderr
    until(lambda: "1 running" in home.run("status", root, "-b").stdout, "the first trial")
    lines = home.seen("status", root, rows=24).lines
    assert len(lines) <= 23
    assert "1 run  999 wait" in lines[1]
    assert lines[2].startswith("RUNNING 1") and lines[3].split()[0] == "0"
    assert lines[4].startswith("WAITING 999")
    assert len(home.seen("status", root, "-a").lines) == 1004
    assert len(home.seen("status", root, "--limit", "5").lines) == 9
    assert home.run("stop", root, "--all", "--yes").returncode == 0


def test_watching_fits_the_screen_and_ends_with_ctrl_c(ended: Ended) -> None:
    with ended.home.on_terminal("status", ended.root, "-a", "--watch", rows=9) as screen:
        screen.wait_for(lambda seen: "4 trials:" in seen.text)
        assert "sweep" in screen.emulator.display[0]
        screen.types("\x03")
        assert screen.ends() == 130


def test_following_shows_lines_as_they_come_and_ends_with_the_trial(home: Home) -> None:
    root = home.sweep("[1]", 'echo first\nuntil [ -e go ]; do sleep 0.05; done\nprintf "second\\033[2J\\n"\n')
    assert home.run("run", root, "--on", "local", "--detach").returncode == 0
    until(lambda: "first" in home.run("tail", root, "0").stdout, "its first line")
    with home.on_terminal("tail", root, "0", "-f") as screen:
        screen.wait_for(lambda seen: "first" in seen.text)
        (root / "go").touch()
        assert screen.ends() == 0
    shown = [line for line in screen.lines if line and "====" not in line and "==>" not in line]
    assert shown == ["first", "second"]


@pytest.mark.parametrize("words", [("status",), ("status", "-a"), ("res",), ("ls",)], ids=" ".join)
def test_with_ascii_nothing_else_is_shown_and_columns_stay_in_line(
    ended: Ended, words: tuple[str, ...]
) -> None:
    plain = ended.home.seen(words[0], ended.root, *words[1:], "--ascii", NO_COLOR="1")
    assert plain.raw.decode("ascii")
    if words == ("status",):
        assert "#" in plain.lines[1] and "1x exit 2" in plain.text


def test_an_encoding_that_has_not_our_signs_shows_others(ended: Ended) -> None:
    screen = ended.home.seen("status", ended.root, NO_COLOR="1", PYTHONIOENCODING="latin-1")
    assert b"\\u25" not in screen.raw and b"##" in screen.raw
