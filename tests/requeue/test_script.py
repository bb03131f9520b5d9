"""The generated script with `requeue`, run by a real bash beside a scontrol that says what it is told."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import attempt_files
import eventually
import pytest

from hyperherd.attempts import filenames
from hyperherd.attempts.filenames import AttemptFolder, Unit
from hyperherd.jobs import Batch, Element, Files, Requeue
from hyperherd.launchers.node.script import script
from hyperherd.launchers.slurm.job_options import DIALECT

SCONTROL = """#!/bin/bash
echo "$*" >>"$FOLDER/asked"
if [[ $1 != requeue ]] && rm "$FOLDER/silent" 2>/dev/null; then
  exit 1
elif [[ $1 != requeue ]]; then
  echo "JobId=7 JobState=COMPLETING Reason=$(cat "$FOLDER/reason") Dependency=(null)" \\
    "StartTime=1795281600 EndTime=1795281640 PreemptTime=$(cat "$FOLDER/preempted") SuspendTime=None"
elif read -r words <"$FOLDER/refusals"; then
  sed -i 1d "$FOLDER/refusals"
  echo "$words" >&2
  exit 1
fi
"""
"""``refusals`` holds Slurm's words for so many calls, one a line; ``silent`` means no answer to the next `show job`."""

HANDLES = """
import os, signal, sys, time
def told(*_):
    open("told", "a").write(f"{os.getpid()}\\n")
signal.signal(signal.SIGUSR2, told)
open(sys.argv[1], "w").write("")
while not os.path.exists("go"): time.sleep(0.02)
time.sleep(float(sys.argv[3]) if len(sys.argv) > 3 else 0)
open(sys.argv[1] + ".saved", "w").close()
sys.exit(int(sys.argv[2]))
"""

SAVES_AT_TERM = """
import os, signal, sys, time
def save(*_):
    open("saving", "w").close()
    while not os.path.exists("go"): time.sleep(0.02)
    open("saved", "w").close()
    sys.exit(75)
signal.signal(signal.SIGTERM, save)
open("ready", "w").close()
while True: signal.pause()
"""


