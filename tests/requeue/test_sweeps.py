"""A sweep with `requeue`, as its user sees it: what goes on by itself, how often, and what is said of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from eventually import until
from exactly_once.sweeps import GATE, Sweep
from fakeslurm.fixture import FakeSlurm

SAVES = 'trap "say told; exit 75" USR2\n' + GATE
"""Told of the limit it saves and says that it is not finished; ends well once it may."""

DEAF = 'trap "" USR2 TERM\n' + GATE
"""Does not listen, and has to be killed."""

ONLY_ONE = "[[ $x == 1 ]] || { say end; exit 0; }\n"


def limited(sweep: Sweep, requeue: str = "", *, values: tuple[int, ...] = (1, 2)) -> None:
    """Time limits of two seconds, told a second before; a minute of the fake Slurm takes two."""
    time, signalled = ("0:02", "USR2@1") if sweep.place == "local" else ("1", "USR2@30")
    more = f'slurm: {{time: "{time}"}}\nrequeue: {{signal: {signalled}{requeue}}}\n'
    sweep.describe(values, more=more)


def run(sweep: Sweep, *options: str, code: int = 0) -> None:
    """To the end of all trials."""
    sweep.herd("run", "--wait", *options, code=code)


FAILED = 3


def trial(sweep: Sweep, index: int = 0) -> dict[str, object]:
    found: dict[str, object] = sweep.trials()[index]
    return found


def ended(sweep: Sweep) -> None:
    until(lambda: not {"submitted", "queued", "running"} & set(sweep.statuses().values()), "all to end")


def attempts(sweep: Sweep, index: int) -> list[int]:
    return [line.attempt for line in sweep.lines() if line.trial == index]


def test_an_exit_of_75_runs_again_until_it_succeeds_and_the_others_do_not(sweep: Sweep) -> None:
    sweep.describe([1, 2], more="requeue: true\n")
    sweep.script(ONLY_ONE + "((HYPERHERD_ATTEMPT > 2)) || exit 75\n")
    run(sweep)
    assert sweep.statuses() == {0: "completed", 1: "completed"}
    assert (attempts(sweep, 0), attempts(sweep, 1)) == ([1, 2, 3], [1])
    assert trial(sweep)["interruptions"] == {"exit75": 2}
    assert "attempt 3, 2 times exit 75" in sweep.herd("status", "-a").stdout
    told = json.loads(sweep.herd("show", "0", "--json").stdout)["attempts"]
    assert [(one["exit_code"], one["reason"]) for one in told] == [
        (75, "exit 75"),
        (75, "exit 75"),
        (0, None),
    ]


@pytest.mark.parametrize("yaml, option", [("false", ""), ("true", "--no-requeue")])
def test_without_requeue_75_has_failed_and_the_next_run_submits_it(
    sweep: Sweep, yaml: str, option: str
) -> None:
    sweep.describe([1], more=f"requeue: {yaml}\n")
    sweep.script("((HYPERHERD_ATTEMPT > 1)) || exit 75\n")
    sweep.herd("run", "--detach", *filter(None, [option]))
    ended(sweep)
    assert (trial(sweep)["status"], trial(sweep)["reason"], trial(sweep)["attempt"]) == (
        "failed",
        "exit 75",
        1,
    )
    sweep.finish()
    assert attempts(sweep, 0) == [1, 2]


def test_the_option_turns_it_on_for_one_run(sweep: Sweep) -> None:
    sweep.describe([1])
    sweep.script("((HYPERHERD_ATTEMPT > 1)) || exit 75\n")
    sweep.herd("run", "--detach", "--requeue")
    ended(sweep)
    assert (sweep.statuses(), attempts(sweep, 0)) == ({0: "completed"}, [1, 2])


def test_at_its_limit_a_trial_has_failed_and_says_so_and_the_next_run_counts_anew(sweep: Sweep) -> None:
    sweep.describe([1], more="requeue: {max_restarts: 2}\n")
    sweep.script("((HYPERHERD_ATTEMPT > 4)) || exit 75\n")
    run(sweep, code=FAILED)
    assert attempts(sweep, 0) == [1, 2, 3]
    assert (trial(sweep)["status"], trial(sweep)["reason"]) == ("failed", "exit 75, 2 of 2 restarts used")
    assert trial(sweep)["interruptions"] == {"exit75": 3}
    run(sweep)
    assert (sweep.statuses(), attempts(sweep, 0)) == ({0: "completed"}, [1, 2, 3, 4, 5])


def test_another_exit_code_has_failed(sweep: Sweep) -> None:
    sweep.describe([1], more="requeue: true\n")
    sweep.script("exit 3\n")
    run(sweep, code=FAILED)
    assert (trial(sweep)["reason"], attempts(sweep, 0)) == ("exit 3", [1])


def test_near_the_limit_a_trial_is_told_once_and_goes_on_in_the_next_attempt(sweep: Sweep) -> None:
    limited(sweep)
    sweep.script(ONLY_ONE + SAVES)
    sweep.herd("run", "--detach")
    until(lambda: len(attempts(sweep, 0)) == 3, "the third attempt")
    sweep.go()
    ended(sweep)
    assert sweep.statuses() == {0: "completed", 1: "completed"}
    told = [line.attempt for line in sweep.lines("told")]
    assert told == sorted(set(told)) == list(range(1, int(str(trial(sweep)["attempt"]))))
    assert trial(sweep)["interruptions"] == {"timeout": len(told)}
    assert f"attempt {len(told) + 1}, {len(told)} time limits" in sweep.herd("status", "-a").stdout
    assert attempts(sweep, 1) == [1]


def test_it_is_told_also_where_herd_itself_was_started_with_the_signal_ignored(here: Sweep) -> None:
    """bash can neither trap nor reset what it was started with ignored."""
    limited(here, values=(1,))
    here.script("((HYPERHERD_ATTEMPT == 1)) || exit 0\n" + SAVES)
    argv = ["bash", "-c", "trap '' USR2; exec \"$@\"", "bash", *here.argv("run", "--wait")]
    done = subprocess.run(argv, env=here.env, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    assert [line.attempt for line in here.lines("told")] == [1]
    assert (here.statuses(), attempts(here, 0)) == ({0: "completed"}, [1, 2])


def test_time_limits_are_counted_and_the_last_one_is_the_end(sweep: Sweep) -> None:
    limited(sweep, ", max_timeouts: 1", values=(1,))
    sweep.script(SAVES)
    run(sweep, code=FAILED)
    assert attempts(sweep, 0) == [1, 2]
    assert (trial(sweep)["status"], trial(sweep)["reason"]) == ("failed", "time limit, 1 of 1 used")
    assert "failed (time limit, 1 of 1 used) attempt 2, 2 time limits" in sweep.herd("status").stdout
    sweep.go()
    run(sweep)
    assert attempts(sweep, 0) == [1, 2, 3]


def test_a_program_that_does_not_listen_is_killed_counted_and_goes_on(sweep: Sweep) -> None:
    limited(sweep, values=(1,))
    sweep.script("((HYPERHERD_ATTEMPT == 1)) || exit 0\n" + DEAF)
    run(sweep)
    assert (sweep.statuses(), attempts(sweep, 0)) == ({0: "completed"}, [1, 2])
    assert trial(sweep)["interruptions"] == {"timeout": 1}
    log = (sweep.root / ".hyperherd/logs/0.err").read_text()
    assert log.count("the time limit is near, and nothing here handles USR2") == 1
    assert log.count("this is the time limit; what does not end now is killed") == 1


def test_an_end_in_time_is_a_success(sweep: Sweep) -> None:
    limited(sweep, values=(1,))
    sweep.script('trap "say end; exit 0" USR2\n' + GATE)
    run(sweep)
    assert (sweep.statuses(), attempts(sweep, 0)) == ({0: "completed"}, [1])


def test_a_trial_of_this_machine_knows_when_it_will_be_ended(here: Sweep) -> None:
    here.describe([1], more='slurm: {time: "1:00:00"}\nrequeue: true\n')
    here.script('echo "$HYPERHERD_TIME_LIMIT_AT ${SLURM_RESTART_COUNT-none}" >"$HYPERHERD_WORKSPACE/told"\n')
    before = int(time.time())
    run(here)
    at, restarts = (here.root / "told").read_text().split()
    assert before + 3600 <= int(at) <= time.time() + 3600
    assert restarts == "none"


def test_a_trial_that_is_stopped_after_it_was_told_of_its_limit_stays_stopped(sweep: Sweep) -> None:
    more = ("0:20", "USR2@19") if sweep.place == "local" else ("10", "USR2@570")
    sweep.describe([1], more=f'slurm: {{time: "{more[0]}"}}\nrequeue: {{signal: {more[1]}}}\n')
    sweep.script('trap "say told" USR2\n' + GATE)
    sweep.herd("run", "--detach")
    until(lambda: sweep.lines("told"), "the signal")
    sweep.herd("stop", "0")
    ended(sweep)
    assert sweep.statuses() == {0: "cancelled"}
    until(lambda: not sweep.living() or sweep.place == "slurm", "the end of all processes")
    assert attempts(sweep, 0) == [1]


def test_what_is_queued_again_is_not_submitted_as_well(fake: Sweep, fake_slurm: FakeSlurm) -> None:
    fake_slurm.knobs(requeue_delay_s=121)
    fake.describe([1, 2], more="requeue: true\n")
    fake.script(ONLY_ONE + "((HYPERHERD_ATTEMPT > 1)) || exit 75\n")
    fake.herd("run")
    until(lambda: fake.statuses() == {0: "queued", 1: "completed"}, "the first to wait again")
    assert str(trial(fake)["reason"]).startswith("BeginTime")
    assert "attempt 1, 1 exit 75" in fake.herd("status").stdout
    assert json.loads(fake.herd("run", "--json").stdout)["submitted_indices"] == []
    element = f"{fake.submissions()[-1]['slurm_job_id']}_0"
    fake_slurm.run("scontrol", "update", f"JobId={element}", "StartTime=now")
    ended(fake)
    assert (fake.statuses(), attempts(fake, 0)) == ({0: "completed", 1: "completed"}, [1, 2])
    requeued = [call["argv"] for call in fake_slurm.calls("scontrol") if "requeue" in call["argv"]]
    assert requeued == [["requeue", element]]


@pytest.mark.parametrize(
    "how, cause, reason", [("preempt", "preemption", "preempted"), ("fail_node", "node_fail", "node failure")]
)
def test_what_slurm_queues_again_by_itself_is_told_and_counted(
    fake: Sweep, fake_slurm: FakeSlurm, how: str, cause: str, reason: str
) -> None:
    fake.describe([1, 2], more="requeue: {max_restarts: 1}\n")
    fake.script(ONLY_ONE + GATE)
    fake.herd("run")
    for number in (1, 2):
        until(lambda number=number: len(attempts(fake, 0)) == number, "an attempt")  # type: ignore[misc]
        getattr(fake_slurm, how)(f"{fake.submissions()[0]['slurm_job_id']}_0")
    ended(fake)
    assert attempts(fake, 0) == [1, 2]
    assert (trial(fake)["status"], trial(fake)["reason"]) == ("failed", f"{reason}, 1 of 1 restarts used")
    assert trial(fake)["interruptions"] == {cause: 2}
    fake.go()
    run(fake)
    assert attempts(fake, 0) == [1, 2, 3]


def test_what_is_queued_again_by_hand_while_it_runs_is_no_interruption_and_not_refused(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    fake.describe([1], more="requeue: {after: [timeout]}\n")
    fake.script("((HYPERHERD_ATTEMPT > 1)) || " + GATE)
    fake.herd("run")
    until(lambda: attempts(fake, 0), "the first attempt")
    fake_slurm.run("scontrol", "requeue", f"{fake.submissions()[0]['slurm_job_id']}_0")
    ended(fake)
    assert (fake.statuses(), attempts(fake, 0)) == ({0: "completed"}, [1, 2])
    assert trial(fake)["interruptions"] == {}


def test_at_a_preemption_a_trainer_below_the_launch_script_has_the_time_to_save(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    """The launch script's bash ends at once; once ours ends as well, Slurm kills what is left."""
    fake_slurm.knobs(kill_wait_s=60)
    saver = 'trap "sleep 0.5; say saved; exit 75" TERM; say ready; while :; do sleep 0.05; done'
    fake.describe([1], more="requeue: true\n")
    fake.script(f"((HYPERHERD_ATTEMPT == 1)) || exit 0\nexport -f say\nexport argument\nbash -c '{saver}'\n")
    fake.herd("run")
    until(lambda: fake.lines("ready"), "the trainer")
    fake_slurm.preempt(f"{fake.submissions()[0]['slurm_job_id']}_0")
    ended(fake)
    assert [line.attempt for line in fake.lines("saved")] == [1]
    assert (fake.statuses(), attempts(fake, 0)) == ({0: "completed"}, [1, 2])


