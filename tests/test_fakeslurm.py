"""The fake Slurm: it runs what it is given, answers as the real one was recorded, and misbehaves when told to."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fakeslurm import arrays, processes, words
from fakeslurm.fixture import FakeSlurm
from fakeslurm.store import start_time
from hypothesis import given
from hypothesis import strategies as st

RECORDED = Path(__file__).parent / "recorded" / "slurm-22.05"
ANSWERED = re.compile(r"^\| `([a-z-]+)` \| `(.+)` \|$", re.MULTILINE)
COMMANDS = {
    name: command.replace("\\|", "|")
    for name, command in ANSWERED.findall((RECORDED / "COMMANDS.md").read_text())
}

JOB_FORM = "%F|%K|%A|%i|%T|%r|%M|%V|%S|%e|%N|%k|%j|%o"
SACCT = ["sacct", "-XPnD", "-o", "JobID,JobIDRaw,State,ExitCode,NodeList,Comment,JobName"]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with scripts to submit, where the test stands."""
    monkeypatch.chdir(tmp_path)
    jobs = tmp_path / ".hyperherd" / "jobs"
    jobs.mkdir(parents=True)
    (jobs / "good.sbatch").write_text("#!/bin/bash\ntrue\n")
    (jobs / "noshebang.sbatch").write_text("true\n")
    (jobs / "empty.sbatch").write_text("")
    (jobs / "dos.sbatch").write_text("#!/bin/bash\r\ntrue\r\n")
    (jobs / "huge.sbatch").write_text("#!/bin/bash\n" + "#" * 4_300_000)
    (jobs / "tok1.sbatch").write_text(
        '#!/bin/bash\nuntil [ -e go ]; do sleep 0.02; done\n[ "$SLURM_ARRAY_TASK_ID" != 4 ] || exit 2\n'
    )
    return tmp_path


def submit(fake: FakeSlurm, script: str, *options: str, **kwargs: Any) -> str:
    """Submit a script's text; the id."""
    return fake.run(
        "sbatch", "--parsable", "--output=/dev/null", *options, "--wrap", script, **kwargs
    ).stdout.strip()


def neutral(text: str, folder: str | Path) -> list[str]:
    """Times, durations, memory and priorities without their numbers, as they differ from run to run."""
    text = text.replace(str(folder), "/ws")
    for pattern, word in (
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "TIME"),
        (r"\d\d:\d\d:\d\d\|\d+\|", "SPAN|SECONDS|"),
        (r"\b(\d-)?\d\d:\d\d:\d\d|\b0:\d\d\b", "SPAN"),
        (r"\b\d+K\b", "KB"),
        (r"\bn[1-4]\b", "NODE"),
        (r"Priority=\d+|Sid=\w+:\d+|Scheduler=\w+", "..."),
    ):
        text = re.sub(pattern, word, text)
    return sorted(line.rstrip() for line in text.splitlines() if line.strip())


def recorded(name: str, ending: str = "out") -> str:
    path = RECORDED / f"{name}.{ending}"
    return path.read_text() if path.exists() else ""


# --- answers as recorded ---------------------------------------------------------------------------------------------

ALONE = [
    name
    for name in COMMANDS
    if name
    in ("version", "ping", "partition-unknown", "account-names", "assoc", "assoc-nobody", "qos", "qos-limits")
    or name
    in ("squeue-empty", "sinfo-partitions", "sinfo-default", "sinfo-states", "partitions", "sacct-unknown")
    or (
        name.startswith(("sbatch-refused", "sbatch-test-refused", "squeue-unknown"))
        and name != "sbatch-refused-submit-limit"
    )
    or name in ("scancel-unknown", "scancel-unknown-element", "scancel-no-id", "scancel-quiet-unknown")
    or name in ("scontrol-job-unknown", "scontrol-requeue-unknown")
]


def test_most_of_the_recorded_commands_are_compared() -> None:
    assert len(ALONE) > 40


@pytest.mark.parametrize("name", ALONE)
def test_a_command_alone_answers_exactly_as_the_real_slurm(
    name: str, fake_slurm: FakeSlurm, workspace: Path
) -> None:
    fake_slurm.knobs(cluster="mini")
    answer = fake_slurm.run("bash", "-c", COMMANDS[name], check=False)
    assert answer.stdout == recorded(name)
    assert answer.stderr == recorded(name, "err")
    assert str(answer.returncode) == (recorded(name, "rc").strip() or "0")


def test_a_job_is_tried_as_the_real_sbatch_does(fake_slurm: FakeSlurm) -> None:
    asked = COMMANDS["sbatch-test-now"]
    answer = fake_slurm.run("bash", "-c", asked)
    known, told = recorded("sbatch-test-now", "err"), answer.stderr
    assert [re.sub(r"\d+", "N", text) for text in (told, answer.stdout)] == [re.sub(r"\d+", "N", known), ""]
    fake_slurm.knobs(test_only={"starts_in_s": 90000})
    seconds = fake_slurm.run("env", "SLURM_TIME_FORMAT=%s", "bash", "-c", asked).stderr.split()[6]
    assert float(seconds) > time.time() + 80000
    fake_slurm.knobs(max_submit_jobs=0)
    limited = fake_slurm.run("bash", "-c", asked, check=False)
    assert limited.stderr == recorded("sbatch-test-submit-limit", "err").replace(
        "QOSMaxSubmitJobPerUser", "AssocMaxSubmitJob"
    )
    assert fake_slurm.run("squeue", "-h").stdout == ""


