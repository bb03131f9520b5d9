"""Tasks submitted from Python keep their promises on this machine, a fake Slurm and a real one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path

import attempt_files
import pytest
from eventually import DEADLINE_S, until
from fakeslurm.fixture import FakeSlurm

from hyperherd import Task, experiment
from hyperherd.attempts.filenames import Outcome, Unit
from hyperherd.errors import (
    HerdError,
    LauncherError,
    SchedulerSilentError,
    SubmissionRefusedError,
    SubmissionUnknownError,
    WorkspaceError,
)
from hyperherd.jobs import Ended
from hyperherd.launcherfinder import find_launcher
from hyperherd.launchers import DirectLauncher, DynamicLauncher, SlurmLauncher
from hyperherd.launchers.base import Launcher
from hyperherd.launchers.direct import process_trees
from hyperherd.launchers.direct.cores import usable

from .conftest import here, on_slurm, on_the_fake_slurm

WORDS = ["a b", "it's", 'say "x"', "$HOME `pwd` \\", "two\nlines", "-n", "", "é😀", "*"]
TELL = "import json, sys; json.dump(sys.argv[1:], open('told.json', 'w'))"
GATE = ": >started; until [[ -e go ]]; do sleep 0.05; done"
STUBBORN_FREE = "trap 'exit 9' TERM; : >started; while :; do sleep 0.05; done"


def started() -> None:
    until(Path("started").exists, "the task to start")


def test_a_program_gets_its_arguments_unchanged(launcher: Launcher) -> None:
    task = Task([sys.executable, "-c", TELL, *WORDS]).submit(launcher)
    assert task.wait() == 0, task.stderr.read_text()
    assert task.state() == "completed"
    assert json.loads(Path("told.json").read_text()) == WORDS


LOGS = (
    "from hyperherd import log_result as log; log('acc', 0.5); log('loss', 2, step=1); log('loss', 1, step=2)"
)


def test_what_a_task_logs_is_its_own(launcher: Launcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPERHERD_RESULTS", str(Path("of another trial").absolute()))
    task = Task([sys.executable, "-c", LOGS]).submit(launcher)
    assert (task.wait(DEADLINE_S), task.results()) == (0, {"acc": 0.5}), task.stderr.read_text()
    assert [(point.step, point.value) for point in task.streams()["loss"]] == [(1, 2), (2, 1)]
    assert not Path("of another trial").exists()


def test_text_is_bash_and_variables_are_what_they_were(launcher: Launcher) -> None:
    value = "a 'b' $c\n\"d\""
    env: dict[str, str | int | float] = {"VALUE": value, "COUNT": 3}
    task = Task('printf %s "$VALUE" | tr d D\necho "$#$COUNT" >&2; exit 7', env=env).submit(launcher)
    assert task.wait() == 7
    assert task.state() == "failed"
    assert task.stdout.read_text().endswith("====\n" + value.replace("d", "D"))
    assert task.stderr.read_text().endswith("====\n03\n")


def test_a_path_is_a_script_that_bash_runs_in_the_folder(launcher: Launcher) -> None:
    Path("a b").mkdir()
    Path("a b/my script.sh").write_text('echo "$0 $# ${PWD##*/}"')
    task = Task(Path("my script.sh"), folder="a b").submit(launcher)
    assert task.wait() == 0
    assert task.stdout.read_text().endswith("my script.sh 0 a b\n")


@pytest.mark.parametrize(("command", "code"), [("kill -9 $$", 137), (["no such program"], 127), ("(", 2)])
def test_a_task_that_breaks_has_bashs_exit_code(
    launcher: Launcher, command: str | list[str], code: int
) -> None:
    task = Task(command).submit(launcher)
    assert task.wait() == code
    assert task.state() == "failed"


def test_a_task_is_running_until_it_has_ended(launcher: Launcher) -> None:
    task = Task(GATE).submit(launcher)
    started()
    assert task.state() == "running"
    with pytest.raises(TimeoutError, match="not ended within 0 s"):
        task.wait(timeout_s=0)
    Path("go").touch()
    assert task.wait(DEADLINE_S) == 0
    assert task.state() == "completed"


def test_a_running_task_is_cancelled(launcher: Launcher) -> None:
    task = Task(STUBBORN_FREE).submit(launcher)
    started()
    task.cancel()
    assert task.wait(DEADLINE_S) in (9, 137)
    assert task.state() == "cancelled"
    task.cancel()


def test_twenty_tasks_are_submitted_at_once_from_threads(launcher: Launcher) -> None:
    with experiment(launcher) as current, ThreadPoolExecutor(20) as pool:
        tasks = [Task(["bash", "-c", f"echo {k} >>ran"]) for k in range(20)]
        made = [pool.submit(copy_context().run, task.submit) for task in tasks]
    assert {future.result().id for future in made} == {task.id for task in current.tasks}
    assert len({task.id for task in current.tasks}) == 20
    assert sorted(map(int, Path("ran").read_text().split())) == list(range(20))


def test_an_experiment_tells_of_all_that_failed_when_all_have_ended(launcher: Launcher) -> None:
    with pytest.raises(HerdError) as caught, experiment(launcher):
        for code in (0, 3, 4):
            Task(f"exit {code}", name=f"exits-{code}").submit()
    assert "2 of 3 tasks have not completed" in str(caught.value)
    assert "exits-3 (" in str(caught.value) and "failed, exit 3; " in str(caught.value)
    assert "exits-0" not in str(caught.value)


def test_an_experiments_own_error_is_raised_when_its_tasks_have_ended(launcher: Launcher) -> None:
    with pytest.raises(ZeroDivisionError), experiment(launcher) as current:
        Task("exit 3").submit()
        Task("echo done >ran").submit()
        _ = 1 / 0
    assert Path("ran").exists()
    assert [task.state().value for task in current.tasks] == ["failed", "completed"]


def test_experiments_nest_and_a_task_may_have_another_launcher(launcher: Launcher) -> None:
    other, third = DirectLauncher(), DirectLauncher()
    Path("inner").mkdir()
    with experiment(launcher) as outer:
        with experiment(other, folder="inner") as inner:
            Task("pwd >ran").submit()
        Task("true").submit()
        Task("true").submit(third)
    assert [task.launcher for task in inner.tasks] == [other]
    assert [task.launcher for task in outer.tasks] == [launcher, third]
    assert Path("inner/ran").read_text().endswith("/inner\n")


def test_what_the_program_has_cancelled_itself_is_no_failure(launcher: Launcher) -> None:
    with experiment(launcher):
        task = Task(STUBBORN_FREE).submit()
        started()
        task.cancel()
    assert task.state() == "cancelled"


@on_slurm
def test_a_launchers_options_are_what_the_job_asks_for(launcher: SlurmLauncher) -> None:
    asking = launcher.config(partition="cpu", time="0:30:00", cpus_per_task=2, hold=True)
    task = Task("true", name="my task").submit(asking)
    shown = subprocess.run(["scontrol", "show", "job", task.id], capture_output=True, text=True).stdout
    for word in ("JobName=my task", "Partition=cpu", "TimeLimit=00:30:00", "CPUs/Task=2", "NumNodes=1"):
        assert word in shown
    assert task.state() == "queued"
    task.cancel()
    assert task.wait(DEADLINE_S) is None
    assert task.state() == "cancelled"


@on_slurm
@pytest.mark.parametrize("hold", [None, True])
def test_scancel_ends_the_wait(launcher: SlurmLauncher, hold: bool | None) -> None:
    task = Task(STUBBORN_FREE).submit(launcher.config(hold=hold))
    if not hold:
        started()
    with ThreadPoolExecutor(1) as pool:
        code = pool.submit(task.wait, DEADLINE_S)
        subprocess.run(["scancel", task.id], check=True)
        assert code.result() == (None if hold else 9)
    assert task.state() == "cancelled"


@on_the_fake_slurm
@pytest.mark.parametrize(
    ("state", "verdict"), [("CANCELLED", ("cancelled", "")), ("OUT_OF_MEMORY", ("failed", "out of memory"))]
)
def test_slurm_is_asked_soon_why_a_task_has_failed(
    launcher: SlurmLauncher,
    surroundings: FakeSlurm,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    verdict: tuple[str, str],
) -> None:
    """Its note does not tell where its program ends in the instant of Slurm's signal."""
    monkeypatch.setenv("HYPERHERD_POLL_S", "3600")
    task = Task(GATE).submit(launcher)
    started()
    task.job.files.attempts.note(Unit(0), 1, Outcome(9)).touch()
    assert task.state() == "running"
    with ThreadPoolExecutor(1) as pool:
        code = pool.submit(task.wait, DEADLINE_S)
        surroundings.finish(task.id, state, exit_code=9)
        assert code.result() == 9
    assert (task.verdict().status, task.verdict().reason) == verdict