class Trial:
    """Trial 3 of a folder of its own; ``run`` starts its script as element 7_3 of an array. By its token a
    script ends what an earlier attempt has left, so no other test has the same.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = f"t-{secrets.token_hex(4)}"
        for name in ("attempts/0", "logs", "bin"):
            (folder / name).mkdir(parents=True)
        (folder / "bin/scontrol").write_text(SCONTROL)
        (folder / "bin/scontrol").chmod(0o755)
        (folder / "trainer.py").write_text(HANDLES)
        (folder / "saver.py").write_text(SAVES_AT_TERM)
        (folder / "reason").write_text("None")
        (folder / "preempted").write_text("None")
        (folder / "refusals").touch()
        self.process: subprocess.Popen[bytes] | None = None

    def launch(self, text: str) -> None:
        (self.folder / "launch.sh").write_text(text)

    def text(self, requeue: Requeue) -> str:
        folder = self.folder
        files = Files(
            folder / "s",
            folder / "register",
            AttemptFolder(folder / "attempts"),
            folder / "logs",
            folder / ".env",
        )
        element = Element(3, Unit(3), 1, "x=1", ())
        batch = Batch(self.token, "name", folder, folder / "launch.sh", files, (element,), requeue=requeue)
        return script(batch, DIALECT)

    def start(self, requeue: Requeue = Requeue(), *, restarts: int = 0) -> subprocess.Popen[bytes]:  # noqa: B008
        env = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
        scontrol = f"{self.folder}/bin"
        env |= {
            "FOLDER": str(self.folder),
            "PATH": f"{scontrol}:{env['PATH']}" if self.has("bin/scontrol") else "",
        }
        env |= {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_JOB_ID": "7"}
        env |= {"SLURM_RESTART_COUNT": str(restarts)} if restarts else {}
        with (self.folder / "said").open("ab") as said:
            argv = [shutil.which("bash") or "bash", "-c", self.text(requeue)]
            self.process = subprocess.Popen(argv, env=env, stderr=said, start_new_session=True)
        return self.process

    def run(self, requeue: Requeue = Requeue(), *, restarts: int = 0) -> int:  # noqa: B008
        return self.start(requeue, restarts=restarts).wait(60)

    def warn(self) -> None:
        """As Slurm does: to the shell alone."""
        assert self.process
        self.process.send_signal(signal.SIGUSR2)

    def until(self, true: Callable[[], object]) -> None:
        eventually.until(true, lambda: f"it: {self.names()}, {self.said()}", 60, pause_s=0.01)

    def sleeps_alone(self) -> bool:
        """Whether the script waits for something that is no process of its own."""
        assert self.process
        proc = Path(f"/proc/{self.process.pid}")
        children = (proc / f"task/{self.process.pid}/children").read_text()
        return not children and (proc / "stat").read_text().rpartition(") ")[2][0] == "S"

    def handles(self, number: int) -> bool:
        """Whether the script has a trap for a signal."""
        assert self.process
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        mask = int(next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")), 16)
        return bool(mask >> (number - 1) & 1)

    def has(self, name: str) -> bool:
        return (self.folder / name).exists()

    def told(self) -> list[str]:
        return (self.folder / "told").read_text().split() if self.has("told") else []

    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text().splitlines() if self.has("asked") else []

    def requeued(self) -> int:
        return self.asked().count("requeue 7_3")

    def names(self) -> list[str]:
        return attempt_files.names(self.folder / "attempts")

    def said(self) -> str:
        return (self.folder / "said").read_text()

    def begun(self, attempt: int, *names: str) -> None:
        """An attempt of before, of this job, that left these notes and marks."""
        for name in (f"3.{attempt}", *(f"3.{attempt}.{word}" for word in names)):
            (self.folder / "attempts/0" / name).write_text(f"{self.token} 7 n1 - 1 - -\n")


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    one = Trial(tmp_path)
    yield one
    (tmp_path / "go").touch()
    if one.process and one.process.poll() is None:
        os.killpg(one.process.pid, signal.SIGKILL)
        one.process.wait(60)


def trainer(ready: str, code: int, linger_s: float = 0) -> str:
    return f'"{sys.executable}" trainer.py {ready} {code} {linger_s}'


def test_75_is_noted_and_then_this_element_alone_is_queued_again(trial: Trial) -> None:
    trial.launch("exit 75\n")
    assert trial.run() == 75
    assert trial.names() == ["3.1", "3.1.EXIT75", "3.1.requeued.75"]
    assert trial.asked() == ["requeue 7_3"]


@pytest.mark.parametrize("code", [0, 1, 74, 76, 137])
def test_any_other_exit_is_an_end(trial: Trial, code: int) -> None:
    trial.launch(f"exit {code}\n")
    assert trial.run() == code
    verdict = "failed" if code else "completed"
    assert (trial.names(), trial.asked()) == (["3.1", f"3.1.{verdict}.{code}"], [])


def test_the_signal_reaches_the_program_once_and_not_the_launch_script_around_it(trial: Trial) -> None:
    trial.launch(f"set -e\n{trainer('ready', 75)}\n")
    process = trial.start()
    trial.until(lambda: trial.has("ready"))
    trial.warn()
    trial.until(trial.told)
    trial.warn()
    assert trial.requeued() == 0  # it is waited for
    (trial.folder / "go").touch()
    assert process.wait(60) == 75
    assert len(trial.told()) == 1
    assert trial.names() == ["3.1", "3.1.TIMEOUT", "3.1.requeued.75"]
    assert trial.requeued() == 1


def test_a_launch_script_that_cleans_up_at_its_end_does_so_after_the_program(trial: Trial) -> None:
    """bash has a handler for every signal where there is a trap on EXIT, and would end."""
    trial.launch(f"trap '[[ -e go ]] && : >cleaned' EXIT\n{trainer('ready', 75)}\n")
    process = trial.start()
    trial.until(lambda: trial.has("ready"))
    trial.warn()
    trial.until(trial.told)
    assert process.poll() is None
    (trial.folder / "go").touch()
    assert process.wait(60) == 75
    assert trial.has("cleaned")
    assert trial.requeued() == 1


def test_a_launch_script_that_cleans_up_and_saves_by_itself_is_told(trial: Trial) -> None:
    trial.launch("trap ': >cleaned' EXIT\ntrap 'exit 75' USR2\n: >ready\nwhile :; do sleep 0.02; done\n")
    process = trial.start()
    trial.until(lambda: trial.has("ready"))
    trial.warn()
    assert process.wait(60) == 75
    assert (trial.has("cleaned"), trial.requeued()) == (True, 1)


def test_every_rank_is_told_also_one_in_a_session_of_its_own(trial: Trial) -> None:
    trial.launch(
        f"{trainer('r0', 75)} & setsid {trainer('r1', 0)} & bash -c '{trainer('r2', 0)}; true' &\nwait -n\nexit 75\n"
    )
    process = trial.start()
    trial.until(lambda: all(trial.has(f"r{rank}") for rank in range(3)))
    trial.warn()
    trial.until(lambda: len(trial.told()) == 3)
    (trial.folder / "go").touch()
    assert process.wait(60) == 75
    assert len(set(trial.told())) == 3


@pytest.fixture
def stranger() -> Iterator[Callable[[], object]]:
    """Starts a process that is none of the trial's, and younger."""
    started: list[subprocess.Popen[bytes]] = []
    yield lambda: started.append(subprocess.Popen(["sleep", "600"]))
    for process in started:
        process.kill()
        process.wait(60)


