"""`log_result`: what is logged is there, whatever is logged, however many log, and whoever is killed."""

from __future__ import annotations

import json
import math
import os
import re
import resource
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperherd import log_result
from hyperherd.errors import WorkspaceError
from hyperherd.workspace import results

WRITERS = 8
EACH = 250


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of trial 3; nothing in it yet, nor its parent."""
    folder = tmp_path / ".hyperherd" / "results" / "3"
    folder.parent.parent.mkdir()
    monkeypatch.setenv("HYPERHERD_RESULTS", str(folder))
    return folder


def program(text: str, *arguments: object) -> list[str]:
    """A trainer of its own, in which a warning does not end it."""
    return [sys.executable, "-W", "default", "-c", textwrap.dedent(text), *map(str, arguments)]


def trainer(text: str, *arguments: object, before: object = None) -> str:
    """What it wrote to stderr; it has to succeed."""
    ended = subprocess.run(
        program(text, *arguments),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        preexec_fn=before,  # type: ignore[call-overload]
    )
    assert ended.returncode == 0, ended.stderr
    return str(ended.stderr)


def finals(trial: Path) -> dict[str, results.Value]:
    return results.finals(trial.parent, int(trial.name))


def steps(trial: Path, metric: str) -> dict[float, results.Value]:
    return {
        point.step: point.value for point in results.streams(trial.parent, int(trial.name)).get(metric, [])
    }


class Tensor:
    """As torch, numpy and jax have them."""

    def __init__(self, plain: object) -> None:
        self.plain = plain

    def item(self) -> object:
        if isinstance(self.plain, Exception):
            raise self.plain
        return self.plain


# --- what is written


def test_a_stream_and_a_final_metric_lie_where_the_contract_says(trial: Path) -> None:
    log_result("train/loss", 0.5, step=10, strict=True)
    log_result("acc", 0.9, strict=True)
    (line,) = (trial / "stream" / "train%2Floss.jsonl").read_text().splitlines()
    record = json.loads(line)
    assert list(record) == ["step", "value", "ts"]
    assert (record["step"], record["value"]) == (10, 0.5)
    assert json.loads((trial.parent / "3.json").read_text()) == {"acc": 0.9}
    (journal,) = (trial / "final").iterdir()
    assert journal.name.endswith(f"-{os.getpid()}.jsonl")
    assert sorted(path.name for path in trial.parent.iterdir()) == ["3", "3.json"]


TEXT = st.text().filter(lambda text: text not in {"NaN", "Infinity", "-Infinity"})
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(), TEXT)
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=6)


@given(VALUES)
def test_any_value_comes_back_with_its_type(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    trial = tmp_path_factory.mktemp("herd") / "results" / "0"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYPERHERD_RESULTS", str(trial))
        log_result("metric", value, strict=True)
        log_result("metric", value, step=1, strict=True)
    assert results.tagged(finals(trial)["metric"]) == results.tagged(value)
    assert repr(steps(trial, "metric")[1]) == repr(finals(trial)["metric"])
    json.loads((trial.parent / "0.json").read_text(), parse_constant=lambda word: pytest.fail(word))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_not_a_number_and_infinities_survive_as_strings_of_json(trial: Path, value: float) -> None:
    log_result("loss", value, step=1, strict=True)
    log_result("loss", value, strict=True)
    written = json.loads((trial / "stream" / "loss.jsonl").read_text())["value"]
    assert written == json.loads((trial.parent / "3.json").read_text())["loss"] == results.tagged(value)
    assert str(steps(trial, "loss")[1]) == str(finals(trial)["loss"]) == str(value)


def test_a_tensor_of_one_element_is_its_value_and_its_step_too(trial: Path) -> None:
    log_result("loss", Tensor(0.25), step=Tensor(7), strict=True)  # type: ignore[arg-type]
    log_result("nested", {"a": [Tensor(1), Tensor(math.nan)]}, strict=True)
    assert steps(trial, "loss") == {7: 0.25}
    assert results.tagged(finals(trial)["nested"]) == {"a": [1, "NaN"]}


def test_a_step_may_be_a_fraction(trial: Path) -> None:
    log_result("loss", 1, step=0.5, strict=True)
    assert steps(trial, "loss") == {0.5: 1}


def test_of_a_metric_logged_twice_the_newest_counts(trial: Path) -> None:
    for value in (1, 2):
        log_result("acc", value, strict=True)
        log_result("loss", value, step=0, strict=True)
    assert finals(trial) == {"acc": 2}
    assert steps(trial, "loss") == {0: 2}


def test_more_metrics_than_may_be_open_are_all_written_to_their_own_file(trial: Path) -> None:
    for step in range(2):
        for metric in range(300):
            log_result(f"layer{metric}/norm", metric, step=step, strict=True)
    assert len(list((trial / "stream").iterdir())) == 300
    assert steps(trial, "layer299/norm") == {0: 299, 1: 299}
    assert len(os.listdir("/dev/fd")) < 300


def test_what_0_1_3_logged_stays_in_the_result_file(trial: Path) -> None:
    trial.parent.mkdir()
    (trial.parent / "3.json").write_text('{"old": 1, "acc": 0.1}')
    log_result("acc", 0.2, strict=True)
    assert json.loads((trial.parent / "3.json").read_text()) == {"old": 1, "acc": 0.2}


def test_a_job_that_0_1_3_submitted_logs_to_the_same_place(
    trial: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HYPERHERD_RESULTS")
    monkeypatch.setenv("HYPERHERD_WORKSPACE", str(trial.parents[2]))
    monkeypatch.setenv("HYPERHERD_TRIAL_ID", "3")
    log_result("acc", 0.2, strict=True)
    assert finals(trial) == {"acc": 0.2}


# --- when it cannot be logged


@pytest.mark.parametrize("step", [None, 1])
def test_outside_of_a_trial_nothing_happens_but_strict_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int | None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYPERHERD_RESULTS", raising=False)
    monkeypatch.delenv("HYPERHERD_WORKSPACE", raising=False)
    log_result("loss", 1, step)
    with pytest.raises(WorkspaceError, match="HYPERHERD_RESULTS is not set"):
        log_result("loss", 1, step, strict=True)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "value", "step"),
    [
        ("loss", object(), 1),
        ("loss", object(), None),
        ("loss", Tensor(RuntimeError("a Tensor with 2 elements")), 1),
        ("loss", Tensor([1, 2]), 1),
        ("loss", {(1, 2): 3}, 1),
        ("loss", 1, "first"),
        ("loss", 1, math.nan),
        ("loss", 1, True),
        ("", 1, 1),
        ("", 1, None),
        (None, 1, None),
        (["loss"], 1, 1),
    ],
)
def test_what_cannot_be_logged_raises_when_strict_and_writes_nothing(
    trial: Path, name: object, value: object, step: object
) -> None:
    with pytest.raises(WorkspaceError, match=r"the metric .* was not logged"):
        log_result(name, value, step, strict=True)  # type: ignore[arg-type]
    assert results.streams(trial.parent, 3) == {}
    assert finals(trial) == {}


LOG_THRICE = """
from hyperherd import log_result
for step in range(3):
    log_result("loss", 1.0, step)
    log_result("acc", 1.0)