@on_slurm
def test_waiting_for_a_job_that_can_never_start_ends_and_says_why(launcher: SlurmLauncher) -> None:
    with pytest.raises(HerdError) as caught, experiment(launcher) as current:
        Task("exit 3", name="first").submit()
        for name in ("second", "third"):
            before = current.tasks[-1].id
            Task("true", name=name).submit(launcher.config(dependency=f"afterok:{before}"))
        Task("echo done >ran", name="other").submit()
    words = str(caught.value)
    assert words.startswith("3 of 4 tasks have not completed")
    assert words.count("queued, DependencyNeverSatisfied: the job that it waits for has failed") == 2
    assert Path("ran").exists()
    for task in current.tasks[1:3]:
        with pytest.raises(
            LauncherError, match=r"does not start: DependencyNeverSatisfied.*not end by itself"
        ):
            task.wait(DEADLINE_S)
        assert task.verdict().exit_code is None
        task.cancel()


@on_slurm
def test_slurms_words_of_refusal_are_whole_and_the_task_never_runs(launcher: SlurmLauncher) -> None:
    with pytest.raises(SubmissionRefusedError, match="invalid partition"):
        Task("true").submit(launcher.config(partition="nowhere"))
    (register,) = Path().rglob("*.state")
    assert register.read_text() == "void\n"