def test_ranks_that_a_launch_script_left_behind_are_waited_for(
    trial: Trial, stranger: Callable[[], object]
) -> None:
    trial.launch(f"trap 'exit 75' USR2\n{trainer('ready', 0, 0.5)} & wait\n")
    process = trial.start()
    trial.until(lambda: trial.has("ready"))
    stranger()
    trial.warn()
    trial.until(trial.told)
    assert (trial.requeued(), process.poll()) == (0, None)
    (trial.folder / "go").touch()
    assert process.wait(60) == 75
    assert (trial.has("ready.saved"), trial.requeued()) == (True, 1)


def test_what_is_cancelled_while_its_ranks_still_save_was_told_to_end(trial: Trial) -> None:
    trial.launch(f"trap 'exit 75' USR2\n{trainer('ready', 0)} & wait\n")
    process = trial.start()
    trial.until(lambda: trial.has("ready"))
    trial.warn()
    trial.until(trial.told)
    process.send_signal(signal.SIGTERM)
    trial.until(lambda: "3.1.failed.75.TERM" in trial.names())
    (trial.folder / "go").touch()
    assert process.wait(60) == 75
    assert (trial.has("ready.saved"), trial.requeued()) == (True, 0)


def test_what_succeeds_after_the_signal_has_succeeded(trial: Trial) -> None:
    trial.launch(f"{trainer('ready', 0)}\n")
    process = trial.start()
    trial.until(lambda: trial.has("ready"))
    trial.warn()
    trial.until(trial.told)
    (trial.folder / "go").touch()
    assert (process.wait(60), trial.asked()) == (0, [])


@pytest.mark.parametrize("signalled", ["TERM", "INT", "USR1"])
def test_the_trial_gets_the_signal_that_the_sweep_names(trial: Trial, signalled: str) -> None:
    """But for USR1 Slurm sends the script USR2: TERM and INT mean something else to it."""
    trial.launch(f"trap 'exit 75' {signalled}\n: >ready\nwhile :; do sleep 0.02; done\n")
    process = trial.start(Requeue(signal=signalled))
    trial.until(lambda: trial.has("ready"))
    process.send_signal(signal.SIGUSR1 if signalled == "USR1" else signal.SIGUSR2)
    assert process.wait(60) == 75
    assert (trial.names(), trial.requeued()) == (["3.1", "3.1.TIMEOUT", "3.1.requeued.75"], 1)


def test_what_does_not_listen_is_queued_again_at_the_limit_before_it_is_killed(trial: Trial) -> None:
    trial.launch("trap '' TERM USR2\n: >ready\nuntil [[ -e go ]]; do sleep 0.02; done\n")
    process = trial.start()
    trial.until(lambda: trial.has("ready"))
    (trial.folder / "reason").write_text("TimeLimit")
    trial.warn()
    process.send_signal(signal.SIGTERM)
    trial.until(trial.requeued)
    log = trial.folder / "logs/3.err"
    trial.until(lambda: "nothing here handles USR2" in log.read_text())
    trial.until(lambda: "this is the time limit; what does not end now is killed" in log.read_text())
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)
    assert "3.1.TIMEOUT" in trial.names()