@pytest.mark.parametrize("name", ["sacct-off", "sacctmgr-off"])
def test_without_accounting_the_words_are_the_real_ones(name: str, fake_slurm: FakeSlurm) -> None:
    fake_slurm.knobs(sacct={"off": True})
    answer = fake_slurm.run("bash", "-c", COMMANDS[name], check=False)
    assert (answer.stdout, answer.stderr, answer.returncode) == (recorded(name), recorded(name, "err"), 1)


@pytest.mark.parametrize("program", ["squeue", "sbatch", "scancel", "scontrol", "sinfo"])
def test_with_the_controller_down_the_words_are_the_real_ones(
    program: str, fake_slurm: FakeSlurm, workspace: Path
) -> None:
    name = f"{program}-slurmctld-down"
    fake_slurm.controller_down()
    answer = fake_slurm.run("bash", "-c", COMMANDS[name], check=False)
    assert (answer.stderr, str(answer.returncode)) == (recorded(name, "err"), recorded(name, "rc").strip())
    fake_slurm.controller_up()
    assert fake_slurm.run("sinfo").returncode == 0


def test_the_configuration_has_every_line_of_the_real_one(fake_slurm: FakeSlurm) -> None:
    names = [line.partition("=")[0].strip() for line in recorded("config").splitlines()[1:]]
    shown = fake_slurm.run("scontrol", "show", "config").stdout
    assert [line.partition("=")[0].strip() for line in shown.splitlines()[1:]] == names
    fake_slurm.knobs(max_array_size=101, cluster="hal", max_array_tasks=50)
    shown = fake_slurm.run("scontrol", "show", "config").stdout
    assert re.search(r"^ClusterName             = hal$", shown, re.MULTILINE)
    assert re.search(r"^MaxArraySize            = 101$", shown, re.MULTILINE)
    assert "max_array_tasks=50" in shown


def test_nodes_have_every_field_of_the_real_ones(fake_slurm: FakeSlurm) -> None:
    def fields(text: str) -> list[list[str]]:
        return [re.findall(r"(\w+)=", line) for line in text.splitlines()]

    assert fields(fake_slurm.run("scontrol", "show", "node", "-o").stdout) == fields(recorded("nodes"))


def test_an_array_looks_as_the_real_one_all_its_life(fake_slurm: FakeSlurm, workspace: Path) -> None:
    """Ids, folding, states, reasons, raw ids, accounting: compared with the recordings line by line."""

    def check(*names: str) -> None:
        for name in names:
            shown = fake_slurm.run("bash", "-c", COMMANDS[name]).stdout
            assert neutral(shown, workspace) == neutral(recorded(name), "/ws"), name

    (fake_slurm.folder / "next_id").write_text("17")
    (workspace / ".hyperherd" / "logs" / "slurm").mkdir(parents=True)
    line = recorded("sacct-array-ended").splitlines()[0].rpartition("|")[2]
    fake_slurm.knobs(sacct={"knows_waiting": True})
    assert fake_slurm.run(*shlex.split(line.replace("/ws", str(workspace)))).stdout == "17\n"
    fake_slurm.wait(lambda: fake_slurm.job("17_[0-11]")["reason"] == "JobHeldUser")
    check("squeue-array-held")
    fake_slurm.run("scontrol", "release", "17")
    fake_slurm.wait_state("17_2", "RUNNING")
    fake_slurm.wait(lambda: fake_slurm.job("17_[3-11]")["reason"] == "JobArrayTaskLimit")
    check(
        "squeue-array-running",
        "squeue-array-running-r",
        "squeue-array-all-r",
        "squeue-default",
        "squeue-elements",
    )
    check(
        "sacct-array-running",
        "scontrol-job-element",
        "scontrol-job-element-o",
        "squeue-name",
        "scancel-element",
    )
    check("squeue-array-after-scancel")
    (workspace / "go").touch()
    fake_slurm.wait_idle()
    check("squeue-array-ended", "sacct-array-ended-steps", "sacct-array-ended-default")
    check("squeue-array-ended-all")
    jobs = {job["id"]: job["raw"] for job in fake_slurm.jobs()}
    assert jobs["17_0"] == 18 and jobs["17_11"] == 17


def test_a_filter_with_a_waiting_element_cancels_all_that_wait(fake_slurm: FakeSlurm) -> None:
    submit(fake_slurm, "sleep 60", "--array=0-5%2", "-J", "mine")
    fake_slurm.wait_state("1_1", "RUNNING")
    fake_slurm.run("scancel", "--name=other", "1_4")
    assert fake_slurm.states()["1_5"] == "PENDING"
    fake_slurm.run("scancel", "--name=mine", "1_4")
    assert [fake_slurm.states()[f"1_{index}"] for index in (2, 3, 4, 5)] == ["CANCELLED"] * 4
    assert fake_slurm.states()["1_0"] == "RUNNING"
    shown = fake_slurm.run("squeue", "-h", "-r", "-t", "all", "-o", "%F|%K|%A|%i|%T").stdout
    assert "1|N/A|1|1|CANCELLED\n" in shown
    known = fake_slurm.run(*SACCT, "-j", "1").stdout
    assert "1|1|CANCELLED by 0|0:0|None assigned||allocation" in known