@on_the_fake_slurm
def test_a_lost_job_ends_the_wait(launcher: SlurmLauncher, surroundings: FakeSlurm) -> None:
    task = Task(GATE).submit(launcher)
    started()
    surroundings.vanish(task.id)
    assert task.wait(DEADLINE_S) is None
    assert task.state() == "lost"
    with pytest.raises(HerdError, match="1 of 1 tasks have not completed"), experiment(launcher):
        surroundings.hold_queue()
        surroundings.vanish(Task("true").submit().id)


@on_the_fake_slurm
def test_a_job_that_is_preempted_and_queued_again_is_waited_for(
    launcher: SlurmLauncher, surroundings: FakeSlurm
) -> None:
    task = Task(f"(($HYPERHERD_ATTEMPT > 1)) || {{ {STUBBORN_FREE}; }}").submit(launcher.config(requeue=True))
    started()
    surroundings.preempt(task.id)
    assert task.wait(DEADLINE_S) == 0
    assert task.state() == "completed"
    assert attempt_files.names(task.job.files.attempts) == [
        "0.1",
        "0.1.failed.9.TERM",
        "0.2",
        "0.2.completed.0",
    ]


@on_the_fake_slurm
def test_a_silent_slurm_is_waited_for(launcher: SlurmLauncher, surroundings: FakeSlurm) -> None:
    task = Task(GATE).submit(launcher)
    started()
    surroundings.controller_down()
    with pytest.raises(SchedulerSilentError):
        task.state()
    Path("go").touch()
    assert task.wait(DEADLINE_S) == 0


