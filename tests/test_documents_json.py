"""What ``--json`` prints: the keys that scripts rely on, and no others than docs/json.md lists."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import herding
import pytest
from exactly_once.sweeps import end_all, environment
from fakeslurm.fixture import FakeSlurm
from launchers.herd import GATE, Herd, clean

pytestmark = pytest.mark.xdist_group("documents")  # the commands of the fixture are run once, by one worker

PAGE = Path(__file__).parents[1] / "docs/json.md"
MAPS = {
    "asked_at",
    "params",
    "options",
    "values",
    "metrics",
    "extras",
    "environment",
    "totals",
    "packages",
    "interruptions",
}
WORDS = {"warnings", "tags", "refusals", "gpus", "faults", "notes", "stderr_lines"}
"""Lists of texts, which may be empty."""

TRIAL = "index status experiment_name params"
PROMISED = {
    "run": f"dry_run slurm_job_id sbatch_path submitted_indices sbatch_script submissions trials[]({TRIAL})",
    "status": f"totals trials[]({TRIAL} last_log_line last_error_line attempt reason exit_code node)",
    "stats": "trials[](index experiment_name slurm_state elapsed elapsed_seconds max_rss_bytes ave_rss_bytes "
    "req_mem_bytes)",
    "tail": "index status experiment_name streams.stdout.(path lines requested) streams.stderr.(path lines requested)",
    "res": "trials[](index experiment_name params metrics)",
    "res --steps": "rows[](trial_id step metric timestamp value)",
    "stop": "cancelled[](index slurm_job_id previous_status)",
    "snapshot": f"sweep_name workspace totals trials[]({TRIAL} last_log_line last_error_line attempt reason exit_code "
    "node slurm_state elapsed elapsed_seconds max_rss_bytes ave_rss_bytes req_mem_bytes metrics) "
    "failed_stderr[](index stderr_path stderr_lines stderr_truncated)",
}
"""The keys that scripts read today."""


def paths(document: Any, prefix: str = "") -> set[str]:
    """``trials[].index`` and so on; what is in a map by name is not looked at."""
    found: set[str] = set()
    for key, value in document.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and key not in MAPS:
            found |= paths(value, f"{path}.")
        elif isinstance(value, list) and all(isinstance(one, dict) for one in value) and key not in WORDS:
            found |= {f"{path}[]"}.union(*(paths(one, f"{path}[].") for one in value))
        else:
            found.add(path)
    return found


def documented() -> dict[str, set[str]]:
    """Command -> the paths that docs/json.md lists."""
    sections = re.split(r"^## `herd (.*)`$", PAGE.read_text(), flags=re.MULTILINE)
    told: dict[str, set[str]] = {}
    for command, body in zip(sections[1::2], sections[2::2], strict=True):
        found: set[str] = set()
        for key, words in re.findall(r"^\| (.*?) \| (.*?) \|$", body, flags=re.MULTILINE):
            if key.startswith("`"):
                found.add(key.strip("`"))
            for other in re.findall(r"keys of `(\w+)`", words):
                inner = {path for path in told[other] if path.startswith("trials[].")}
                found |= inner if key.startswith("`") else {path.removeprefix("trials[].") for path in inner}
        told[command] = found
    return told


def promised(command: str) -> set[str]:
    text = re.sub(
        r"(\S+?)\.?\(([^)]*)\)",
        lambda match: " ".join(f"{match[1]}.{key}" for key in match[2].split()),
        PROMISED[command],
    )
    return {path if path != "submissions" else "submissions[]" for path in text.split()}


MACHINES = {
    "launchers list": (),
    "launchers find": ("gpu()",),
    "launchers explain": ("gpu() | cuda(mem=80GiB)",),
    "compute list": (),
    "compute show": ("bon_echo/a40_1x",),
}
"""The commands about machines, and what each is asked for."""

HOSTS = """\
hosts:
  here: {launcher: local, cores: 4, memory: 8GiB, accelerators: {model: t4}, tags: [fast]}
  there: {partition: gpu, cores: 4}