def test_a_filter_on_a_job_that_has_ended_is_an_error_as_recorded(fake_slurm: FakeSlurm) -> None:
    submit(fake_slurm, "true")
    fake_slurm.wait_idle()
    answer = fake_slurm.run("scancel", "--name=other", "1", check=False)
    assert (answer.stderr, answer.returncode) == (recorded("scancel-name-differs", "err"), 1)
    assert fake_slurm.run("scancel", "1").stderr == ""


# --- running ---------------------------------------------------------------------------------------------------------


def test_a_script_runs_with_slurms_environment_and_the_submitters(
    fake_slurm: FakeSlurm, tmp_path: Path
) -> None:
    env = {**fake_slurm.env, "MINE": "a b\nc", "SLURM_RESTART_COUNT": "7"}
    submit(
        fake_slurm,
        f"env -0 > '{tmp_path}/env'",
        "--array=3,5,7",
        "--gres=gpu:2",
        "-c",
        "4",
        "-J",
        "a name",
        env=env,
    )
    fake_slurm.wait_idle()
    shown = dict(item.split("=", 1) for item in (tmp_path / "env").read_text().split("\0") if item)
    raw = next(job["raw"] for job in fake_slurm.jobs() if str(job["task"]) == shown["SLURM_ARRAY_TASK_ID"])
    assert shown["MINE"] == "a b\nc"
    assert shown["SLURM_JOB_ID"] == str(raw)
    assert (shown["SLURM_ARRAY_JOB_ID"], shown["SLURM_ARRAY_TASK_COUNT"]) == ("1", "3")
    assert (shown["SLURM_ARRAY_TASK_MIN"], shown["SLURM_ARRAY_TASK_MAX"]) == ("3", "7")
    assert (shown["SLURM_JOB_NAME"], shown["SLURM_CPUS_PER_TASK"]) == ("a name", "4")
    assert len(shown["CUDA_VISIBLE_DEVICES"].split(",")) == 2
    assert shown["SLURMD_NODENAME"] == shown["SLURM_JOB_NODELIST"]
    assert "SLURM_RESTART_COUNT" not in shown


def test_two_jobs_on_a_node_never_share_a_gpu(fake_slurm: FakeSlurm, tmp_path: Path) -> None:
    told = f'echo "$SLURMD_NODENAME $CUDA_VISIBLE_DEVICES" >> {tmp_path}/gpus'
    script = f"{told}; until [ -e {tmp_path}/go ]; do sleep 0.02; done"
    fake_slurm.knobs(slots=16)
    submit(fake_slurm, script, "--array=0-9", "--gres=gpu:2")
    fake_slurm.wait(lambda: list(fake_slurm.states().values()).count("RUNNING") == 8)
    fake_slurm.wait(lambda: len((tmp_path / "gpus").read_text().splitlines()) == 8)
    taken = [
        f"{node} {gpu}"
        for line in (tmp_path / "gpus").read_text().splitlines()
        for node, gpus in [line.split()]
        for gpu in gpus.split(",")
    ]
    assert len(taken) == len(set(taken)) == 16
    (tmp_path / "go").touch()
    fake_slurm.wait_idle()


def test_options_come_from_the_script_and_the_command_line_wins(
    fake_slurm: FakeSlurm, tmp_path: Path
) -> None:
    script = tmp_path / "job"
    script.write_text(
        "#!/bin/bash\n\n#SBATCH --job-name='from script' --array=0-1\n#SBATCH -p cpu # here\n# SBATCH --hold\n"
        f'#SBATCH --output={tmp_path}/%x.%A.%a.%%.%4a\necho "$0" "$@"\n#SBATCH --hold\n'
    )
    fake_slurm.run("sbatch", "--partition=gpu", "--array", "2", script, "one", "two words")
    fake_slurm.wait_idle()
    assert (tmp_path / "from script.1.2.%.0002").read_text().endswith("script one two words\n")
    assert fake_slurm.run("sacct", "-X", "-n", "-P", "-o", "Partition,JobName").stdout == "gpu|from script\n"


def test_the_output_is_appended_to_or_truncated_as_asked(fake_slurm: FakeSlurm, tmp_path: Path) -> None:
    for mode, expected in (("append", "old\nnew\n"), ("truncate", "new\n")):
        (tmp_path / mode).write_text("old\n")
        fake_slurm.run("sbatch", f"--open-mode={mode}", f"--output={tmp_path}/{mode}", "--wrap", "echo new")
        fake_slurm.wait_idle()
        assert (tmp_path / mode).read_text() == expected


def test_a_job_whose_output_cannot_be_opened_fails_in_silence(fake_slurm: FakeSlurm, tmp_path: Path) -> None:
    fake_slurm.run("sbatch", f"--output={tmp_path}/missing/log", "--wrap", f"touch {tmp_path}/ran")
    fake_slurm.wait_state("1", "FAILED")
    assert not (tmp_path / "ran").exists()
    assert "|FAILED|0:53|" in fake_slurm.run(*SACCT).stdout


def test_the_arrays_id_is_the_raw_id_of_its_last_element(fake_slurm: FakeSlurm) -> None:
    submit(fake_slurm, "true", "--array=0-3")
    submit(fake_slurm, "true", "--hold")
    fake_slurm.wait(lambda: fake_slurm.states()["1_3"] == "COMPLETED")
    raws = [fake_slurm.job(f"1_{index}")["raw"] for index in range(4)]
    assert raws[3] == 1
    assert raws[:3] == sorted(raws[:3]) and min(raws[:3]) > 1


