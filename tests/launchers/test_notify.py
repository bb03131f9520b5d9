"""``notify``: somebody is told when a trial fails and when the last one has ended, once, by the trials themselves."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from .herd import Herd

TELL = 'echo "$HYPERHERD_NOTICE_KIND: $HYPERHERD_NOTICE" >>told'


def of_a_user(herd: Herd) -> Herd:
    """With a cache, in which what he is to be told by is kept."""
    return replace(herd, env={**herd.env, "XDG_CACHE_HOME": str(herd.root.parent / "cache")})


def describe(herd: Herd, *notify: str, values: str = "[1, 2, 3]") -> None:
    herd.yaml(f"grid: all\nparameters:\n  x: {values}\nnotify:\n" + "".join(f"  - {one}\n" for one in notify))


def impatient(herd: Herd) -> Herd:
    """With two seconds for a command instead of thirty."""
    return replace(herd, env={**herd.env, "HYPERHERD_NOTICE_S": "2"})


def told(herd: Herd) -> list[str]:
    path = herd.root / "told"
    return path.read_text().splitlines() if path.exists() else []


def test_the_trial_that_ends_last_tells_that_all_have_ended(herd: Herd) -> None:
    describe(herd, f"{{command: {json.dumps(TELL)}}}")
    herd.launch("exit 0")
    herd.submit()
    herd.until(lambda: told(herd), "the notice, of which no command knows")
    herd.until(lambda: herd.statuses() == dict.fromkeys(range(3), "completed"), "the ends")
    assert told(herd) == [f"finished: {herd.name}: finished, 3 completed, 0 not"]


def test_a_failure_is_told_once_and_the_end_of_the_next_run_anew(herd: Herd) -> None:
    describe(herd, f"{{command: {json.dumps(TELL)}}}")
    herd.launch("[[ -e go ]] || exit 7")
    herd.submit()
    herd.until(lambda: len(told(herd)) == 2, "both notices")
    herd.until(lambda: set(herd.statuses().values()) == {"failed"}, "the ends")
    first, last = told(herd)
    assert first.startswith("failed: ") and first.endswith("failed (exit 7)")
    assert last == f"finished: {herd.name}: finished, 0 completed, 3 not"
    (herd.root / "go").touch()
    herd.submit()
    herd.until(lambda: len(told(herd)) == 3, "that of the second run")
    assert told(herd)[-1].endswith("finished, 3 completed, 0 not")
    herd.until(lambda: set(herd.statuses().values()) == {"completed"}, "the ends")


def test_what_no_node_could_tell_whoever_looks_tells(herd: Herd) -> None:
    herd = impatient(of_a_user(herd))
    describe(herd, f"{{command: {json.dumps(TELL)}, on: [finished]}}")
    herd.launch("exec sleep 600")
    herd.submit()
    herd.until(lambda: "running" in herd.statuses().values(), "a start")
    herd("stop", "--all", "--yes")
    herd.until(lambda: "running" not in herd.statuses().values() and told(herd), "the notice")
    herd("status")
    assert told(herd) == [f"finished: {herd.name}: finished, 0 completed, 3 not"]


def test_who_only_looks_runs_no_command_of_a_folder_that_is_not_his(herd: Herd, tmp_path: Path) -> None:
    herd = of_a_user(herd)
    best(herd, "echo mine >>told")
    another = replace(herd, env={**herd.env, "XDG_CACHE_HOME": str(tmp_path / "another's")})
    herd.submit()
    best(herd, "echo his >>told")  # what the folder's YAML says now
    another.until(lambda: set(another.statuses().values()) == {"completed"}, "the ends")
    assert told(herd) == []
    herd("status")
    assert told(herd) == ["mine"], "the command as it was when it was run"


def test_a_command_that_hangs_or_fails_changes_no_end(herd: Herd) -> None:
    herd = impatient(herd)
    describe(herd, "{command: 'sleep 600'}", "{command: 'exit 9'}", f"{{command: {json.dumps(TELL)}}}")
    herd.launch("exit 0")
    herd.submit()
    herd.until(lambda: told(herd), "the third command's notice")
    herd.until(lambda: herd.statuses() == dict.fromkeys(range(3), "completed"), "the ends")
    logs = [path for path in (herd.root / ".hyperherd/logs").rglob("*.log") if path.parent.name != "logs"]
    said = "".join(path.read_text() for path in logs)
    assert "number 1 of notify had not ended after 2 s" in said and "number 2 of notify ended with 9" in said


def best(herd: Herd, command: str) -> None:
    herd.yaml(
        "grid: all\nmetric: accuracy\nparameters:\n  x: [1, 2]\n"
        f"notify: {{command: {json.dumps(command)}, on: [best]}}\n"
    )
    herd.launch(
        'mkdir -p "$HYPERHERD_RESULTS/final"\n'
        'printf \'{"name": "accuracy", "value": 0.%s, "ts": 1}\\n\' "$HYPERHERD_TRIAL_ID" '
        '>"$HYPERHERD_RESULTS/final/a-1.jsonl"\n'
    )


def test_the_best_is_told_by_whoever_looks(herd: Herd) -> None:
    herd = of_a_user(herd)
    best(herd, TELL)
    herd.submit()
    herd.until(lambda: set(herd.statuses().values()) == {"completed"}, "the ends")
    herd("status")
    assert told(herd)[-1] == f"best: {herd.name}: trial 1 (x-2) is the best: 0.1"


class Hook(http.server.BaseHTTPRequestHandler):
    """Keeps what is posted."""

    posted: ClassVar[list[tuple[str, str]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.posted.append((self.path, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def hook() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    Hook.posted = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("place", ["local"], indirect=True)
def test_a_webhook_is_posted_to_and_its_secret_is_written_nowhere(herd: Herd, hook: str) -> None:
    describe(herd, '{url: "$HOOK", on: [finished]}', values="[1]")
    (herd.root / ".env").write_text(f"HOOK={hook}/secret-4711\n")
    herd.launch("exit 0")
    done = herd("run")
    herd.until(lambda: Hook.posted, "the post")
    ((path, body),) = Hook.posted
    assert path == "/secret-4711"
    assert json.loads(body) == {"text": f"{herd.name}: finished, 1 completed, 0 not"}
    written = [p for p in Path(herd.root).rglob("*") if p.is_file() and p.name != ".env"]
    assert not [p for p in written if b"secret-4711" in p.read_bytes()]
    assert "secret-4711" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "given, what",
    [
        ("{on: [finished]}", "neither a command nor a url"),
        ("{command: x, url: https://y}", "both a command and a url"),
        ("{url: not an address}", "no address"),
        ("{command: x, on: [done]}", "'finished', 'failed' or 'best' expected, not 'done'"),
    ],
)
@pytest.mark.parametrize("place", ["local"], indirect=True)
def test_a_fault_is_told_with_its_line(herd: Herd, given: str, what: str) -> None:
    describe(herd, given)
    herd.launch("exit 0")
    refused = herd("run", code=1).stderr
    assert "hyperherd.yaml:" in refused and what in refused


def test_a_block_in_which_nothing_runs_again_does_not_keep_the_end_from_being_told(herd: Herd) -> None:
    describe(herd, f"{{command: {json.dumps(TELL)}, on: [finished]}}", values='"range(0,66)"')
    herd.launch("[[ $HYPERHERD_TRIAL_ID != 3 || -e go ]] || exit 1")
    herd.submit()
    herd.until(lambda: len(told(herd)) == 1, "the first notice")
    assert told(herd)[0].endswith("finished, 65 completed, 1 not")
    (herd.root / "go").touch()
    herd.until(lambda: set(herd.statuses().values()) == {"completed", "failed"}, "the ends")
    herd.submit()
    herd.until(lambda: len(told(herd)) == 2, "the second, of one trial of 66")
    assert told(herd)[1].endswith("finished, 66 completed, 0 not")


@pytest.mark.parametrize("place", ["local"], indirect=True)
def test_an_old_failure_is_not_told_again_and_a_yaml_without_notify_tells_nobody(herd: Herd) -> None:
    herd = of_a_user(herd)
    describe(herd, f"{{command: {json.dumps(TELL)}}}")
    herd.launch("[[ $HYPERHERD_TRIAL_ID != 0 ]] || exit 1")
    herd("run", code=3)
    assert [line.split(":")[0] for line in told(herd)] == ["failed", "finished"]
    herd.yaml(f"grid: all\nparameters:\n  x: [1, 2, 3, 4]\nnotify: {{command: {json.dumps(TELL)}}}\n")
    herd("run", "-i", "3")
    herd("status")
    assert [line.split(":")[0] for line in told(herd)] == ["failed", "finished", "finished"]
    herd.yaml("grid: all\nparameters:\n  x: [1, 2, 3, 4, 5]\n")
    herd("run", code=3)
    herd("status")
    assert len(told(herd)) == 3