"""


def test_a_workspace_that_is_not_there_is_one_warning_and_is_not_made(trial: Path) -> None:
    trial.parent.parent.rmdir()
    said = trainer(LOG_THRICE)
    assert said.count("RuntimeWarning") == 1
    assert "the metric 'loss' was not logged" in said
    assert str(trial.parent) in said
    assert not trial.parent.parent.exists()


def test_a_warning_points_at_the_line_of_the_trainer(trial: Path) -> None:
    assert "<string>:4: RuntimeWarning" in trainer(
        "\n\n\n__import__('hyperherd').log_result('loss', object())"
    )


def test_on_a_disk_that_fills_up_the_training_goes_on_and_what_was_whole_is_read(trial: Path) -> None:
    log = """
        from hyperherd import log_result
        for step in range(100):
            log_result("loss", step, step)
    """
    said = trainer(log, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)))
    assert said.count("RuntimeWarning") == 1
    logged = steps(trial, "loss")
    assert logged == {step: step for step in range(len(logged))}
    assert 10 < len(logged) < 100


def test_a_torn_last_line_does_not_swallow_the_next_writers_first(trial: Path) -> None:
    log_result("mine", 1, step=0, strict=True)
    (stream,) = (trial / "stream").iterdir()
    torn = trial / "stream" / "loss.jsonl"
    torn.write_text(stream.read_text() + '{"step": 1, "val')
    own = trial / "stream" / f"loss.{os.uname().nodename.replace('.', '%2E')}-{os.getpid()}.jsonl"
    own.write_text('{"step": 2, "val')
    log_result("loss", 3, step=3, strict=True)
    assert steps(trial, "loss") == {0: 1, 3: 3}


# --- many writers


def test_threads_log_at_once(trial: Path) -> None:
    def log(me: int) -> None:
        for step in range(200):
            log_result(f"loss{me % 2}", step, step=1000 * me + step, strict=True)

    threads = [threading.Thread(target=log, args=(me,)) for me in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(steps(trial, "loss0")) == len(steps(trial, "loss1")) == 400
    assert len(list((trial / "stream").iterdir())) == 2


def test_a_forked_child_writes_to_a_file_of_its_own(trial: Path) -> None:
    trainer(
        """
        import os
        from hyperherd import log_result
        log_result("loss", "parent", 0)
        log_result("who", "parent")
        child = os.fork()
        if child == 0:
            log_result("loss", "child", 1)
            log_result("who", "child")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        log_result("loss", "parent", 2)
        """
    )
    assert len(list((trial / "stream").iterdir())) == len(list((trial / "final").iterdir())) == 2
    assert steps(trial, "loss") == {0: "parent", 1: "child", 2: "parent"}
    assert json.loads((trial.parent / "3.json").read_text()) == {"who": "child"}


RANK = """
import sys
from hyperherd import log_result
me = int(sys.argv[1])
sys.stdin.readline()
for number in range(20):
    log_result(f"acc{me}", number, strict=True)
    log_result("all", number, step=1000 * me + number, strict=True)