def test_a_controller_that_does_not_say_at_once_what_ends_the_trial_is_asked_again(trial: Trial) -> None:
    trial.launch(": >ready\nsleep 600\n")
    (trial.folder / "reason").write_text("TimeLimit")
    (trial.folder / "silent").touch()
    process = trial.start()
    trial.until(lambda: trial.has("ready"))
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(60) == 143
    assert trial.requeued() == 1 and "3.1.TIMEOUT" in trial.names()


def test_a_mark_is_made_though_all_of_the_job_are_told_to_end(trial: Trial) -> None:
    """Its subshell, too, dies of the signal that the scheduler sends to all: here it sends it to itself."""
    killed = '[[ -e $FOLDER/killed ]] || { : >"$FOLDER/killed"; kill -TERM "$BASHPID"; }'
    text = trial.text(Requeue()).replace(
        "herd_create() {\n", f"herd_create() {{\n  [[ $1 != *.EXIT75 ]] || {killed}\n"
    )
    trial.launch("exit 75\n")
    trial.text = lambda requeue: text  # type: ignore[method-assign]
    assert trial.run() == 75
    assert trial.has("killed") and "3.1.EXIT75" in trial.names()


def test_a_cancel_after_the_signal_is_no_time_limit(trial: Trial) -> None:
    trial.launch("trap '' USR2\n: >ready\nwhile :; do sleep 0.02; done\n")
    process = trial.start()
    trial.until(lambda: trial.has("ready"))
    trial.warn()
    trial.until(lambda: "3.1.TIMEOUT" in trial.names())
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(60) == 143
    assert trial.requeued() == 0
    assert "3.1.failed.143.TERM" in trial.names()


@pytest.mark.parametrize("missing", [False, True])
def test_where_it_cannot_be_queued_again_the_reason_is_kept(trial: Trial, missing: bool) -> None:
    trial.launch("exit 75\n")
    (trial.folder / "refusals").write_text("Requested operation is presently disabled for job 7_3\n")
    if missing:
        (trial.folder / "bin/scontrol").unlink()
    assert trial.run() == 75
    assert trial.names() == ["3.1", "3.1.EXIT75", "3.1.REFUSED", "3.1.requeued.75"]
    words = (trial.folder / "attempts/0/3.1.REFUSED").read_text()
    assert ("scontrol: " if missing else "presently disabled") in words
    assert "cannot queue trial 3 again" in trial.said()


BUSY = {  # what scontrol 22.05 says where the controller is down, and where it does not answer
    "away": "slurm_requeue error: Unable to contact slurm controller (connect failure)",
    "slow": "Unexpected message received for job 7_3",
}


@pytest.mark.parametrize("how", BUSY)
def test_a_controller_that_is_busy_is_asked_again(trial: Trial, how: str) -> None:
    trial.launch("exit 75\n")
    (trial.folder / "refusals").write_text(f"{BUSY[how]}\n" * 2)
    assert trial.run() == 75
    assert trial.requeued() == 3
    assert trial.names() == ["3.1", "3.1.EXIT75", "3.1.requeued.75"]


def test_what_was_queued_again_though_its_answer_was_lost_is_not_taken_for_refused(trial: Trial) -> None:
    trial.launch("exit 75\n")
    (trial.folder / "refusals").write_text(f"{BUSY['slow']}\nJob is pending execution for job 7_3\n")
    assert trial.run() == 75
    assert trial.requeued() == 2
    assert "3.1.REFUSED" not in trial.names()


def test_what_is_cancelled_while_the_controller_is_busy_is_not_brought_back(trial: Trial) -> None:
    """Slurm would: `scontrol requeue` takes a cancelled job as well."""
    trial.launch("exit 75\n")
    (trial.folder / "refusals").write_text(f"{BUSY['slow']}\n" * 99)
    process = trial.start()
    trial.until(trial.requeued)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 75
    left = (trial.folder / "refusals").read_text().splitlines()
    assert len(left) == 99 - trial.requeued() > 0
    assert "3.1.REFUSED" not in trial.names()


def test_a_trial_that_has_succeeded_is_not_queued_again_by_a_limit_in_that_moment(trial: Trial) -> None:
    """The note of its end is a pipe: opening it takes until somebody reads it."""
    note = trial.folder / "attempts/0/3.1.completed.0"
    os.mkfifo(note)
    (trial.folder / "reason").write_text("TimeLimit")
    trial.launch(": >ready\n")
    process = trial.start()
    trial.until(lambda: trial.has("ready") and trial.sleeps_alone())
    process.send_signal(signal.SIGTERM)
    with note.open("rb"):
        assert process.wait(60) == 0
    assert trial.asked() == []


