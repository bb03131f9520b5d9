"""The parsers, against what a real Slurm 22.05 printed (tests/recorded)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperherd import units
from hyperherd.attempts.filenames import Unit
from hyperherd.jobs import Job, Offer, Phase
from hyperherd.launchers.slurm import (
    batch_check,
    element_states,
    option_check,
    options,
    parse,
    site,
    state_words,
)

RECORDED = Path(__file__).parents[1] / "recorded" / "slurm-22.05"


def recorded(name: str) -> str:
    return (RECORDED / f"{name}.out").read_text()


def test_the_recorded_configuration_has_the_limits() -> None:
    found = batch_check.of(parse.settings(recorded("config")))
    assert (found.cluster, found.max_array_size, found.max_array_tasks) == ("mini", 1001, 1001)
    assert found.max_script_bytes == 4 * 2**20
    assert found.accounting
    assert "associations" in found.enforced


@pytest.mark.parametrize("name", ["sbatch-parsable", "sbatch-parsable-cluster", "sbatch-plain"])
def test_the_recorded_answers_of_sbatch_name_a_job(name: str) -> None:
    assert (parse.submitted_id(recorded(name)) or "").isdigit()


def test_every_recorded_accounting_row_of_an_element_is_read() -> None:
    line = recorded("sacct-failed").splitlines()[0].split("|")
    text = (
        "|".join([line[0], line[2], line[3], line[5], line[6], line[7], line[9], line[12], "", line[-1]])
        + "\n"
    )
    (row,) = parse.accounting(text, {"33"})
    assert (row.indices, row.word, row.exit_code, row.signal) == ((0,), "FAILED", 7, None)
    assert row.node == "n1" and row.shown.startswith("hyperherd_demo|")
    assert row.submitted_at is not None and row.started_at is not None and row.ended_at is not None


def test_recorded_steps_carry_the_memory_used() -> None:
    rows = []
    for line in recorded("sacct-steps").splitlines():
        job, word, _, elapsed, most, mean, asked, _, code = line.split("|")
        rows.append("|".join([job, word, code, elapsed, most, mean, asked, "||"]))
    (used,) = element_states.used(job_of("39", {5: 0}), parse.usage("\n".join(rows), {"37", "39"})).values()
    assert (used.word, used.elapsed_s, used.exit_code) == ("COMPLETED", 6, 0)
    assert (used.max_rss_bytes, used.req_mem_bytes) == (12240 * 1024, 500 * 2**20)


def test_the_partitions_and_accounts_recorded_are_read() -> None:
    assert [(p.name, p.limit_s, p.default, p.tier) for p in site.partitions(recorded("partitions"))] == [
        ("gpu", 7 * 86400, True, 10),
        ("cpu", 7 * 86400, False, 10),
        ("preempt", 7 * 86400, False, 1),
    ]
    text = "".join(f"{line}||\n" for line in recorded("assoc").splitlines())
    assert [(a.account, a.qos) for a in site.associations(text)] == [
        ("main", ("normal", "short")),
        ("root", ("normal", "short")),
    ]


def test_the_nodes_recorded_are_read() -> None:
    found = site.nodes(recorded("nodes"))
    assert [node.name for node in found] == ["n1", "n2", "n3", "n4"]
    for node in found:
        assert (node.cpus, node.memory, node.usable) == (16, 20000 * 2**20, True)
        assert node.gres == (site.Gres("gpu", "t4", 4),)
        assert (node.partitions, node.features) == (("gpu", "cpu", "preempt"), ())


def job_of(job_id: str, array: dict[int, int]) -> Job:
    offers = {number: Offer(Unit(trial), 1) for trial, number in array.items()}
    return Job("t", "hyperherd_a", job_id, "c", 0, None, offers)  # type: ignore[arg-type]


def polled(job: Job, squeue: str, sacct: str, claimed: tuple[int, ...] = ()) -> dict[int, tuple[Phase, str]]:
    queued = element_states.of_queue(job, parse.queue(squeue, {job.job_id or ""}), lambda: False)
    rows = tuple(parse.accounting(sacct, {job.job_id or ""}))
    joined = element_states.joined(
        job, queued, element_states.Accounting(rows, ""), lambda index: index in claimed, lambda: False
    )
    return {index: (state.phase, state.word) for index, state in joined.items()}


def test_of_several_attempts_the_newest_counts() -> None:
    sacct = (
        "9_0|FAILED|1:0|200|200|210|n1|hyperherd_a||sbatch /t.sbatch\n"
        "9_0|PREEMPTED|0:0|100|100|110|n1|hyperherd_a||sbatch /t.sbatch\n"
        "9_0|REQUEUED|0:0|150|150|160|n1|hyperherd_a||sbatch /t.sbatch\n"
    )
    assert polled(job_of("9", {0: 0}), "", sacct) == {0: (Phase.ENDED, "FAILED")}


def test_requeued_in_accounting_and_gone_from_the_queue_is_not_live() -> None:
    sacct = "9_0|REQUEUED|0:0|100|100|110|n1|hyperherd_a||sbatch /t.sbatch\n"
    assert polled(job_of("9", {0: 0}), "", sacct) == {0: (Phase.ABSENT, "REQUEUED")}


def test_requeued_and_then_cancelled_while_it_waited_is_cancelled() -> None:
    sacct = (
        "51_0|REQUEUED|0:0|100|100|110|n1|hyperherd_a||sbatch /t.sbatch\n"
        "51|CANCELLED by 0|0:0|110|110|110|None assigned|allocation||\n"
    )
    assert polled(job_of("51", {0: 0}), "", sacct, (0,)) == {0: (Phase.ENDED, "CANCELLED")}


@pytest.mark.parametrize("squeue", ["", "9|0|FAILED|90|100|110|n1|NonZeroExitCode|hyperherd_a|t|/t.sbatch\n"])
def test_of_a_job_that_has_failed_an_exit_code_of_0_is_none_that_was_heard(squeue: str) -> None:
    job = job_of("9", {0: 0})
    queued = element_states.of_queue(job, parse.queue(squeue, {"9"}), lambda: False)
    for code, exit_code in (("0:0", None), ("3:0", 3)):
        rows = tuple(
            parse.accounting(f"9_0|FAILED|{code}|100|100|110|n1|hyperherd_a||sbatch /t.sbatch\n", {"9"})
        )
        state = element_states.joined(
            job, queued, element_states.Accounting(rows, ""), lambda index: True, lambda: False
        )[0]
        assert (state.word, state.exit_code) == ("FAILED", exit_code)


def test_a_live_row_wins_over_everything() -> None:
    squeue = "9|0|FAILED|90|100|110|n1|NonZeroExitCode|hyperherd_a|t|/t.sbatch\n"
    squeue += "9|0|PENDING|90|N/A|N/A||BeginTime|hyperherd_a|t|/t.sbatch\n"
    sacct = "9_0|COMPLETED|0:0|100|100|110|n1|hyperherd_a||sbatch /t.sbatch\n"
    assert polled(job_of("9", {0: 0}), squeue, sacct) == {0: (Phase.QUEUED, "PENDING")}


def test_what_began_and_is_gone_is_absent_and_what_never_began_was_cancelled() -> None:
    squeue = "9|3|RUNNING|90|100|900|n1|None|hyperherd_a|t|/t.sbatch\n"
    got = polled(job_of("9", {10: 1, 20: 2, 30: 3}), squeue, "", claimed=(1, 3))
    assert got == {
        1: (Phase.ABSENT, ""),
        2: (Phase.ENDED, "CANCELLED"),
        3: (Phase.RUNNING, "RUNNING"),
    }


@given(st.sets(st.integers(0, 5000)))
def test_a_folded_array_expression_unfolds_to_the_same_indices(numbers: set[int]) -> None:
    assert parse.indices(units.folded(numbers)) == tuple(sorted(numbers))


@given(st.integers(1, 10**8))
def test_a_time_limit_is_read_back_as_it_was_written(seconds: int) -> None:
    assert units.seconds_of_limit(units.limit(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "4hours", "1:2:3:4", "-1:2", "1-", "a-1", "１"])
def test_what_is_no_time_limit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a time limit"):
        units.seconds_of_limit(text)


def test_all_words_of_squeue_and_sacct_mean_something() -> None:
    words = (
        "BOOT_FAIL CANCELLED COMPLETED CONFIGURING COMPLETING DEADLINE FAILED NODE_FAIL OUT_OF_MEMORY PENDING "
        "PREEMPTED RUNNING RESV_DEL_HOLD REQUEUE_FED REQUEUE_HOLD REQUEUED RESIZING REVOKED SIGNALING "
        "SPECIAL_EXIT STAGE_OUT STOPPED SUSPENDED TIMEOUT"
    )
    assert len(words.split()) == 24
    assert Phase.UNKNOWN not in {state_words.phase_in_queue(word) for word in words.split()}


@pytest.mark.parametrize(
    ("given_options", "says"),
    [
        ({"cpus_per_task": "four"}, "not a whole number"),
        ({"exclusive": ""}, "it is empty"),
        ({"requeue": "yes"}, "neither true nor false"),
        ({"gres": True}, "it needs a value"),
        ({"cpus-per-task": 1}, "write cpus_per_task"),
        ({"patition": "x"}, "did you mean 'partition'?"),
        ({"array": "1-3"}, "max_concurrent"),
        ({"constraint": "a\n#SBATCH --uid=0"}, "line break"),
        ({"mem": "1.5 GB"}, "write '1536M'"),
    ],
)
def test_an_option_that_sbatch_would_refuse_is_told_with_the_right_form(
    given_options: dict[str, str | int | bool], says: str
) -> None:
    (fault,) = options.faults(given_options)
    assert fault.where.startswith("slurm.")
    assert says in str(fault)


def test_absent_options_give_no_fault_and_no_line() -> None:
    given_options = {"requeue": False, "qos": None}
    assert (options.faults(given_options), options.lines(given_options)) == ([], [])


@pytest.mark.parametrize("text", ['--mail-user="a -o b"', "--exclusive # -o x", "-x n1 -H"])
def test_raw_options_that_only_look_like_those_are_taken(text: str) -> None:
    assert list(option_check.faults({"extra_args": [text]})) == []