def test_at_most_so_many_elements_run_as_the_array_says(fake_slurm: FakeSlurm, tmp_path: Path) -> None:
    submit(fake_slurm, f"until [ -e {tmp_path}/go ]; do sleep 0.02; done", "--array=0-9%3")
    fake_slurm.wait(lambda: list(fake_slurm.states().values()).count("RUNNING") == 3)
    assert fake_slurm.run("squeue", "-h", "-t", "pd", "-o", "%i %r").stdout == "1_[3-9%3] JobArrayTaskLimit\n"
    (tmp_path / "go").touch()
    fake_slurm.wait_idle()
    assert set(fake_slurm.states().values()) == {"COMPLETED"}


def test_a_failure_keeps_its_exit_code_or_signal(fake_slurm: FakeSlurm) -> None:
    submit(fake_slurm, "exit 7")
    submit(fake_slurm, "kill -SEGV $$")
    fake_slurm.wait_idle()
    assert (
        fake_slurm.run("sacct", "-X", "-n", "-P", "-o", "State,ExitCode").stdout
        == "FAILED|7:0\nFAILED|0:11\n"
    )


def test_afterok_waits_for_success_and_never_starts_after_a_failure(
    fake_slurm: FakeSlurm, tmp_path: Path
) -> None:
    first = submit(fake_slurm, f"until [ -e {tmp_path}/go ]; do sleep 0.02; done")
    second = submit(fake_slurm, "true", f"--dependency=afterok:{first}")
    failed = submit(fake_slurm, "false")
    never = submit(fake_slurm, "true", "-d", f"afterok:{failed}")
    any_way = submit(fake_slurm, "true", "-d", f"afterany:{failed}")
    fake_slurm.wait_state(any_way, "COMPLETED")
    fake_slurm.wait(lambda: fake_slurm.job(never)["reason"] == "DependencyNeverSatisfied")
    assert fake_slurm.job(second)["reason"] == "Dependency"
    (tmp_path / "go").touch()
    fake_slurm.wait_state(second, "COMPLETED")


def test_a_held_job_starts_when_it_is_released(fake_slurm: FakeSlurm) -> None:
    submit(fake_slurm, "true", "--hold")
    fake_slurm.wait(lambda: "JobHeldUser" in fake_slurm.run("squeue", "-h", "-o", "%r").stdout)
    fake_slurm.run("scontrol", "release", "1")
    fake_slurm.wait_state("1", "COMPLETED")


def test_the_time_limit_ends_a_job_and_says_so_in_its_log(fake_slurm: FakeSlurm, tmp_path: Path) -> None:
    fake_slurm.knobs(minute_s=0.3, kill_wait_s=0.2)
    fake_slurm.run(
        "sbatch",
        "--time=1",
        f"--output={tmp_path}/log",
        "--wrap",
        "trap '' TERM; while :; do sleep 0.05; done",
    )
    fake_slurm.wait_state("1", "TIMEOUT")
    assert "CANCELLED AT" in (tmp_path / "log").read_text()
    assert "DUE TO TIME LIMIT ***" in (tmp_path / "log").read_text()


def test_the_warning_before_the_limit_goes_to_the_shell_if_asked_else_to_nobody(
    fake_slurm: FakeSlurm, tmp_path: Path
) -> None:
    fake_slurm.knobs(minute_s=0.6)
    for how in ("B:USR1@30", "USR1@30"):
        script = f"trap 'echo warned > {tmp_path}/{how[0]}; exit 0' USR1; while :; do sleep 0.02; done"
        submit(fake_slurm, script, "--time=1", f"--signal={how}")
    fake_slurm.wait_idle()
    assert sorted(fake_slurm.states().values()) == ["COMPLETED", "TIMEOUT"]
    assert (tmp_path / "B").exists() and not (tmp_path / "U").exists()


def test_the_end_time_of_a_running_job_can_be_moved(fake_slurm: FakeSlurm) -> None:
    submit(fake_slurm, "sleep 60", "--array=0-1")
    fake_slurm.wait_state("1_1", "RUNNING")
    fake_slurm.run("scontrol", "update", "JobId=1_0", "EndTime=now")
    fake_slurm.wait_state("1_0", "TIMEOUT")
    assert fake_slurm.states()["1_1"] == "RUNNING"


# --- cancelling and signals ------------------------------------------------------------------------------------------