@pytest.mark.parametrize("after", [("timeout", "preemption"), ("preemption",)])
def test_told_to_end_the_script_stays_until_the_trainer_below_the_launch_script_has_saved(
    trial: Trial, stranger: Callable[[], object], after: tuple[str, ...]
) -> None:
    """A bash without a trap ends at once, and with the script Slurm would end all that is left."""
    trial.launch(f'"{sys.executable}" saver.py\n')
    process = trial.start(Requeue(after=after))
    trial.until(lambda: trial.has("ready"))
    stranger()
    os.killpg(process.pid, signal.SIGTERM)
    trial.until(lambda: "3.1.failed.143.TERM" in trial.names())
    assert process.poll() is None
    (trial.folder / "go").touch()
    assert process.wait(60) == 143
    assert trial.has("saved")


@pytest.mark.parametrize(
    "after, at, again",
    [(("preemption",), 1795281640, 1), (("timeout",), 1795281640, 0), (("preemption",), 1795280000, 0)],
    ids=["wanted", "not wanted", "cancelled, and preempted in an attempt of before"],
)
def test_what_slurm_cancels_to_make_room_is_queued_again_if_the_sweep_wants_that(
    trial: Trial, after: tuple[str, ...], at: int, again: int
) -> None:
    """PreemptMode=CANCEL: Slurm itself does so only with REQUEUE. Times as seconds since the epoch."""
    (trial.folder / "preempted").write_text(f"{at}")
    trial.launch(": >ready\nsleep 600\n")
    process = trial.start(Requeue(after=after))
    trial.until(lambda: trial.has("ready"))
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(60) == 143
    assert trial.requeued() == again
    assert ("3.1.PREEMPTION" in trial.names()) == (at > 1795281600)


@pytest.mark.parametrize("at", [1795281640, 1795280000], ids=["preempted", "in an attempt of before"])
def test_where_bash_has_forgotten_slurms_signal_slurm_is_asked_for_what_has_died_of_it(
    trial: Trial, at: int
) -> None:
    """A trial that dies at once is reaped in the moment in which its script is told (bash 5.2)."""
    (trial.folder / "preempted").write_text(f"{at}")
    trial.launch("kill -TERM $$\n")
    assert trial.run() == 143
    if at > 1795281600:
        assert trial.names() == ["3.1", "3.1.PREEMPTION", "3.1.TOLD", "3.1.requeued.143.TERM"]
    else:
        assert trial.names() == ["3.1", "3.1.failed.143"]
    assert trial.requeued() == (at > 1795281600)


def test_what_is_still_starting_is_told_once_it_handles_the_signal(trial: Trial) -> None:
    trial.launch(f": >early\nuntil [[ -e import ]]; do sleep 0.02; done\n{trainer('ready', 75)}\n")
    process = trial.start()
    trial.until(lambda: trial.has("early"))
    trial.warn()
    trial.until(lambda: "nothing here handles USR2 yet" in (trial.folder / "logs/3.err").read_text())
    (trial.folder / "import").touch()
    trial.until(trial.told)
    (trial.folder / "go").touch()
    assert process.wait(60) == 75
    assert (len(trial.told()), trial.requeued()) == (1, 1)


def test_a_signal_that_comes_before_the_trial_has_begun_is_not_lost(trial: Trial) -> None:
    """The script waits for its register, which somebody is about to write."""
    (trial.folder / "register").touch()
    trial.launch(f"{trainer('ready', 75)}\n")
    process = trial.start()
    trial.until(lambda: trial.handles(signal.SIGUSR2) and trial.handles(signal.SIGTERM))
    trial.warn()
    (trial.folder / "register").write_text("7\n")
    trial.until(trial.told)
    (trial.folder / "go").touch()
    assert process.wait(60) == 75
    assert (trial.names(), trial.requeued()) == (["3.1", "3.1.TIMEOUT", "3.1.requeued.75"], 1)