def test_a_cause_that_is_not_asked_for_is_the_end(fake: Sweep, fake_slurm: FakeSlurm) -> None:
    fake.describe([1], more="requeue: {after: [timeout, node_fail]}\n")
    fake.script(GATE)
    fake.herd("run")
    until(lambda: attempts(fake, 0), "the first attempt")
    fake_slurm.preempt(f"{fake.submissions()[0]['slurm_job_id']}_0")
    ended(fake)
    assert (trial(fake)["status"], trial(fake)["reason"], attempts(fake, 0)) == ("failed", "preempted", [1])


def test_where_slurm_will_not_queue_it_again_the_trial_has_failed_in_slurms_words(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    fake.describe([1], more="requeue: true\n")
    fake.script("((HYPERHERD_ATTEMPT == 1)) || exit 0\n" + GATE + "exit 75\n")
    fake.herd("run")
    until(lambda: attempts(fake, 0), "the first attempt")
    fake_slurm.knobs(scontrol={"error": "Requested operation is presently disabled for job"})
    fake.go()
    words = "exit 75; Slurm would not queue it again: Requested operation is presently disabled for job"
    until(lambda: trial(fake)["reason"] == words, "what Slurm says once the end is noted")
    assert trial(fake)["status"] == "failed"
    fake_slurm.knobs(scontrol={"error": None})
    run(fake)
    assert attempts(fake, 0) == [1, 2]


def test_slurm_is_asked_once_whether_it_has_switched_requeue_off_however_many_arrays_there_are(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    fake_slurm.knobs(requeue_allowed=False, max_array_size=2, held=True)
    fake.describe([1, 2, 3, 4, 5], more="requeue: true\n")
    fake.script("exit 75\n")
    said = fake.herd("run").stderr
    assert said.count("Slurm has switched requeue off") == 1
    assert len(fake_slurm.calls("sbatch")) == 3
    asked = [call for call in fake_slurm.calls("scontrol") if call["argv"][1:3] == ["show", "job"]]
    assert len(asked) == 1


def test_where_requeue_is_not_allowed_that_is_said_at_once_and_again_in_the_trials_own_log(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    fake_slurm.knobs(requeue_allowed=False)
    fake.describe([1], more="requeue: true\n")
    fake.script("exit 75\n")
    said = fake.herd("run").stderr
    assert "note: Slurm has switched requeue off for job 1, as the site or its partition has it" in said
    assert "The next herd run submits it again; or name another partition" in said
    ended(fake)
    assert "Slurm would not queue it again: 1_0: Requested operation is presently disabled" in str(
        trial(fake)["reason"]
    )
    log = (fake.root / ".hyperherd/logs/0.err").read_text()
    assert "so it has failed; the next `herd run` submits it: 1_0: Requested operation is presently" in log


def test_what_waits_again_is_not_shown_as_still_running(fake: Sweep, fake_slurm: FakeSlurm) -> None:
    """It was killed before it could note its end."""
    fake_slurm.knobs(requeue_delay_s=121)
    fake.describe([1], more="requeue: true\n")
    fake.script(GATE)
    fake.herd("run")
    until(lambda: attempts(fake, 0), "the first attempt")
    assert "not ended" in fake.herd("show", "0").stdout
    fake_slurm.fail_node(f"{fake.submissions()[0]['slurm_job_id']}_0", start_at_once=False)
    until(lambda: fake.statuses() == {0: "queued"}, "it to wait again")
    shown = fake.herd("show", "0").stdout
    assert "cut short" in shown and "not ended" not in shown


def test_what_ran_out_of_memory_or_time_asks_for_more_and_not_above_the_ceiling(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    def memory_and_time(offset: int) -> set[str]:
        ids = [str(record["slurm_job_id"]) for record in fake.submissions()[offset:]]
        shown = fake_slurm.run("squeue", "-h", "--states=all", "-o", "%K %m %l", "-j", ",".join(ids)).stdout
        return set(shown.splitlines())

    fake.describe(
        [1, 2, 3],
        more="slurm: {mem: 4G, time: 10}\n"
        "requeue: {mem: x1.5, max_mem: 7G, time: x3, max_time: 60, max_timeouts: 0}\n",
    )
    fake.script(GATE)
    fake.herd("run")
    until(lambda: len(fake.lines()) == 3, "all to start")
    job = fake.submissions()[0]["slurm_job_id"]
    fake_slurm.finish(f"{job}_0", "OUT_OF_MEMORY")
    fake_slurm.finish(f"{job}_1", "TIMEOUT")
    fake_slurm.finish(f"{job}_2", "FAILED", 1)
    ended(fake)
    said = fake.herd("run").stderr
    assert "1 again with 6G (out of memory)" in said
    assert "1 again with 00:30:00 (time limit)" in said
    assert memory_and_time(1) == {"0 6G 10:00", "1 4G 30:00", "2 4G 10:00"}
    until(lambda: len(fake.lines()) == 6, "all to start again")
    fake_slurm.finish(f"{fake.submissions()[1]['slurm_job_id']}_0", "OUT_OF_MEMORY")
    fake_slurm.finish(f"{fake.submissions()[2]['slurm_job_id']}_1", "TIMEOUT")
    until(lambda: fake.statuses() == {0: "failed", 1: "failed", 2: "running"}, "the two to fail")
    assert trial(fake)["interruptions"] == {"oom": 2}
    fake.herd("run")
    assert memory_and_time(4) == {"0 7G 10:00", "1 4G 1:00:00"}


def test_more_than_the_partition_allows_is_refused_and_says_what_bounds_it(
    fake: Sweep, fake_slurm: FakeSlurm
) -> None:
    fake_slurm.knobs(partitions={"cpu": {"default": True, "max_time": "15:00"}})
    fake.describe([1], more="slurm: {time: 10}\nrequeue: {time: x2, max_timeouts: 0}\n")
    fake.script(GATE)
    fake.herd("run")
    until(lambda: fake.lines(), "the trial")
    fake_slurm.finish(f"{fake.submissions()[0]['slurm_job_id']}_0", "TIMEOUT")
    ended(fake)
    said = fake.herd("run", code=1).stderr
    assert "slurm.time: 00:20:00 is 20m 00s, and cpu allows 15m 00s" in said
    assert "bound what `requeue` asks for now, 00:20:00 (time limit): max_time" in said
    fake.describe([1], more="slurm: {time: 10}\nrequeue: {time: x2, max_time: 15, max_timeouts: 0}\n")
    assert "1 again with 00:15:00 (time limit)" in fake.herd("run").stderr


def test_a_signal_before_the_trial_has_begun_is_refused(sweep: Sweep) -> None:
    sweep.describe([1], more="slurm: {time: 2}\nrequeue: true\n")
    said = sweep.herd("run", "--detach", code=1).stderr
    assert "requeue.signal comes 120 s before the time limit, which is 2m 00s" in said
    assert sweep.lines() == []


def test_two_places_for_a_signal_are_refused(sweep: Sweep) -> None:
    sweep.describe([1], more="slurm: {signal: B:USR1@60}\nrequeue: true\n")
    assert "slurm.signal: 'requeue' is there as well" in sweep.herd("run", code=1).stderr


def test_the_option_beside_a_signal_of_the_sweeps_own_is_refused(fake: Sweep) -> None:
    fake.describe([1], more="slurm: {signal: B:USR1@60}\n")
    assert "slurm.signal: 'requeue' is there as well" in fake.herd("run", "--requeue", code=1).stderr
    assert fake.lines() == []


def test_a_time_limit_that_cannot_be_read_is_refused_here_too(here: Sweep) -> None:
    here.describe([1], more="slurm: {time: 4hours}\nrequeue: true\n")
    assert "6: slurm.time: '4hours' is not a time that sbatch reads" in here.herd("run", code=1).stderr
    assert here.lines() == []


def test_while_a_trial_goes_on_by_itself_no_other_run_submits_it(here: Sweep) -> None:
    here.describe([1, 2], more="requeue: true\n")
    here.script("sleep 0.3\n((HYPERHERD_ATTEMPT > 4)) || exit 75\n")
    here.herd("run", "--detach")
    while len(here.lines("end")) < 2:
        assert json.loads(here.herd("run", "--detach", "--json").stdout)["submitted_indices"] == []
    ended(here)
    assert sorted((line.x, line.attempt) for line in here.lines()) == [
        (x, n) for x in "12" for n in range(1, 6)
    ]


def test_a_trial_that_waits_to_go_on_can_be_stopped(here: Sweep) -> None:
    here.describe([1, 2], more="requeue: true\n")
    here.script(f"[[ $x == 1 ]] || {{ {GATE}exit 0; }}\nexit 75\n")
    here.herd("run", "--detach", "-j", "1")
    until(lambda: here.lines() and here.lines()[-1].x == "2", "the other trial's turn")
    here.herd("stop", "0")
    here.go()
    ended(here)
    assert here.statuses() == {0: "cancelled", 1: "completed"}
    assert attempts(here, 0) == [1]


def test_after_its_supervisor_was_killed_a_trial_that_should_go_on_runs_at_the_next_run(here: Sweep) -> None:
    here.describe([1], more="requeue: true\n")
    here.script("[[ $HYPERHERD_ATTEMPT == 1 ]] || exit 0\nsay waiting\n" + GATE + "exit 75\n")
    here.herd("run", "--detach")
    until(lambda: here.lines("waiting"), "the first attempt")
    register = next((here.root / ".hyperherd").glob("g-*/submissions/*.state")).read_text()
    os.kill(int(register.split(":")[3]), signal.SIGKILL)
    here.go()
    until(lambda: not set(here.statuses().values()) & {"running", "queued"}, "its end")
    assert attempts(here, 0) == [1]
    run(here)
    assert attempts(here, 0) == [1, 2]


def test_what_is_submitted_without_requeue_is_what_it_was(fake: Sweep) -> None:
    """The golden lines are those of before there was a `requeue`."""
    fake.describe([1], more="slurm: {time: 10}\n")
    fake.herd("run")
    record = fake.submissions()[0]
    text = (fake.root / ".hyperherd/job.sbatch").read_text()
    text = text.replace(record["token"], "TOKEN").replace(record["token"].partition("-")[0], "GENERATION")
    text = text.replace(str(fake.root), "/ROOT").replace(fake.name, "NAME")
    golden = (Path(__file__).parent / "golden.sbatch").read_text()
    assert text.startswith(golden)
    assert not [word for word in ("requeue ", "herd_mark", "herd_judge", "herd_after") if word in text]