"""

TRAINER = """\
from hyperherd import log_result
log_result("worst", float("nan"))
log_result("most", float("inf"))
log_result("loss", float("-inf"), step=1)
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Command -> what it printed, of a sweep of which one trial fails, one is stopped and one completes."""
    root = tmp_path_factory.mktemp("json")
    env = {**environment(clean(os.environ), root), "TEST_PYTHON": sys.executable}
    herd = Herd(root, env, "local", "json")
    herd.yaml(
        "grid: all\nmetric: most\nparameters:\n  x: [.inf, 2, 3]\nconditions: [{when: {x: 2}, set: {y: .nan}}]\n"
    )
    (root / "train.py").write_text(TRAINER)
    herd.launch(f'case $1 in *x=inf*) "$TEST_PYTHON" train.py ;; *x=2*) exit 1 ;; *) {GATE} ;; esac')
    told: dict[str, Any] = {"run -n": herd.json("run", "-n"), "run": herd.json("run", "--detach")}
    herd.until(lambda: herd.statuses() == {0: "completed", 1: "failed", 2: "running"}, "the ends")
    told["stop"] = herd.json("stop", "2")
    for words in (("ls",), ("status",), ("stats",), ("res",), ("res", "--steps"), ("snapshot",)):
        told[" ".join(words)] = herd.json(*words)
    told["tail"], told["show"] = herd.json("tail", "0"), herd.json("show", "1")
    told["show 0"] = herd.json("show", "0")
    told["doctor"] = herd.json("doctor", "--on", "local")
    (root / "launchers.yaml").write_text(HOSTS)
    for command, asked in MACHINES.items():
        configured = {**env, "HYPERHERD_CONFIG_DIR": str(root)}
        told[command] = json.loads(herding.herd(*command.split(), *asked, "--json", env=configured).stdout)
    yield told
    end_all(root)


@pytest.mark.parametrize("command", PROMISED)
def test_the_keys_that_scripts_read_are_there(said: dict[str, Any], command: str) -> None:
    assert promised(command) <= paths(said[command])


@pytest.mark.parametrize("command", PROMISED)
def test_the_keys_that_scripts_read_are_documented(command: str) -> None:
    assert promised(command) <= documented()[command]


@pytest.mark.parametrize("command", [*PROMISED, *MACHINES, "ls", "show", "doctor"])
def test_the_documents_page_lists_every_key_and_no_other(said: dict[str, Any], command: str) -> None:
    found = paths(said[command])
    if command == "run":
        found |= paths(said["run -n"])
    if command == "stop":
        found |= {"refused[].index", "refused[].reason"}
    if command == "show":
        found |= {"attempts[].task"}
    assert documented()[command] == found


def test_the_documents_page_tells_of_every_command_that_prints_one() -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def help_of(*words: str) -> str:
        return herding.herd(*words, "--help", env=env).stdout

    def commands(*words: str) -> Iterator[tuple[str, ...]]:
        """Those below ``herd WORDS`` that have ``--json``."""
        _, _, told = help_of(*words).partition("\nCommands:\n" if words else "\nStart:\n")
        listed = re.findall(r"^  ([a-z]+) ", told, flags=re.MULTILINE)
        for name in listed:
            if name != "herd":  # an example
                yield from commands(*words, name)
        if "--json" in help_of(*words):
            yield words

    told = {name.partition(" --")[0] for name in documented()}
    assert {" ".join(words) for words in commands()} | {"snapshot"} == told


def test_a_dry_run_has_the_script_and_no_job(said: dict[str, Any]) -> None:
    document = said["run -n"]
    assert document["dry_run"] is True
    assert document["sbatch_script"].startswith("#!/bin/bash\n")
    assert (document["slurm_job_id"], document["sbatch_path"]) == (None, None)
    (only,) = document["submissions"]
    assert only["sbatch_script"] == document["sbatch_script"]
    assert (only["indices"], only["launcher"]) == (document["submitted_indices"], "local")


def test_nan_and_infinities_are_strings_everywhere(said: dict[str, Any]) -> None:
    for command in ("run", "run -n", "ls", "status", "res", "snapshot"):
        assert said[command]["trials"][0]["params"] == {"x": "Infinity"}, command
    assert said["ls"]["trials"][1]["extras"] == {"y": "NaN"}
    assert said["show"]["extras"] == {"y": "NaN"}
    for metrics in (
        said["show 0"]["metrics"],
        *(said[c]["trials"][0]["metrics"] for c in ("res", "snapshot")),
    ):
        assert metrics == {"worst": "NaN", "most": "Infinity"}
    assert [row["value"] for row in said["res --steps"]["rows"]] == ["-Infinity"]


def test_what_was_stopped_was_running(said: dict[str, Any]) -> None:
    assert said["stop"]["cancelled"] == [{"index": 2, "slurm_job_id": None, "previous_status": "running"}]


@pytest.fixture
def herd(tmp_path: Path) -> Iterator[Herd]:
    made = Herd(tmp_path, environment(clean(os.environ), tmp_path), "local", "json")
    made.describe([1, 2])
    made.launch()
    yield made
    end_all(tmp_path)


def _damaged(herd: Herd) -> None:
    (herd.root / ".hyperherd").mkdir()
    (herd.root / ".hyperherd/manifest.json").write_text('[{"index": 0')


def _bad_yaml(herd: Herd) -> None:
    (herd.root / "hyperherd.yaml").write_text("name: [")


def _no_script(herd: Herd) -> None:
    (herd.root / "launch.sh").unlink()


@pytest.mark.parametrize(
    ("break_it", "words", "code"),
    [
        (_damaged, ("ls",), 1),
        (_damaged, ("run",), 1),
        (_bad_yaml, ("run",), 1),
        (_bad_yaml, ("ls",), 1),
        (_no_script, ("run",), 1),
        (None, ("tail", "7"), 1),
        (None, ("show", "no-such-name"), 1),
        (None, ("res", "--where", "x >"), 1),
        (None, ("run", "-p", "nothing=1"), 2),
        (None, ("stop",), 2),
        (None, ("status", "--no-such-option"), 2),
    ],
)
def test_an_error_leaves_stdout_empty_and_is_told_on_stderr(
    herd: Herd, break_it: Callable[[Herd], None] | None, words: tuple[str, ...], code: int
) -> None:
    if break_it:
        break_it(herd)
    done = herd(*words, *(() if words == ("snapshot",) else ("--json",)), code=code)
    assert done.stdout == ""
    assert done.stderr.strip()


def test_a_refused_submission_is_in_the_document_and_on_stderr(herd: Herd, fake_slurm: FakeSlurm) -> None:
    fake_slurm.knobs(sbatch={"refuse": "Invalid account or account/partition combination specified"})
    on_slurm = Herd(herd.root, environment(fake_slurm.env, herd.root), "slurm", "json")
    done = on_slurm("run", "--json", code=1)
    document = json.loads(done.stdout)
    assert document["submitted_indices"] == []
    assert "Invalid account" in document["submissions"][0]["refused"]
    assert "Invalid account" in done.stderr


def test_several_submissions_are_all_in_the_document(herd: Herd, fake_slurm: FakeSlurm) -> None:
    fake_slurm.knobs(max_array_tasks=2, max_array_size=3, held=True)
    on_slurm = Herd(herd.root, environment(fake_slurm.env, herd.root), "slurm", "json")
    on_slurm.describe(range(5))
    dry = on_slurm.json("run", "-n")
    document = on_slurm.json("run")
    pieces = document["submissions"]
    assert len(pieces) == len(dry["submissions"]) > 1
    assert sorted(index for piece in pieces for index in piece["indices"]) == [0, 1, 2, 3, 4]
    assert document["submitted_indices"] == dry["submitted_indices"] == [0, 1, 2, 3, 4]
    ids = [piece["slurm_job_id"] for piece in pieces]
    assert len(set(ids)) == len(ids)
    assert document["slurm_job_id"] == ids[0]
    assert all(Path(piece["sbatch_path"]).is_file() for piece in pieces)


@pytest.mark.parametrize(
    "variable", [("LC_ALL", "C"), ("PYTHONIOENCODING", "ascii"), ("PYTHONIOENCODING", "latin-1")]
)
def test_a_terminal_that_cannot_show_a_character_gets_the_document_all_the_same(
    herd: Herd, variable: tuple[str, str]
) -> None:
    herd.describe(['"日本 🐑"'])
    herd.env[variable[0]] = variable[1]  # type: ignore[index]  # a dict of this test
    assert herd.json("ls")["trials"][0]["params"] == {"x": "日本 🐑"}
    assert "日" in herd("ls").stdout or "?" in herd("ls").stdout or "\\u" in herd("ls").stdout


def test_a_folder_whose_name_is_no_utf_8_is_refused_in_words(tmp_path: Path) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    root.mkdir()
    made = Herd(root, environment(clean(os.environ), tmp_path), "local", "json")
    made.describe([1])
    made.launch()
    assert "not UTF-8" in made("run", code=1).stderr
    assert not (root / ".hyperherd").exists()
    assert made.json("snapshot")["trials"] == []