@on_the_fake_slurm
def test_waiting_for_many_asks_slurm_once_in_a_while(
    launcher: SlurmLauncher, surroundings: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYPERHERD_POLL_S", "3600")
    timer = threading.Timer(2, Path("go").touch)
    with experiment(launcher):
        for partition in ("gpu", "cpu", "gpu"):
            Task(GATE).submit(launcher.config(partition=partition))
        timer.start()
    timer.join()
    assert len(surroundings.calls("squeue")) == 1


@on_the_fake_slurm
def test_a_submission_that_nobody_answered_is_found_or_never_runs(
    launcher: SlurmLauncher, surroundings: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert launcher.where()
    monkeypatch.setenv("HYPERHERD_SLURM_TIMEOUT_S", "2")
    surroundings.knobs(sbatch={"delay_s": [60, 60], "delay_when": "after"})
    assert Task("exit 5").submit(SlurmLauncher()).wait(DEADLINE_S) == 5
    surroundings.knobs(squeue={"error": "slurm_load_jobs error: Socket timed out on send/recv operation"})
    begun_by_itself = Task("exit 6").submit(SlurmLauncher())
    assert begun_by_itself.id.isdigit()
    surroundings.knobs(squeue={"error": None}, sbatch={"delay_when": "before"})
    assert begun_by_itself.wait(DEADLINE_S) == 6
    with pytest.raises(SubmissionUnknownError):
        Task("echo >ran").submit(SlurmLauncher())
    newest = max(Path().rglob("*.state"), key=lambda path: path.stat().st_mtime_ns)
    assert newest.read_text() == "void\n"


@here
def test_a_task_whose_files_were_deleted_says_so_and_does_not_hang(launcher: Launcher) -> None:
    task = Task("sleep 600").submit(launcher)
    until(lambda: task.state() == "running", "the task to start")
    shutil.rmtree(task.stdout.parents[1])
    with pytest.raises(WorkspaceError, match="attempts"):
        task.wait()


@here
def test_no_more_tasks_run_at_once_than_there_are_cores(launcher: Launcher) -> None:
    count = len(usable()) * 2 + 1
    with experiment(launcher):
        for _ in range(count):
            Task("echo + >>ran; sleep 0.2; echo - >>ran").submit()
    now = most = 0
    for sign in Path("ran").read_text().split():
        now += 1 if sign == "+" else -1
        most = max(most, now)
    assert most <= len(usable())
    assert Path("ran").read_text().count("+") == count


@here
def test_a_task_that_waits_for_a_slot_says_so_and_is_cancelled(launcher: Launcher) -> None:
    busy = [Task(GATE).submit(launcher) for _ in usable()]
    until(lambda: {task.state() for task in busy} == {"running"}, "all slots to be taken")
    task = Task("echo >ran").submit(launcher)
    why = "waits for 1 core, none free (the first is held by trial 0 of "
    until(lambda: task.verdict().reason.startswith(why), "the reason")
    assert task.state() == "queued"
    task.cancel()
    assert (task.state(), task.wait(DEADLINE_S)) == ("cancelled", None)
    Path("go").touch()
    assert [task.wait(DEADLINE_S) for task in busy] == [0] * len(busy)
    assert not Path("ran").exists()


SEES = "echo \"${CUDA_VISIBLE_DEVICES-unset} $OMP_NUM_THREADS $(taskset -cp $$ | sed 's/.*: //')\" >"


@here
def test_two_tasks_that_ask_for_a_gpu_each_see_different_ones(
    launcher: DirectLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    one = launcher.config(gpu_per_node=1, cpus_per_task=1)
    with experiment(one):
        for name in ("a", "b"):
            Task(f"{SEES} {name}; : >started-{name}; until [[ -e go ]]; do sleep 0.05; done").submit()
        until(lambda: Path("started-a").exists() and Path("started-b").exists(), "both to start")
        third = Task(f"{SEES} c").submit()
        until(lambda: third.verdict().reason, "what the third waits for")
        Path("go").touch()
    seen = [Path(name).read_text().split() for name in ("a", "b")]
    assert sorted(gpu for gpu, _, _ in seen) == ["3", "5"]
    assert {threads for _, threads, _ in seen} == {"1"}
    assert sorted(int(core) for _, _, core in seen) == list(usable())[:2]


@here
@pytest.mark.usefixtures("surroundings")
@pytest.mark.parametrize(
    ("asked", "gpus"), [("cpu(cores=1)", ""), ("cpu(cores=1) & cuda(mem=1GiB)", "7"), ("duration=1h", "")]
)
@pytest.mark.parametrize("described", ["launchers.yaml", "launchers.py"])
def test_a_launcher_that_was_found_holds_what_was_required(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, described: str, asked: str, gpus: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,8")
    monkeypatch.setenv("HYPERHERD_CONFIG_DIR", str(tmp_path))
    (tmp_path / described).write_text(
        "hosts: {desk: {launcher: local, cores: 4, accelerators: {memory: 8GiB, count: 2}}}\n"
        if described == "launchers.yaml"
        else "from hyperherd.launchers import *\n"
        "def find_launcher(requirements, tags):\n    return DynamicLauncher([DirectLauncher()])\n"
    )
    task = Task(f"{SEES} seen").submit(find_launcher(asked))
    assert task.wait(DEADLINE_S) == 0, task.stderr.read_text()
    assert Path("seen").read_text().split(" ")[0] == gpus


@here
def test_a_task_is_ended_at_its_time_limit_and_says_so(launcher: DirectLauncher) -> None:
    short = launcher.config(time="0:00:01")
    task = Task("sleep 600").submit(short)
    assert task.wait(DEADLINE_S) == 143
    verdict = task.verdict()
    assert (verdict.status, verdict.reason) == ("failed", "time limit")
    assert (launcher.poll([task.job])[task.job.token][0].end, task.state()) == (Ended.TIME_LIMIT, "failed")


@here
def test_what_this_machine_does_not_have_is_refused_at_once(launcher: DirectLauncher) -> None:
    with pytest.raises(SubmissionRefusedError, match=r"asks for 9999 cores, and \d+ can be used here"):
        Task("true").submit(launcher.config(cpus_per_task=9999))


WAITS = """\
from hyperherd import Task, experiment
from hyperherd.jobs import Ended
from hyperherd.launchers import DirectLauncher
with experiment(DirectLauncher(grace_s=0.5)):
    Task(": >started; sleep 600").submit()
    {body}
"""


@here
@pytest.mark.usefixtures("surroundings")
@pytest.mark.parametrize("body", ["pass", "import time; time.sleep(600)"])
def test_ctrl_c_ends_the_tasks_of_this_machine(body: str) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", WAITS.format(body=body)], stderr=subprocess.PIPE, text=True
    )
    started()
    program.send_signal(signal.SIGINT)
    _, said = program.communicate(timeout=DEADLINE_S)
    assert said.endswith("KeyboardInterrupt\n")
    (claim,) = (path for path in Path().rglob("attempts/*/*") if path.name == "0.1")
    pid = int(claim.read_text().split()[4])
    assert not os.path.exists(f"/proc/{pid}")


@here
def test_ended_tasks_leave_no_zombies_behind(launcher: Launcher) -> None:
    before = zombies()
    for _ in range(6):
        Task("true").submit(launcher).wait(DEADLINE_S)
    assert len(zombies() - before) <= 2


def zombies() -> set[int]:
    """Children of this very process that have ended and that nobody has asked for."""
    own = (process for process in process_trees.scan() if process.parent == os.getpid())
    return {process.pid for process in own if process.zombie}


def test_a_dynamic_launcher_falls_to_the_next_choice(launcher: Launcher) -> None:
    class Tired(DynamicLauncher):
        def update(self) -> None:
            self._launchers[0].priority -= 2

    fallback = DirectLauncher(priority=0)
    launcher.priority = 3
    with experiment(Tired([launcher, fallback])):
        chosen = [Task("true").submit().launcher for _ in range(3)]
    assert chosen == [launcher, fallback, fallback]


def test_without_a_launcher_a_task_says_what_to_do() -> None:
    with pytest.raises(HerdError, match=r"submit\(launcher=DirectLauncher\(\)\)"):
        Task("true").submit()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Task([]),
        lambda: Task(" "),
        lambda: Task(["a\0b"]),
        lambda: Task("true", env={"a b": "c"}),
        lambda: Task("true", name="a\nb"),
        lambda: Task("true", folder="nowhere").submit(DirectLauncher()),
        lambda: Task(Path("no/such/script.sh")).submit(DirectLauncher()),
        lambda: Task(b"true"),  # type: ignore[arg-type]
        lambda: Task(None),  # type: ignore[arg-type]
        lambda: Task(["true", None]),  # type: ignore[list-item]
        lambda: Task("true").submit("slurm"),  # type: ignore[arg-type]
        lambda: Task("true").submit(DirectLauncher),  # type: ignore[arg-type]
        lambda: experiment("slurm").__enter__(),  # type: ignore[arg-type]
        lambda: find_launcher(3),  # type: ignore[arg-type]
        lambda: find_launcher(),
    ],
)
def test_what_cannot_be_run_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(HerdError):
        make()