"""


def test_the_result_file_has_every_ranks_metrics_when_the_last_has_logged(trial: Path) -> None:
    ranks = [subprocess.Popen(program(RANK, me), stdin=subprocess.PIPE, text=True) for me in range(WRITERS)]
    try:
        for rank in ranks:
            assert rank.stdin
            rank.stdin.write("go\n")
            rank.stdin.flush()
        assert [rank.wait() for rank in ranks] == [0] * WRITERS
    finally:
        for rank in ranks:
            rank.kill()
            rank.communicate()
    assert json.loads((trial.parent / "3.json").read_text()) == {f"acc{me}": 19 for me in range(WRITERS)}
    assert len(steps(trial, "all")) == 20 * WRITERS


# The timer's signal ends the process where it stands, between any two instructions, as SIGKILL would.
VICTIM = """
import os, random, signal, sys
from hyperherd import log_result
me, each = int(sys.argv[1]), int(sys.argv[2])
completed = os.open(sys.argv[3], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
signal.signal(signal.SIGALRM, signal.SIG_DFL)
sys.stdin.readline()
number = 0
while True:
    log_result("loss", number / 7, step=1_000_000 * me + number, strict=True)
    os.write(completed, b"%d\\n" % number)
    if number % 10 == 0:
        log_result(f"best{me}", number, strict=True)
        os.write(completed, b"best %d\\n" % number)
    number += 1
    if number == each:
        signal.setitimer(signal.ITIMER_REAL, random.Random(me).uniform(1e-4, 0.05))
"""


def test_eight_processes_log_two_thousand_results_and_are_killed_at_random(
    trial: Path, tmp_path: Path
) -> None:
    victims = [
        subprocess.Popen(
            program(VICTIM, me, EACH, tmp_path / f"{me}.completed"), stdin=subprocess.PIPE, text=True
        )
        for me in range(WRITERS)
    ]
    try:
        for victim in victims:
            assert victim.stdin
            victim.stdin.write("go\n")
            victim.stdin.flush()
        assert all(victim.wait() < 0 for victim in victims)
    finally:
        for victim in victims:
            victim.kill()
            victim.communicate()
    logged, best = steps(trial, "loss"), finals(trial)
    for me in range(WRITERS):
        words = (tmp_path / f"{me}.completed").read_text().split("\n")[:-1]
        completed = [int(word) for word in words if not word.startswith("best")]
        assert len(completed) >= EACH
        assert all(logged[1_000_000 * me + number] == number / 7 for number in completed)
        newest = max(int(word.removeprefix("best ")) for word in words if word.startswith("best"))
        assert best[f"best{me}"] in (newest, newest + 10)
    assert isinstance(json.loads((trial.parent / "3.json").read_text()), dict)


# --- what it costs


def test_importing_it_loads_nothing_slow() -> None:
    trainer(
        """
        import sys
        before = set(sys.modules)
        from hyperherd import log_result
        slow = {"json", "re", "dataclasses", "typing", "socket", "collections", "threading", "tempfile", "enum"}
        assert not slow & (set(sys.modules) - before), slow & set(sys.modules)
        """
    )


def test_logging_points_loads_nothing_slow(trial: Path) -> None:
    trainer(
        """
        import sys
        before = set(sys.modules)
        from hyperherd import log_result
        log_result("loss", 0.5, 1, strict=True)
        assert not {"json", "re", "dataclasses", "typing"} & (set(sys.modules) - before)
        """
    )


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_after_the_first_a_point_is_one_write_and_no_other_use_of_files(trial: Path, tmp_path: Path) -> None:
    text = """
        import os
        from hyperherd import log_result
        log_result("loss", 0.5, 0, strict=True)
        os.path.exists("/begin")
        for step in range(1, 101):
            log_result("loss", step / 3, step, strict=True)
        os.path.exists("/end")
    """
    trace = tmp_path / "trace"
    traced = ["strace", "-e", "trace=file,desc", "-o", str(trace), *program(text)]
    ended = subprocess.run(traced, capture_output=True, text=True, check=False)
    if "ptrace" in ended.stderr or "PTRACE" in ended.stderr:
        pytest.skip("strace may trace nothing here")
    assert ended.returncode == 0, ended.stderr
    _, _, inside = trace.read_text().partition('"/begin"')
    calls = inside.partition('"/end"')[0].splitlines()[1:-1]
    on_files = [call for call in calls if not re.match(r"m(un)?map\(|brk\(", call)]
    assert len(on_files) == 100
    assert all(call.startswith("write(") for call in on_files)
    assert len(steps(trial, "loss")) == 101


# --- the documented bash function


def documented_function() -> str:
    page = Path(__file__).parent.parent / "docs" / "results-format.md"
    block = re.search(r"```bash\n(.*?)\n```", page.read_text(), re.DOTALL)
    assert block
    return block.group(1)


def test_the_documented_bash_function_has_five_lines_and_logs(trial: Path) -> None:
    function, _, example = documented_function().partition("\n}\n")
    assert len(function.splitlines()) == 1 + 5
    subprocess.run(["bash", "-euc", f"{function}\n}}\n{example}"], check=True)
    assert finals(trial) == {"accuracy": 0.93}
    assert steps(trial, "train/loss") == {100: 0.31}


def test_the_bash_function_takes_its_turn_with_other_writers(trial: Path) -> None:
    log_result("a/99%", 1, step=1, strict=True)
    more = "log_result a/99% 2 2; log_result a/99% '\"NaN\"' 3"
    more += "; (log_result b 3 3; log_result b 4 4) & log_result b 5 5; wait"
    subprocess.run(
        ["bash", "-euc", f"{documented_function()}\n{more}\nlog_result note '\"a b\"'"], check=True
    )
    log_result("b", 6, step=6, strict=True)
    assert results.tagged(list(steps(trial, "a/99%").values())) == [1, 2, "NaN"]
    assert steps(trial, "b") == {3: 3, 4: 4, 5: 5, 6: 6}
    assert finals(trial)["note"] == "a b"
    assert all(
        line.endswith("}") for path in trial.rglob("*.jsonl") for line in path.read_text().splitlines()
    )


def test_the_bash_function_does_nothing_outside_of_a_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HYPERHERD_RESULTS", raising=False)
    subprocess.run(["bash", "-euc", documented_function()], check=True, cwd=tmp_path)
    assert os.listdir(tmp_path) == []


# --- lives of the state folder


def test_nothing_is_logged_into_another_life_of_the_state_folder(
    trial: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = trial.parent.parent
    monkeypatch.setenv("HYPERHERD_GENERATION", "0b1c2d3e4f")
    (state / "g-9f8e7d6c5b").mkdir()
    with pytest.raises(WorkspaceError, match="removed, or made anew, since the trial was submitted"):
        log_result("loss", 1.0, strict=True)
    function = f"{documented_function()}\nlog_result loss 1.0"
    subprocess.run(["bash", "-euc", function], check=True)
    assert not trial.exists()
    (state / "g-0b1c2d3e4f").mkdir()
    subprocess.run(["bash", "-euc", function], check=True)
    assert finals(trial)["loss"] == 1.0


LIVES = """\
import os, shutil, sys
from hyperherd import log_result
log_result("loss", 1.0, step=1)
log_result("last", 1)
{between}
log_result("loss", 2.0, step=2)
log_result("more", 2.0, step=2)
log_result("last", 2)
"""


def test_what_a_trial_logs_follows_its_state_folder(trial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = trial.parent.parent
    monkeypatch.setenv("HYPERHERD_GENERATION", "0b1c2d3e4f")
    (state / "g-0b1c2d3e4f").mkdir()
    moved = state.with_name("moved")
    trainer(LIVES.format(between=f"os.rename({str(state)!r}, {str(moved)!r})"))
    assert finals(moved / "results/3") == {"last": 2}
    assert steps(moved / "results/3", "loss") == {1: 1.0, 2: 2.0}
    assert steps(moved / "results/3", "more") == {2: 2.0}
    assert not state.exists()


def test_what_a_trial_logs_goes_into_no_state_folder_that_was_made_anew(
    trial: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = trial.parent.parent
    monkeypatch.setenv("HYPERHERD_GENERATION", "0b1c2d3e4f")
    (state / "g-0b1c2d3e4f").mkdir()
    anew = f"shutil.rmtree({str(state)!r}); os.makedirs({str(state / 'results')!r})"
    assert "was not logged" in trainer(LIVES.format(between=anew))
    assert list(state.rglob("*")) == [state / "results"]