def test_cancelling_ends_all_processes_of_a_job_also_those_that_left_its_session(
    fake_slurm: FakeSlurm, tmp_path: Path
) -> None:
    submit(
        fake_slurm, f"setsid sleep 300 & echo $! > {tmp_path}/pid; trap '' TERM; while :; do sleep 0.02; done"
    )
    fake_slurm.knobs(kill_wait_s=0.2)
    pid = int(fake_slurm.wait(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    fake_slurm.run("scancel", "1")
    fake_slurm.wait_state("1", "CANCELLED")
    fake_slurm.wait(lambda: start_time(pid) is None)
    assert "|CANCELLED by 0|0:0|" in fake_slurm.run(*SACCT).stdout


def test_a_signal_goes_to_the_shell_or_to_all_or_to_nobody(fake_slurm: FakeSlurm, tmp_path: Path) -> None:
    script = (
        f"trap 'echo got >> {tmp_path}/got' USR1; echo ready > {tmp_path}/ready; while :; do sleep 0.02; done"
    )
    submit(fake_slurm, script)
    fake_slurm.wait((tmp_path / "ready").exists)
    fake_slurm.run("scancel", "--signal=USR1", "1")
    fake_slurm.run("scancel", "-s", "USR1", "-b", "1")
    fake_slurm.wait((tmp_path / "got").exists)
    assert (tmp_path / "got").read_text() == "got\n"
    assert fake_slurm.states() == {"1": "RUNNING"}


def test_a_refused_scancel_says_so_and_cancels_nothing(fake_slurm: FakeSlurm) -> None:
    submit(fake_slurm, "sleep 60")
    fake_slurm.wait_state("1", "RUNNING")
    fake_slurm.knobs(scancel={"refuse": {"1": "Access/permission denied"}})
    answer = fake_slurm.run("scancel", "1", check=False)
    assert answer.returncode == 1
    assert answer.stderr == "scancel: error: Kill job error on job id 1: Access/permission denied\n"
    assert fake_slurm.states() == {"1": "RUNNING"}


def test_scancel_chooses_by_name_user_and_state(fake_slurm: FakeSlurm) -> None:
    fake_slurm.hold_queue()
    for name in ("a", "b"):
        submit(fake_slurm, "true", "-J", name)
    fake_slurm.run("scancel", "--me", "--name=b", "--state=PENDING")
    assert fake_slurm.states() == {"1": "PENDING", "2": "CANCELLED"}


# --- bad days --------------------------------------------------------------------------------------------------------


def test_a_preempted_job_runs_again_and_counts_its_restarts(fake_slurm: FakeSlurm, tmp_path: Path) -> None:
    submit(fake_slurm, f'echo "${{SLURM_RESTART_COUNT-unset}}" >> {tmp_path}/runs; sleep 60')
    fake_slurm.wait((tmp_path / "runs").exists)
    fake_slurm.preempt("1")
    fake_slurm.wait(lambda: (tmp_path / "runs").read_text() == "unset\n1\n")
    assert fake_slurm.job("1")["history"][0]["state"] == "PREEMPTED"
    states = [line.split("|")[2] for line in fake_slurm.run(*SACCT).stdout.splitlines()]
    assert states == ["PREEMPTED", "RUNNING"]


def test_a_preempted_job_that_must_not_run_again_stays_preempted(fake_slurm: FakeSlurm) -> None:
    submit(fake_slurm, "sleep 60", "--no-requeue")
    fake_slurm.wait_state("1", "RUNNING")
    fake_slurm.preempt("1")
    fake_slurm.wait_state("1", "PREEMPTED")


def test_a_requeued_job_waits_two_minutes_unless_it_is_told_to_start(fake_slurm: FakeSlurm) -> None:
    submit(fake_slurm, "sleep 60", "--array=0-1")
    fake_slurm.wait_state("1_1", "RUNNING")
    fake_slurm.run("scontrol", "requeue", "1_0")
    fake_slurm.wait(lambda: fake_slurm.states()["1_0"] == "PENDING")
    assert fake_slurm.run("squeue", "-h", "-t", "PD", "-o", "%i %r").stdout == "1_0 BeginTime\n"
    assert 115 < fake_slurm.job("1_0")["begin"] - time.time() < 122
    assert [line.split("|")[2] for line in fake_slurm.run(*SACCT, "-j", "1_0").stdout.splitlines()] == [
        "REQUEUED"
    ]
    fake_slurm.run("scontrol", "update", "JobId=1_0", "StartTime=now")
    fake_slurm.wait_state("1_0", "RUNNING")
    assert fake_slurm.job("1_0")["restarts"] == 1
    assert fake_slurm.job("1_1")["restarts"] == 0


def test_requeueing_the_arrays_id_requeues_every_element(fake_slurm: FakeSlurm) -> None:
    submit(fake_slurm, "sleep 60", "--array=0-1")
    fake_slurm.wait_state("1_1", "RUNNING")
    fake_slurm.requeue("1")
    fake_slurm.wait(lambda: [fake_slurm.job(f"1_{index}")["restarts"] for index in (0, 1)] == [1, 1])


def test_requeued_and_cancelled_while_it_waits_stays_requeued_in_the_accounting(
    fake_slurm: FakeSlurm,
) -> None:
    submit(fake_slurm, "sleep 60", "--array=0")
    fake_slurm.wait_state("1_0", "RUNNING")
    fake_slurm.requeue("1_0", start_at_once=False)
    fake_slurm.wait_state("1_0", "PENDING")
    fake_slurm.run("scancel", "1_0")
    lines = [line.split("|")[:3] for line in fake_slurm.run(*SACCT).stdout.splitlines()]
    assert lines == [["1_0", "1", "REQUEUED"], ["1", "1", "CANCELLED by 0"]]
    assert "JobState=CANCELLED" in fake_slurm.run("scontrol", "show", "job", "1").stdout


def test_a_node_can_fail(fake_slurm: FakeSlurm, tmp_path: Path) -> None:
    fake_slurm.run(
        "sbatch", "--no-requeue", f"--output={tmp_path}/log", "--wrap", "trap 'echo told' TERM; sleep 60"
    )
    fake_slurm.wait_state("1", "RUNNING")
    fake_slurm.fail_node("1")
    fake_slurm.wait_state("1", "NODE_FAIL")
    assert (
        "DUE TO NODE FAILURE" in (tmp_path / "log").read_text()
        and "told" not in (tmp_path / "log").read_text()
    )


def test_a_job_can_end_in_any_state(fake_slurm: FakeSlurm, tmp_path: Path) -> None:
    fake_slurm.run("sbatch", f"--output={tmp_path}/log", "--wrap", "sleep 60")
    fake_slurm.wait_state("1", "RUNNING")
    fake_slurm.finish("1", "OUT_OF_MEMORY", signal=125)
    assert "|OUT_OF_MEMORY|0:125|" in fake_slurm.run(*SACCT).stdout
    assert "oom-kill" in (tmp_path / "log").read_text()
    fake_slurm.finish("1", "BOOT_FAIL")
    assert "|BOOT_FAIL|" in fake_slurm.run(*SACCT).stdout


def test_a_vanished_job_is_known_to_no_program(fake_slurm: FakeSlurm) -> None:
    submit(fake_slurm, "sleep 60", "--array=0-1")
    fake_slurm.wait_state("1_1", "RUNNING")
    fake_slurm.vanish("1_0")
    assert fake_slurm.run("squeue", "-h", "-t", "all", "-o", "%i").stdout == "1_1\n"
    assert [line.split("|")[0] for line in fake_slurm.run(*SACCT).stdout.splitlines()] == ["1_1"]
    assert fake_slurm.run("scontrol", "show", "job", "1_0", check=False).returncode == 1


def test_the_accounting_can_be_late_off_failing_forgetful_and_wrong(fake_slurm: FakeSlurm) -> None:
    submit(fake_slurm, "true")
    fake_slurm.wait_idle()

    def states() -> list[str]:
        return [line.split("|")[2] for line in fake_slurm.run(*SACCT).stdout.splitlines()]

    assert states() == ["COMPLETED"]
    fake_slurm.knobs(sacct={"lag_s": 100})
    assert states() == []
    fake_slurm.knobs(sacct={"lag_s": 0, "states": {"1": "FAILED"}})
    assert states() == ["FAILED"]
    fake_slurm.knobs(sacct={"missed_start": ["1"], "states": {}})
    assert fake_slurm.run(*SACCT).stdout == "1|1|COMPLETED|0:0|n1||allocation\n"
    fake_slurm.knobs(sacct={"hide": ["1"]})
    assert states() == []
    fake_slurm.knobs(sacct={"error": "sacct: error: Problem talking to the database: Connection refused"})
    answer = fake_slurm.run(*SACCT, check=False)
    assert (answer.stderr, answer.returncode) == (
        "sacct: error: Problem talking to the database: Connection refused\n",
        1,
    )


def test_an_accounting_that_stands_still_shows_the_attempt_before(fake_slurm: FakeSlurm) -> None:
    submit(fake_slurm, '[ -n "$SLURM_RESTART_COUNT" ]')
    fake_slurm.wait_state("1", "FAILED")
    fake_slurm.knobs(sacct={"frozen_at": time.time()})
    fake_slurm.requeue("1")
    fake_slurm.wait_state("1", "COMPLETED")
    newest = ["sacct", "-XPn", "-o", "State"]
    assert fake_slurm.run(*newest).stdout == "FAILED\n"
    fake_slurm.knobs(sacct={"frozen_at": None})
    assert fake_slurm.run(*newest).stdout == "COMPLETED\n"


def test_squeue_can_fail_miss_a_job_and_show_any_state(fake_slurm: FakeSlurm) -> None:
    fake_slurm.hold_queue()
    submit(fake_slurm, "true", "--array=0-2")
    fake_slurm.knobs(squeue={"hide": ["1"]})
    assert fake_slurm.run("squeue", "-h").stdout == ""
    fake_slurm.knobs(squeue={"hide": [], "states": {"1_[0-2]": "SUSPENDED"}})
    assert fake_slurm.run("squeue", "-h", "-o", "%T %t").stdout == "SUSPENDED S\n"
    fake_slurm.knobs(squeue={"error": "slurm_load_jobs error: Socket timed out on send/recv operation"})
    answer = fake_slurm.run("squeue", check=False)
    assert (answer.stderr, answer.returncode) == (
        "slurm_load_jobs error: Socket timed out on send/recv operation\n",
        1,
    )
    fake_slurm.reset()
    fake_slurm.wait_idle()


@pytest.mark.parametrize("program", ["squeue", "sacct", "sbatch"])
def test_a_program_hangs_until_it_is_let_go(program: str, fake_slurm: FakeSlurm) -> None:
    fake_slurm.knobs(**{program: {"hang": True}})
    argv = ["sbatch", "--wrap", "true"] if program == "sbatch" else [program]
    with subprocess.Popen(argv, env=fake_slurm.env, stdout=subprocess.DEVNULL) as hanging:
        fake_slurm.wait(lambda: fake_slurm.calls(program))
        with pytest.raises(subprocess.TimeoutExpired):
            hanging.wait(0.1)
        fake_slurm.knobs(**{program: {"hang": False}})
        assert hanging.wait(10) == 0


def test_the_answer_of_sbatch_may_have_chatter_around_it(fake_slurm: FakeSlurm) -> None:
    fake_slurm.knobs(
        sbatch={"chatter_before": ["Welcome!", ""], "chatter_after": ["Bye"], "show_cluster": True},
        cluster="hal",
    )
    assert fake_slurm.run("sbatch", "--parsable", "--wrap", "true").stdout == "Welcome!\n\n1;hal\nBye\n"


def test_sbatch_refuses_in_given_words(fake_slurm: FakeSlurm) -> None:
    fake_slurm.knobs(sbatch={"refuse": "Batch job submission failed: Unable to contact slurm controller"})
    answer = fake_slurm.run("sbatch", "--wrap", "true", check=False)
    assert answer.stderr == "sbatch: error: Batch job submission failed: Unable to contact slurm controller\n"
    assert (answer.returncode, fake_slurm.jobs()) == (1, [])


def test_a_slow_sbatch_submits_although_it_and_its_caller_were_killed(
    fake_slurm: FakeSlurm, tmp_path: Path
) -> None:
    fake_slurm.knobs(sbatch={"delay_s": [0.3, 0.3], "delay_when": "before"})
    argv = ["sbatch", "--output=/dev/null", "--wrap", f"touch {tmp_path}/ran"]
    with subprocess.Popen(argv, env=fake_slurm.env, stdout=subprocess.PIPE, start_new_session=True) as slow:
        fake_slurm.wait(lambda: fake_slurm.calls("sbatch"))
        os.killpg(slow.pid, 9)
    assert fake_slurm.jobs() == []
    fake_slurm.wait((tmp_path / "ran").exists)


def test_a_slow_sbatch_answers_after_the_job_exists(fake_slurm: FakeSlurm) -> None:
    fake_slurm.knobs(sbatch={"delay_s": [0.4, 0.4], "delay_when": "after"})
    with subprocess.Popen(
        ["sbatch", "--parsable", "--output=/dev/null", "--wrap", "true"],
        env=fake_slurm.env,
        stdout=subprocess.PIPE,
    ) as slow:
        fake_slurm.wait(fake_slurm.jobs)
        assert slow.poll() is None and slow.stdout
        assert slow.stdout.read() == b"1\n"


def test_a_full_qos_refuses_in_the_real_words(fake_slurm: FakeSlurm, workspace: Path) -> None:
    fake_slurm.hold_queue()
    submit(fake_slurm, "true", "--qos=short", "--array=0-9")
    answer = fake_slurm.run("bash", "-c", COMMANDS["sbatch-refused-submit-limit"], check=False)
    assert (answer.stderr, answer.returncode) == (recorded("sbatch-refused-submit-limit", "err"), 1)


def test_limits_refuse_or_make_wait(fake_slurm: FakeSlurm) -> None:
    fake_slurm.hold_queue()
    fake_slurm.knobs(max_submit_jobs=3, max_array_size=11)
    submit(fake_slurm, "true", "--array=0-2")
    answer = fake_slurm.run("sbatch", "--wrap", "true", check=False)
    assert answer.stderr.startswith("sbatch: error: AssocMaxSubmitJobLimit\n")
    fake_slurm.knobs(max_submit_jobs=None, max_job_count=3)
    with subprocess.Popen(
        ["sbatch", "--output=/dev/null", "--wrap", "true"],
        env=fake_slurm.env,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as full:
        assert full.stderr
        assert (
            full.stderr.readline()
            == b"sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying\n"
        )
        fake_slurm.release_queue()
        assert full.wait(10) == 0
    fake_slurm.wait_idle()
    assert fake_slurm.run("sbatch", "--array=0,11", "--wrap", "true", check=False).returncode == 1


# --- the programs ----------------------------------------------------------------------------------------------------


def test_squeue_prints_columns_as_wide_as_asked(fake_slurm: FakeSlurm) -> None:
    fake_slurm.hold_queue()
    submit(fake_slurm, "true", "--array=0-3", "-J", "longer-than-that", "--comment=tok")
    assert fake_slurm.run("squeue", "-h", "-o", "%.6F|%8j|%k").stdout == "     1|longer-t|tok\n"
    assert (
        fake_slurm.run("squeue", "-h", "-O", "JobArrayID:6,ArrayTaskID:.8,Cluster").stdout
        == "1          0-3fake                \n"
    )
    assert fake_slurm.run("squeue", "-h", "-r", "-j", "1_[1,3]", "-o", "%i").stdout == "1_1\n1_3\n"


def test_times_are_printed_as_asked(fake_slurm: FakeSlurm) -> None:
    submit(fake_slurm, "true")
    fake_slurm.wait_idle()
    env = {**fake_slurm.env, "SLURM_TIME_FORMAT": "%s"}
    assert (
        abs(int(fake_slurm.run("sacct", "-X", "-n", "-P", "-o", "Submit", env=env).stdout) - time.time()) < 60
    )
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\n", fake_slurm.run("squeue", "-h", "-t", "all", "-o", "%V").stdout
    )


def test_sacct_shows_only_what_lived_after_its_start(fake_slurm: FakeSlurm) -> None:
    submit(fake_slurm, "true")
    fake_slurm.wait_idle()
    assert fake_slurm.run(*SACCT, "-S", "now+1hours").stdout == ""
    assert fake_slurm.run(*SACCT, "-S", "now-1hours").stdout.startswith("1|1|COMPLETED")


def test_every_call_is_counted_with_its_words(fake_slurm: FakeSlurm) -> None:
    fake_slurm.run("squeue", "-h", "--me")
    fake_slurm.run("sinfo")
    assert [call["argv"] for call in fake_slurm.calls("squeue")] == [["-h", "--me"]]
    assert [call["program"] for call in fake_slurm.calls()] == ["squeue", "sinfo"]


def test_an_unknown_knob_is_refused(fake_slurm: FakeSlurm) -> None:
    with pytest.raises(ValueError, match=r"no such knob: sacct\.of;"):
        fake_slurm.knobs(sacct={"of": True})


def test_many_submissions_at_once_get_different_ids(fake_slurm: FakeSlurm) -> None:
    argv = ["sbatch", "--parsable", "--output=/dev/null", "--wrap", "true"]
    started = [subprocess.Popen(argv, env=fake_slurm.env, stdout=subprocess.PIPE) for _ in range(8)]
    answers = [process.communicate(timeout=20)[0] for process in started]
    assert len(set(answers)) == 8
    fake_slurm.wait_idle()


def test_the_runner_ends_by_itself_when_no_job_is_left(fake_slurm: FakeSlurm, tmp_path: Path) -> None:
    submit(fake_slurm, f"until [ -e {tmp_path}/go ]; do sleep 0.05; done")
    runner = json.loads((fake_slurm.folder / "runner.json").read_text())
    (tmp_path / "go").touch()
    fake_slurm.wait(lambda: not processes.alive(runner["pid"], runner["start"]))
    submit(fake_slurm, "true")
    fake_slurm.wait_state("2", "COMPLETED")


def test_closing_leaves_no_process_behind(tmp_path: Path) -> None:
    fake = FakeSlurm(tmp_path / "cluster")
    try:
        submit(fake, f"setsid sleep 300 & echo $! > {tmp_path}/pid; sleep 300", "--array=0-1")
        fake.wait(lambda: list(fake.states().values()) == ["RUNNING"] * 2)
        pid = int(fake.wait(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
        runner = json.loads((fake.folder / "runner.json").read_text())
    finally:
        fake.close()
    assert start_time(pid) is None
    assert not processes.alive(runner["pid"], runner["start"])
    assert processes.of_folder(str(fake.folder)) == set()


def test_a_cluster_whose_test_was_killed_ends_by_itself(fake_slurm: FakeSlurm, tmp_path: Path) -> None:
    test = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from fakeslurm.fixture import FakeSlurm\n"
        "fake = FakeSlurm(sys.argv[2]); fake.run('sbatch', '--output=/dev/null', '--wrap', 'sleep 300')\n"
        "fake.wait_state('1', 'RUNNING'); os._exit(1)"
    )
    folder = tmp_path / "cluster"
    subprocess.run(
        [sys.executable, "-c", test, str(Path(__file__).parent), str(folder)], check=False, timeout=30
    )
    fake_slurm.wait(lambda: not processes.of_folder(str(folder)))


@given(st.sets(st.integers(0, 2000), min_size=1))
def test_folding_keeps_every_index(indices: set[int]) -> None:
    assert arrays.parse(arrays.fold(indices)) == (sorted(indices), 0)


@given(st.sets(st.integers(0, 200), min_size=1), st.integers(0, 9))
def test_the_expression_shown_means_the_same_indices(indices: set[int], limit: int) -> None:
    assert arrays.parse(arrays.shown(indices, limit, longest=0)) == (sorted(indices), limit)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (
            "1,3,5,8,10,13,15,18,20,23,25,28,30,33,35,38,40,43,45,48,50,53,55,58,60,63%2",
            "1,3,5,8,10,13,15,18,20,23,25,28,30,33,35,38,40,43,45,48,50,5...%2",
        ),
        (
            "100-120,130,133,135,140,143,150,153,160,163,170,173,180,183,190,193",
            "100-120,130,133,135,140,143,150,153,160,163,170,173,180,183,...",
        ),
        ("0-40:2", "0-40:2"),
        ("1-9:2", "1,3,5,7,9"),
        ("0-10:2", "0,2,4,6,8,10"),
    ],
)
def test_long_and_stepped_arrays_are_written_as_the_real_squeue_writes_them(
    asked: str, expected: str
) -> None:
    """Seen on 22.05.8 with ``squeue -o %K``."""
    assert arrays.shown(*arrays.parse(asked)) == expected


def test_a_long_array_is_cut_in_the_id_without_a_sign_as_seen(fake_slurm: FakeSlurm) -> None:
    submit(
        fake_slurm,
        "true",
        "--hold",
        "--array=1,3,5,8,10,13,15,18,20,23,25,28,30,33,35,38,40,43,45,48,50,53,55",
    )
    assert fake_slurm.run("squeue", "-h", "-o", "%i").stdout == "1_[1,3,5,8,10,13,15,18,20,23,25\n"
    env = {**fake_slurm.env, "SLURM_BITSTR_LEN": "0"}
    assert fake_slurm.run("squeue", "-h", "-o", "%K", env=env).stdout.endswith(",50,53,55\n")


@pytest.mark.parametrize("text", ["", "a", "3-1", "1-", "-1", "1,,2", "1:0", "1-5:0"])
def test_what_is_no_array_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        arrays.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90), ("1:30", 2), ("02:00:00", 120), ("1-12", 2160), ("1-0:5", 1445), ("2-1:2:3", 2943)],
)
def test_time_limits_are_read_in_each_of_slurms_forms(text: str, expected: int) -> None:
    assert words.minutes(text) == expected
