"""The ends of logs: whatever a trainer prints, reading is quick, bounded and safe to show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperherd.errors import WorkspaceError
from hyperherd.workspace import logs

OURS = "==== hyperherd: attempt 2, job 41_3, node7, 2026-11-21T10:00:00 ===="
OF_0_1_3 = "==== HyperHerd run: 2026-01-01 12:00:00 job 7 ===="


def log(folder: Path, content: bytes) -> Path:
    path = folder / "3.out"
    path.write_bytes(content)
    return path


@given(
    st.lists(st.text(st.characters(categories=["L", "N", "Zs"])), max_size=30),
    st.integers(0, 40),
    st.booleans(),
)
def test_tail_is_the_last_lines_with_or_without_a_final_newline(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], wanted: int, ended: bool
) -> None:
    text = "\n".join(lines) + ("\n" if ended and lines else "")
    whole = text.removesuffix("\n").split("\n") if text else []
    path = log(tmp_path_factory.mktemp("log"), text.encode())
    assert logs.tail(path, wanted) == (whole[-wanted:] if wanted else [])


def test_a_log_of_two_gigabytes_is_read_from_its_end(tmp_path: Path) -> None:
    path = tmp_path / "3.out"
    with path.open("wb") as file:
        file.seek(2 * 1024**3)
        file.write(b"\nepoch 1\nepoch 2\n")
    assert logs.tail(path, 2) == ["epoch 1", "epoch 2"]
    assert logs.last_line(path) == "epoch 2"


def test_a_line_without_an_end_costs_a_mebibyte_and_no_more(tmp_path: Path) -> None:
    path = log(tmp_path, b"x" * (3 * 1024 * 1024))
    assert [len(line) for line in logs.tail(path, 5)] == [1024 * 1024]
    assert len(logs.last_line(path) or "") == 1024 * 1024


def test_many_lines_can_be_asked_for(tmp_path: Path) -> None:
    path = log(tmp_path, b"".join(b"line %d\n" % number for number in range(50_000)))
    assert logs.tail(path, 20_000) == [f"line {number}" for number in range(30_000, 50_000)]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"10%\r50%\r100%\n", "100%"),
        (b"10%\r50%\r", "50%"),
        (b"windows\r\n", "windows"),
        (b"\x1b[1;31mred\x1b[0m\n", "red"),
        (b"\x1b]0;title\x07text\n", "text"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\n", "link"),
        (b"\x1b(B\x1b[?25lcursor\n", "cursor"),
        (b"a\tb\x08\x00\x07c\n", "a\tbc"),
        (b"\xc2\x9b31mred\n", "red"),
        (b"\xff\xfe broken\n", "\ufffd\ufffd broken"),
        ("précision ✓\n".encode(), "précision ✓"),
    ],
)
def test_what_is_shown_is_what_a_terminal_would_have_left_and_steers_no_terminal(
    tmp_path: Path, written: bytes, shown: str
) -> None:
    assert logs.tail(log(tmp_path, written), 1) == [shown]


@given(st.binary())
def test_no_byte_can_steer_the_terminal(content: bytes) -> None:
    assert not [c for c in logs.printable(content) if c != "\t" and (c < " " or "\x7f" <= c < "\xa0")]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("", None),
        ("\n \n\n", None),
        (f"{OURS}\n", None),
        (f"loss 0.1\n\n{OURS}\n", "loss 0.1"),
        (f"loss 0.1\n{OF_0_1_3}\n\x1b[0m\n", "loss 0.1"),
        (f"{OURS}\nfirst words", "first words"),
        ("==== results ====\n", "==== results ===="),
    ],
)
def test_the_last_line_is_one_with_text_that_is_no_divider(
    tmp_path: Path, written: str, shown: str | None
) -> None:
    assert logs.last_line(log(tmp_path, written.encode())) == shown


def test_the_last_line_is_found_behind_many_empty_ones(tmp_path: Path) -> None:
    assert logs.last_line(log(tmp_path, b"x" * 9000 + b"\nhere\n" + b"\n" * 100_000)) == "here"


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert logs.tail(tmp_path / "none", 5) == []
    assert logs.last_line(tmp_path / "none") is None


def test_a_log_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="cannot read"):
        logs.tail(tmp_path, 5)


def writing(path: Path, *pieces: bytes | None) -> Callable[[], bool]:
    """A ``wait`` that appends the next piece each time (None: empties the file first), and then ends."""
    left = list(pieces)

    def wait() -> bool:
        if not left:
            return False
        piece = left.pop(0)
        if piece is None:
            path.write_bytes(b"")
        else:
            with path.open("ab") as file:
                file.write(piece)
        return True

    return wait


def followed(wait: Callable[[], bool], *paths: Path, count: int = 0) -> list[tuple[str, str]]:
    """(file's suffix, whole line) of what follows the last ``count`` lines of each."""
    begin = {path.suffix: (path, logs.so_far(path, count)[1]) for path in paths}
    return [(grown.name, grown.text) for grown in logs.follow(begin, wait) if grown.whole]


def lines(wait: Callable[[], bool], path: Path) -> list[str]:
    return [text for _, text in followed(wait, path)]


def test_follow_gives_each_new_line_whole(tmp_path: Path) -> None:
    path = log(tmp_path, b"one\ntwo\nthr")
    wait = writing(path, b"ee\nfour\nfi", b"", b"ve\n", b"the end")
    assert logs.so_far(path, 1) == (["two"], 8)
    assert lines(wait, path) == ["three", "four", "five", "the end"]


def test_follow_tells_what_each_of_several_logs_gains_also_one_that_comes_later(tmp_path: Path) -> None:
    out, err = log(tmp_path, b"one\n"), tmp_path / "3.err"
    pieces = iter([(out, b"two\n"), (err, b"oops\n"), (out, b"three\n"), (err, b"Traceback\n")])

    def wait() -> bool:
        path, piece = next(pieces, (None, b""))
        if path is None:
            return False
        with path.open("ab") as file:
            file.write(piece)
        return True

    told = [(".out", "two"), (".err", "oops"), (".out", "three"), (".err", "Traceback")]
    assert followed(wait, out, err) == told


def test_follow_shows_a_progress_bar_as_it_stands(tmp_path: Path) -> None:
    path = log(tmp_path, b"")
    wait = writing(path, b"10%", b"\r50%", b"", b"\r100%\n")
    told = [(grown.text, grown.whole) for grown in logs.follow({"err": (path, 0)}, wait)]
    assert told == [("10%", False), ("50%", False), ("100%", True)]


def test_follow_reads_a_log_that_was_emptied_or_replaced_from_its_start(tmp_path: Path) -> None:
    path = log(tmp_path, b"a long first line\n")
    assert lines(writing(path, None, b"new\n"), path) == ["new"]
    pieces = iter([b"of the same length\n"])
    other = tmp_path / "other"

    def replacing() -> bool:
        for piece in pieces:
            other.write_bytes(piece)
            other.replace(path)
            return True
        return False

    path.write_bytes(b"of the same lengtH\n")
    begin = {"out": (path, 0)}
    told = [grown.text for grown in logs.follow(begin, replacing)]
    assert told == ["of the same lengtH", "of the same length"]


def test_follow_keeps_no_more_than_a_mebibyte_or_two_of_an_endless_line(tmp_path: Path) -> None:
    path = log(tmp_path, b"")
    pieces = lines(writing(path, b"x" * (5 * 1024 * 1024)), path)
    assert sum(len(piece) for piece in pieces) == 5 * 1024 * 1024
    assert max(len(piece) for piece in pieces) <= 2 * 1024 * 1024
