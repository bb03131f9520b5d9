"""The generated script, run by a real bash."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import attempt_files
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperherd.attempts.filenames import Outcome, Unit
from hyperherd.bash.quoting import quote
from hyperherd.fsio import processes
from hyperherd.jobs import Batch, Element, Files
from hyperherd.launchers.node.script import script
from hyperherd.launchers.shipped import native
from hyperherd.launchers.slurm.job_options import DIALECT

from .conftest import own

BASH = shutil.which("bash") or "/bin/bash"
JOB = "here:boot:1:2"
TOLD = """\
printf '%s\\0' "$1" "$PWD" "${VALUE-}" "$HYPERHERD_ATTEMPT" "$HYPERHERD_ATTEMPT_MARK" "$SLURM_ARRAY_TASK_ID" >got
"""


def batch_in(
    folder: Path,
    launch: str = "exit 0",
    *,
    elements: tuple[Element, ...] = (Element(0, Unit(0), 1, "lr=1", ()),),
) -> Batch:
    state = folder / ".hyperherd"
    for name in ("jobs", "submissions", "logs"):
        (state / name).mkdir(parents=True, exist_ok=True)
    (folder / "launch.sh").write_text(launch)
    files = Files(
        script=state / "jobs" / f"{own('t1')}.sbatch",
        register=state / "submissions" / f"{own('t1')}.state",
        attempts=attempt_files.made(state / "attempts", [element.unit for element in elements]),
        logs=state / "logs",
        env_file=folder / ".env",
    )
    return Batch(own("t1"), "hyperherd_x", folder, folder / "launch.sh", files, elements)


def start(batch: Batch, index: int = 0, **environment: str) -> subprocess.Popen[str]:
    if not batch.files.script.exists():
        batch.files.script.write_text(script(batch, DIALECT.as_job(JOB)))
    env = {"PATH": "/nowhere", "SLURM_ARRAY_TASK_ID": str(index), **environment}
    argv = [BASH, str(batch.files.script)]
    return subprocess.Popen(
        argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(batch: Batch, index: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    process = start(batch, index, **environment)
    out, err = process.communicate(timeout=30)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def notes(batch: Batch) -> list[str]:
    return attempt_files.names(batch.files.attempts)


def log(batch: Batch, name: str) -> list[str]:
    return (batch.files.logs / name).read_text().splitlines()


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
NASTY = st.text(st.sampled_from(list(" '\"$`\\!*?[]{}~#%&|;<>()=\n\r\t\x01\x7f-aé\u2028😀")), max_size=40)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ANY_TEXT | NASTY, min_size=40, max_size=40), st.sampled_from(["C", "C.UTF-8"]))
def test_bash_sees_every_value_unchanged(values: list[str], locale: str) -> None:
    words = " ".join(quote(value) for value in values)
    text = f'v={quote(values[0])}\nset -- "$v" {words}\nprintf \'%s\\0\' "$@"\n'
    assert "\r" not in text
    got = subprocess.run(
        [BASH], input=text.encode(), stdout=subprocess.PIPE, check=True, env={"LC_ALL": locale}
    )
    assert got.stdout.decode().split("\0") == [values[0], *values, ""]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANY_TEXT | NASTY, ANY_TEXT | NASTY)
def test_the_trial_receives_its_argument_and_variables_unchanged(
    tmp_path_factory: pytest.TempPathFactory, argument: str, value: str
) -> None:
    folder = tmp_path_factory.mktemp("trial")
    element = Element(7, Unit(7), 3, argument, (("VALUE", value),))
    batch = batch_in(folder, TOLD, elements=(Element(6, Unit(6), 1, "other", ()), element))
    done = run(batch, 7)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    got = (folder / "got").read_bytes().decode().split("\0")
    assert got == [argument, str(folder), value, "3", f"{own('t1')}/7.3", "7", ""]
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "name",
    ["a b", "it's", 'q"q', "50%", "x\ny", "$HOME`id`", "-dash", "back\\slash", "é😀", "*?[a]", "tab\t\r"],
)
def test_any_workspace_path_works(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    batch = batch_in(folder, TOLD)
    assert run(batch).returncode == 0
    assert (folder / "got").read_bytes().decode().split("\0")[1] == str(folder)


def test_a_path_that_is_not_utf8_works(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe"))
    batch = batch_in(folder, TOLD)
    assert run(batch).returncode == 0
    assert (folder / "got").exists()


def test_the_trial_gets_one_argument_an_empty_stdin_and_the_launch_scripts_own_path(tmp_path: Path) -> None:
    batch = batch_in(tmp_path, 'read x; echo "$# [$x] $0"')
    run(batch)
    assert log(batch, "0.out")[1:] == [f"1 [] {batch.launch}"]


def test_the_register_is_created_with_the_jobs_id(tmp_path: Path) -> None:
    batch = batch_in(tmp_path)
    assert run(batch).returncode == 0
    assert batch.files.register.read_text() == f"{JOB}\n"


@pytest.mark.parametrize(
    ("owner", "code", "words"), [("void", 3, "given up"), ("other:1", 3, "other:1"), ("", 74, "cannot read")]
)
def test_a_job_that_does_not_own_the_register_runs_nothing(
    tmp_path: Path, owner: str, code: int, words: str
) -> None:
    batch = batch_in(tmp_path, "touch ran")
    batch.files.register.write_text(f"{owner}\n")
    done = run(batch)
    assert done.returncode == code
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert notes(batch) == []
    assert not (tmp_path / "ran").exists()


def test_an_empty_register_is_read_again_until_its_creator_has_written(tmp_path: Path) -> None:
    batch = batch_in(tmp_path, 'touch() { :>"$1"; }; touch ran')
    batch.files.register.touch()
    process = start(batch)
    batch.files.register.write_text(f"{JOB}\n")
    assert process.wait(timeout=30) == 0
    process.communicate()
    assert notes(batch) == ["0.1", "0.1.completed.0"]


def test_the_claim_says_who_runs_the_attempt(tmp_path: Path) -> None:
    batch = batch_in(tmp_path)
    process = start(batch)
    process.communicate(timeout=30)
    claim = batch.files.attempts.claim(Unit(0), 1).read_text()
    token, job, host, boot, pid, begun, epoch, *element = claim.split()
    me = processes.me()
    assert (token, job, host, boot, pid) == (own("t1"), JOB, me.host, me.boot_id, str(process.pid))
    assert int(begun) >= (me.start or 0)
    assert int(epoch) > 1_700_000_000 and element == ["0", "0"]
    note = batch.files.attempts.note(Unit(0), 1, Outcome(0)).read_text()
    token, host, started, ended = note.split()
    assert (token, host, started) == (own("t1"), me.host, epoch)
    assert int(ended) >= int(started)


def test_an_attempt_is_run_once(tmp_path: Path) -> None:
    batch = batch_in(tmp_path, "echo ran >>log; exit 5")
    assert run(batch).returncode == 5
    second = run(batch)
    assert second.returncode == 3
    assert "was taken" in second.stderr
    assert (tmp_path / "log").read_text() == "ran\n"
    assert notes(batch) == ["0.1", "0.1.failed.5"]


def test_of_many_at_once_one_runs(tmp_path: Path) -> None:
    batch = batch_in(tmp_path, "echo ran >>log")
    racing = [start(batch) for _ in range(12)]
    codes = sorted(process.wait(timeout=30) for process in racing)
    for process in racing:
        process.communicate()
    assert codes == [0] + [3] * 11
    assert (tmp_path / "log").read_text() == "ran\n"


def test_an_attempt_that_slurm_queued_again_is_the_next_one(tmp_path: Path) -> None:
    batch = batch_in(
        tmp_path, 'echo "attempt $HYPERHERD_ATTEMPT"; exit 1', elements=(Element(4, Unit(4), 2, "", ()),)
    )
    run(batch, 4)
    run(batch, 4, SLURM_RESTART_COUNT="1")
    assert notes(batch) == ["4.2", "4.2.failed.1", "4.3", "4.3.failed.1"]
    lines = log(batch, "4.out")
    assert lines[0].startswith("==== hyperherd: attempt 2, this machine, ")
    assert (lines[1], lines[2]) == ("attempt 2", "")
    assert lines[3].startswith("==== hyperherd: attempt 3, ")
    assert log(batch, "4.err")[0].endswith(" ====")


@pytest.mark.parametrize("first", ["the older job", "the newer job"])
def test_a_job_that_slurm_queued_again_and_a_newer_job_of_the_same_trial_do_not_both_run(
    tmp_path: Path, first: str
) -> None:
    """The older one ended before it claimed attempt 1, so the newer one was submitted with attempt 1 as well."""
    older = batch_in(tmp_path, "echo ran >>log")
    newer = replace(
        older,
        token=own("t2"),
        files=replace(
            older.files,
            script=older.files.script.with_name("t2.sbatch"),
            register=older.files.register.with_name("t2.state"),
        ),
    )
    jobs = [(older, {"SLURM_RESTART_COUNT": "2"}), (newer, {})]
    ordered = jobs if first == "the older job" else jobs[::-1]
    done = [run(batch, **environment) for batch, environment in ordered]  # type: ignore[arg-type]
    code, words = {
        "the older job": (3, "was taken by another job"),
        "the newer job": (0, "has completed in attempt 1; it is not run again"),
    }[first]
    assert [one.returncode for one in done] == [0, code]
    assert words in done[1].stderr
    assert (tmp_path / "log").read_text() == "ran\n"


def test_a_dense_array_index_is_replaced_by_the_trials_own(tmp_path: Path) -> None:
    batch = batch_in(tmp_path, TOLD, elements=(Element(0, Unit(5000), 1, "a"),))
    batch.files.script.write_text(script(batch, DIALECT))
    env = {
        "SLURM_ARRAY_TASK_ID": "0",
        "SLURM_ARRAY_JOB_ID": "77",
        "SLURM_JOB_ID": "78",
        "SLURMD_NODENAME": "n3",
    }
    subprocess.run([BASH, str(batch.files.script)], env=env, check=True)
    assert (tmp_path / "got").read_bytes().split(b"\0")[5] == b"5000"
    assert log(batch, "5000.out")[0].startswith("==== hyperherd: attempt 1, job 77_0, n3, ")
    assert batch.files.register.read_text() == "77\n"
    assert batch.files.attempts.claim(Unit(5000), 1).read_text().startswith(f"{batch.token} 77 n3 ")


def test_an_unknown_element_runs_nothing(tmp_path: Path) -> None:
    done = run(batch_in(tmp_path), 9)
    assert done.returncode == 3
    assert '"9"' in done.stderr


@pytest.mark.parametrize(
    ("code", "note"),
    [(0, "0.1.completed.0"), (2, "0.1.failed.2"), (75, "0.1.failed.75"), (127, "0.1.failed.127")],
)
def test_the_end_is_noted_with_the_trials_exit_code(tmp_path: Path, code: int, note: str) -> None:
    batch = batch_in(tmp_path, f"exit {code}")
    assert run(batch).returncode == code
    assert notes(batch) == ["0.1", note]


def test_a_trial_that_a_signal_ended_is_noted_so(tmp_path: Path) -> None:
    batch = batch_in(tmp_path, "kill -KILL $$")
    assert run(batch).returncode == 137
    assert notes(batch) == ["0.1", "0.1.failed.137"]


WAITS = "trap 'exit {code}' TERM; echo $$ >pid.new; {mv} pid.new pid; while :; do {sleep} 0.05; done"


def waiting_batch(folder: Path, code: int) -> Batch:
    programs = {"mv": shutil.which("mv"), "sleep": shutil.which("sleep")}
    return batch_in(folder, WAITS.format(code=code, **programs))


def wait_for(path: Path, process: subprocess.Popen[str]) -> str:
    while not path.exists():
        assert process.poll() is None, process.communicate()
    return path.read_text()


@pytest.mark.parametrize(("code", "noted"), [(0, 143), (9, 9)])
def test_success_after_being_told_to_end_is_no_success(tmp_path: Path, code: int, noted: int) -> None:
    batch = waiting_batch(tmp_path, code)
    process = start(batch)
    trial = int(wait_for(tmp_path / "pid", process))
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGUSR1)
    os.kill(trial, signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == noted
    assert notes(batch) == ["0.1", f"0.1.failed.{noted}.TERM"]


def test_signals_that_only_the_script_gets_do_not_end_the_trial(tmp_path: Path) -> None:
    batch = waiting_batch(tmp_path, 9)
    process = start(batch)
    trial = int(wait_for(tmp_path / "pid", process))
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        process.send_signal(number)
    os.kill(trial, 0)  # it lives
    os.kill(trial, signal.SIGKILL)
    process.communicate(timeout=30)
    assert notes(batch) == ["0.1", "0.1.failed.137.TERM"]


def test_the_signal_that_slurm_sends_to_the_shell_alone_is_passed_on(tmp_path: Path) -> None:
    launch = WAITS.replace("TERM", "USR1").format(code=6, mv=shutil.which("mv"), sleep=shutil.which("sleep"))
    batch = replace(batch_in(tmp_path, launch), request=native().request({"signal": "B:USR1@60"}))
    process = start(batch)
    wait_for(tmp_path / "pid", process)
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=30)
    assert notes(batch) == ["0.1", "0.1.failed.6"]


SLOW_KILL = """\
kill() { builtin kill "$@" && [[ $1 == -s ]] && while builtin kill -0 "$3"; do :; done 2>/dev/null; }
"""
"""Bash: the program that is sent a signal has ended before the next line is reached."""


@pytest.mark.parametrize("code", [0, 75])
def test_a_trial_that_ends_as_soon_as_it_gets_the_signal_is_noted_with_its_own_code(
    tmp_path: Path, code: int
) -> None:
    launch = WAITS.replace("TERM", "USR1").format(
        code=code, mv=shutil.which("mv"), sleep=shutil.which("sleep")
    )
    batch = replace(batch_in(tmp_path, launch), request=native().request({"signal": "B:USR1@60"}))
    (tmp_path / "slow").write_text(SLOW_KILL)
    process = start(batch, BASH_ENV=str(tmp_path / "slow"))
    wait_for(tmp_path / "pid", process)
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=30)
    verdict = "failed" if code else "completed"
    assert notes(batch) == ["0.1", f"0.1.{verdict}.{code}"]


def test_the_trial_has_default_dispositions(tmp_path: Path) -> None:
    show = "import signal; print([signal.getsignal(n).value for n in (1, 3, 10, 12, 14, 15, 24)], signal.getsignal(2))"
    batch = batch_in(tmp_path, f"exec {quote(sys.executable)} -c {quote(show)}")
    run(batch)
    assert log(batch, "0.out")[1].startswith("[0, 0, 0, 0, 0, 0, 0] <built-in function default_int_handler>")


def test_a_missing_log_folder_is_said_and_noted(tmp_path: Path) -> None:
    batch = batch_in(tmp_path, "echo ran >ran")
    batch.files.logs.rmdir()
    done = run(batch)
    assert done.returncode == 74
    assert "cannot write" in done.stderr
    assert notes(batch) == ["0.1", "0.1.failed.74"]
    assert not (tmp_path / "ran").exists()


def test_a_full_disk_under_the_logs_is_said_and_noted(tmp_path: Path) -> None:
    batch = batch_in(tmp_path, "echo ran >ran")
    (batch.files.logs / "0.err").symlink_to("/dev/full")
    done = run(batch)
    assert done.returncode == 74
    assert "cannot write" in done.stderr
    assert notes(batch) == ["0.1", "0.1.failed.74"]


def test_a_workspace_that_is_gone_runs_nothing_and_says_so(tmp_path: Path) -> None:
    batch = batch_in(tmp_path, "echo ran >ran")
    process_text = script(batch, DIALECT.as_job(JOB))
    shutil.rmtree(tmp_path / ".hyperherd")
    done = subprocess.run(
        [BASH, "-c", process_text],
        env={"SLURM_ARRAY_TASK_ID": "0", "HYPERHERD_FOLDER_WAIT_S": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 74
    assert "its state folder was removed or moved, or its disk is not here; nothing is run" in done.stderr
    assert not (tmp_path / "ran").exists()


ENV_FILE = b"""\xef\xbb\xbfPLAIN=hello world  # a comment\r
# NOT=this