@pytest.mark.parametrize("before, most, again", [(0, 0, 0), (0, 1, 1), (1, 1, 0), (2, 3, 1), (3, 3, 0)])
def test_time_limits_are_counted_over_the_attempts_of_this_job(
    trial: Trial, before: int, most: int, again: int
) -> None:
    for attempt in range(1, before + 1):
        trial.begun(attempt, "requeued.75", "TIMEOUT")
    trial.launch("trap 'exit 75' USR2\n: >ready\nwhile :; do sleep 0.02; done\n")
    process = trial.start(Requeue(max_timeouts=most), restarts=before)
    trial.until(lambda: trial.has("ready"))
    trial.warn()
    assert process.wait(60) == 75
    assert trial.requeued() == again


NODE, PREEMPTED, QUEUED = "NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS", "PREEMPTION", "JOB REQUEUE"
LEFT = {
    "a node that failed": ([], [], "NODE_FAIL"),
    "a node that Slurm took for dead": (["TOLD"], [PREEMPTED, NODE], "NODE_FAIL"),
    "such a node, where bash has forgotten the signal": (["failed.143"], [PREEMPTED, NODE], "NODE_FAIL"),
    "preempted, and killed before it could note its end": (["TOLD"], [], "PREEMPTION"),
    "preempted": (["TOLD", "failed.143.TERM"], [NODE, PREEMPTED], "PREEMPTION"),
    "preempted, where bash has forgotten the signal": (["failed.143"], [PREEMPTED], "PREEMPTION"),
    "preempted, and queued again by this script": (["TOLD", "PREEMPTION"], [PREEMPTED], ""),
    "queued again by this script": (["requeued.75", "EXIT75"], [QUEUED], ""),
    "queued again by hand while it ran": (["TOLD", "failed.143.TERM"], [QUEUED], ""),
    "failed, and queued again by hand": (["failed.1"], [], ""),
    "ended by a signal of its own, and queued again by hand": (["failed.143"], [], ""),
}
"""What an attempt has left, what Slurm says in its own log (22.05), and what cut it short."""


@pytest.mark.parametrize("left", LEFT)
def test_an_attempt_that_was_queued_again_tells_what_ended_the_one_before(trial: Trial, left: str) -> None:
    words, said, cause = LEFT[left]
    trial.begun(1, *words)
    log = trial.folder / "logs/slurm/7_3.log"
    log.parent.mkdir()
    line = "slurmstepd-n2: error: *** JOB 12 ON n2 CANCELLED AT 2026-11-21T14:47:08 DUE TO {} ***\n"
    log.write_text("".join(map(line.format, said)))
    trial.launch("exit 0\n")
    assert trial.run(restarts=1) == 0
    assert {"3.2", "3.2.completed.0"} <= set(trial.names())
    found = [one for one in map(filenames.read, trial.names()) if one and isinstance(one[2], str)]
    found = [mark for mark in found if mark[2] not in words]
    assert found == ([(Unit(3), 1, cause)] if cause else [])


@pytest.mark.parametrize("requeue", [Requeue(after=("timeout", "preemption")), Requeue(max_restarts=0)])
def test_after_a_cause_that_the_sweep_does_not_take_nothing_is_run(trial: Trial, requeue: Requeue) -> None:
    trial.begun(1)
    trial.launch(": >ran\n")
    assert trial.run(requeue, restarts=1) == 3
    assert trial.names() == ["3.1", "3.1.NODE_FAIL"]
    assert not trial.has("ran")
    assert "cut short by NODE_FAIL" in trial.said()


def test_after_a_preemption_that_the_sweep_does_not_take_nothing_is_run(trial: Trial) -> None:
    trial.begun(1, "TOLD", "PREEMPTION")
    trial.launch(": >ran\n")
    assert trial.run(Requeue(after=("timeout",)), restarts=1) == 3
    assert not trial.has("ran")


def test_what_the_folders_name_holds_says_nothing_of_an_attempt(tmp_path: Path) -> None:
    folder = tmp_path / "run.143.TERM"
    folder.mkdir()
    trial = Trial(folder)
    trial.begun(1, "failed.1")
    trial.launch("exit 0\n")
    assert trial.run(restarts=1) == 0
    assert trial.names() == ["3.1", "3.1.failed.1", "3.2", "3.2.completed.0"]


def test_another_submissions_attempt_is_not_judged(trial: Trial) -> None:
    (trial.folder / "attempts/0/3.1").write_text("other 9 n1 - 1 - -\n")
    trial.launch(": >ran\n")
    assert trial.run(restarts=1) == 3
    assert trial.names() == ["3.1"]
    assert not trial.has("ran")