export EXPORTED = 'single $HOME "quoted" # kept'   # comment
DOUBLE="a\\nb \\"c\\" \\$d $(touch pwned) `touch pwned` \\x"
EMPTY=
HASH=a#b
SET=from the file
BAD-NAME=1
9LIVES=1
no equals sign
OPEN="never closed
a[$(touch pwned)]=1
LAST=\xc3\xa9=\xff"""


def test_env_file_fills_what_is_not_set_and_executes_nothing(tmp_path: Path) -> None:
    names = ["PLAIN", "EXPORTED", "DOUBLE", "EMPTY", "HASH", "SET", "LAST"]
    show = "import os, json; print(json.dumps({n: os.environ.get(n) for n in os.environ}))"
    batch = batch_in(tmp_path, f"exec {quote(sys.executable)} -c {quote(show)}")
    batch.files.env_file.write_bytes(ENV_FILE)
    done = run(batch, SET="already")
    got = json.loads(log(batch, "0.out")[1])
    assert [got[name] for name in names] == [
        "hello world",
        'single $HOME "quoted" # kept',
        'a\nb "c" $d $(touch pwned) `touch pwned` \\x',
        "",
        "a#b",
        "already",
        "é=\udcff",
    ]
    assert "OPEN" not in got
    assert [line.split(":")[2] for line in done.stderr.splitlines()] == ["9", "10", "11", "12", "13"]
    assert "never closed" not in done.stderr
    assert not (tmp_path / "pwned").exists()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{2,8}", fullmatch=True), NASTY, max_size=8))
def test_quoted_values_of_an_env_file_arrive_as_written(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, str]
) -> None:
    values = {
        f"V_{name}": "".join(c for c in value if c not in "\r\x01\x7f") for name, value in values.items()
    }
    escaped = {
        name: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        for name, value in values.items()
    }
    folder = tmp_path_factory.mktemp("env")
    show = "import os, json; print(json.dumps({n: v for n, v in os.environ.items() if n.startswith('V_')}))"
    batch = batch_in(folder, f"exec {quote(sys.executable)} -c {quote(show)}")
    batch.files.env_file.write_text("".join(f'{name}="{value}"\n' for name, value in escaped.items()))
    done = run(batch, LC_ALL="C.UTF-8")
    assert done.stderr == ""
    assert json.loads(log(batch, "0.out")[1]) == values
    shutil.rmtree(folder)


def test_the_script_needs_no_program_but_bash(tmp_path: Path) -> None:
    batch = batch_in(tmp_path, "echo done")
    batch.files.env_file.write_text("A=1\n")
    done = run(batch)
    assert (done.returncode, done.stderr) == (0, "")
    assert log(batch, "0.err")[1:] == []


def test_the_script_is_utf8_and_has_no_carriage_return(tmp_path: Path) -> None:
    batch = batch_in(tmp_path, elements=(Element(0, Unit(0), 1, "a\r\nb\udcff", (("X", "\r\n"),)),))
    text = script(batch, DIALECT.as_job(JOB))
    assert "\r" not in text
    assert text.encode("utf-8")
    assert text.startswith("#!/bin/bash\n")
