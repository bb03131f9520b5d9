"""What this machine runs, how many at once, and in what environment."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from hyperherd.errors import SubmissionRefusedError
from hyperherd.jobs import Phase, Request

from .machine import Sweep, until

OVERLAPPING = 'say "+ $i ${CUDA_VISIBLE_DEVICES-none}"; sleep 0.05; say "- $i ${CUDA_VISIBLE_DEVICES-none}"'


def at_once(lines: list[str]) -> int:
    """The most that ran at the same time, from lines that begin with + and -."""
    return max(accumulate(1 if line.startswith("+") else -1 for line in lines))


def test_every_trial_runs_once_in_the_order_of_indices(sweep: Sweep) -> None:
    sweep.says('say "$i $1 $PWD"')
    job = sweep.submit("t", [4, 7, 9], at_once=1)
    sweep.finish(job)
    assert sweep.said() == [f"{i} lr={i} {sweep.root}/folder" for i in (4, 7, 9)]
    assert sweep.words(job) == ["COMPLETED"] * 3


def test_a_submission_without_a_word_leaves_no_log_of_its_own(sweep: Sweep) -> None:
    job = sweep.submit("t", 2)
    sweep.finish(job)
    assert list((sweep.root / "logs" / "local").iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs Linux's /proc")
def test_ps_shows_a_short_command_that_names_the_trial(sweep: Sweep) -> None:
    """The bash that runs a trial and notes its end; what it runs is not in the trial's environment either."""
    sweep.says('tr "\\0" " " </proc/$PPID/cmdline >"$PWD/shown"; env >"$PWD/env"')
    job = sweep.submit("t", [3])
    sweep.finish(job)
    (shown,) = sweep.root.rglob("shown")
    assert "trial 3" in shown.read_text() and len(shown.read_text()) < 120
    assert "HYPERHERD_TEXT" not in shown.with_name("env").read_text()


def test_exit_codes_and_what_was_used_are_told(sweep: Sweep) -> None:
    sweep.says("exit $i")
    job = sweep.submit("t", [0, 3])
    sweep.finish(job)
    assert {i: state.exit_code for i, state in sweep.poll(job).items()} == {0: 0, 3: 3}
    used = sweep.direct.usage([job])[job.token]
    assert {i: u.exit_code for i, u in used.items()} == {0: 0, 3: 3}
    assert all(u.elapsed_s for u in used.values())


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs Linux's /proc")
def test_memory_is_the_trials_not_the_supervisors(sweep: Sweep) -> None:
    sweep.says(
        f'''((i == 0)) && exit; "{sys.executable}" -c "x = bytearray(64 << 20); x[::4096] = x[::4096]"'''
    )
    job = sweep.submit("t", [0, 1])
    sweep.finish(job)
    used = sweep.direct.usage([job])[job.token]
    assert used[0].max_rss_bytes is None  # less than the supervisor: nobody can tell
    assert 64 << 20 < (used[1].max_rss_bytes or 0) < 96 << 20


def test_no_more_run_at_once_than_asked_for(sweep: Sweep) -> None:
    sweep.says(OVERLAPPING)
    sweep.finish(sweep.submit("t", 12, at_once=3))
    assert at_once(sweep.said()) <= 3
    assert len(sweep.said()) == 24


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux's affinity")
def test_no_more_run_at_once_than_cores_may_be_used(sweep: Sweep) -> None:
    sweep.says(OVERLAPPING)
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        job = sweep.submit("t", 4)
    finally:
        os.sched_setaffinity(0, allowed)
    sweep.finish(job)
    assert at_once(sweep.said()) == 1


def test_two_sweeps_share_the_cores_of_one_host(make_sweep: Callable[[str], Sweep]) -> None:
    one, other = make_sweep("one"), make_sweep("other")
    lines = one.root.parent / "both"
    for sweep in (one, other):
        sweep.says(f'echo "+ $i" >>{lines}; sleep 0.03; echo "- $i" >>{lines}')
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    jobs = [(sweep, sweep.submit(f"t{k}", 3 * cores)) for k, sweep in enumerate((one, other))]
    for sweep, job in jobs:
        sweep.finish(job)
    both = lines.read_text().splitlines()
    assert len(both) == 12 * cores
    assert at_once(both) <= cores


def test_two_sweeps_are_never_given_one_gpu(
    make_sweep: Callable[[str], Sweep], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    sweeps = [make_sweep("one"), make_sweep("other")]
    lines = sweeps[0].root.parent / "gpus"
    jobs = []
    for k, sweep in enumerate(sweeps):
        sweep.says(f'g=$CUDA_VISIBLE_DEVICES; echo "+$g" >>{lines}; sleep 0.03; echo "-$g" >>{lines}')
        jobs.append(sweep.submit(f"t{k}", 5, at_once=4, request=Request(gpus=1)))
    for sweep, job in zip(sweeps, jobs, strict=True):
        sweep.finish(job)
    given = lines.read_text().splitlines()
    assert len(given) == 20
    for gpu in "01":
        mine = [line[0] for line in given if line[1:] == gpu]
        assert "".join(mine) == "+-" * (len(mine) // 2)


def test_a_gpu_stays_taken_when_the_supervisor_that_gave_it_is_killed(
    make_sweep: Callable[[str], Sweep], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    one, other = make_sweep("one"), make_sweep("other")
    one.says('say here; until [[ -e "$LOG.go" ]]; do sleep 0.02; done; say gone')
    first = one.submit("t0", 1, request=Request(gpus=1))
    until(one.said, "the first trial")
    os.kill(one.supervisor(first).pid, 9)
    other.says(f'say "$CUDA_VISIBLE_DEVICES $(tail -n1 {one.log})"')
    second = other.submit("t1", 1, request=Request(gpus=1))
    assert other.phases(second) == {Phase.QUEUED}
    (one.root / "log.go").touch()
    other.finish(second)
    assert other.said() == ["3 gone"]


def test_a_sweep_that_asks_for_no_gpu_sees_what_it_saw(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,GPU-8d1a")
    sweep.says('say "$CUDA_VISIBLE_DEVICES"')
    sweep.finish(sweep.submit("t", 1))
    assert sweep.said() == ["5,GPU-8d1a"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gpus": 3}, r"asks for 3 GPUs, and 2 can be used here \(CUDA_VISIBLE_DEVICES=0,1\)"),
        ({"nodes": 2}, "asks for 2 nodes, and this machine is one"),
    ],
)
def test_what_the_machine_does_not_have_is_refused_in_words(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], words: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert re.search(words, "".join(sweep.direct.check(sweep.batch("t", 1, request=Request(**options)))))
    with pytest.raises(SubmissionRefusedError, match=words):
        sweep.submit("t", 1, request=Request(**options))
    assert not sweep.files("t").register.exists()


def test_options_of_a_cluster_mean_nothing_here(sweep: Sweep) -> None:
    assert not sweep.direct.check(
        sweep.batch("t", 1, request=Request(time_s=3600, nodes=1, native={"partition": "gpu"}))
    )


def test_a_trial_sees_nothing_of_an_allocation_or_a_trial_around_it(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SLURM_JOB_ID", "SLURM_RESTART_COUNT", "SBATCH_PARTITION", "HYPERHERD_PARAMS"):
        monkeypatch.setenv(name, "9")
    sweep.says(
        'say "$(compgen -v SLURM_) $(compgen -v SBATCH_) ${HYPERHERD_PARAMS-none} $SLURM_ARRAY_TASK_ID"'
    )
    sweep.finish(sweep.submit("t", [6]))
    assert sweep.said() == ["SLURM_ARRAY_TASK_ID  none 6"]


def test_numeric_libraries_get_their_share_of_the_cores_unless_the_user_says_otherwise(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "77")
    (sweep.root / ".env").write_text("MKL_NUM_THREADS=88\n")
    sweep.says('say "$OMP_NUM_THREADS $MKL_NUM_THREADS $OPENBLAS_NUM_THREADS"')
    sweep.finish(sweep.submit("t", 3, at_once=10_000))
    assert set(sweep.said()) == {"77 88 1"}


def test_any_path_is_a_workspace(make_sweep: Callable[[str], Sweep]) -> None:
    sweep = make_sweep("a 'b' \"c\" $d %e `f`\n*é")
    sweep.says('say "$i"')
    job = sweep.submit("t", 3)
    sweep.finish(job)
    assert sorted(sweep.said()) == ["0", "1", "2"]
    assert sweep.words(job) == ["COMPLETED"] * 3
    assert sorted(os.listdir(sweep.root / "logs")) == [
        "0.err",
        "0.out",
        "1.err",
        "1.out",
        "2.err",
        "2.out",
        "local",
    ]


def test_modules_that_lie_in_the_users_folder_are_not_imported(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "msgspec.py").write_text("raise SystemExit('not this one')\n")
    monkeypatch.chdir(tmp_path)
    job = sweep.submit("t", 1)
    sweep.finish(job)
    assert sweep.words(job) == ["COMPLETED"]


def test_values_too_long_for_an_argument_list_still_reach_the_trial(sweep: Sweep) -> None:
    sweep.says('say "${#A} ${#B}"')
    batch = sweep.batch("t", 1)
    long = (("A", "x" * 90_000), ("B", "y" * 90_000))
    sweep.finish(sweep.submit("t", 1, variables=long))
    assert sweep.said() == ["90000 90000"]
    assert batch.elements[0].number == 0


def test_nothing_starts_before_the_command_it_waits_for_has_succeeded(sweep: Sweep) -> None:
    sweep.says('say "$i"')
    waits = ("bash", "-c", f"until [[ -e {sweep.root}/go ]]; do sleep 0.02; done; echo over >>{sweep.log}")
    job = sweep.submit("t", 2, after=waits)
    assert sweep.phases(job) == {Phase.QUEUED}
    (sweep.root / "go").touch()
    sweep.finish(job)
    assert sweep.said()[0] == "over"
    assert sorted(sweep.said()) == ["0", "1", "over"]


@pytest.mark.parametrize("command", [("bash", "-c", "exit 5"), ("no-such-program",)])
def test_trials_are_cancelled_with_a_reason_when_the_command_they_wait_for_fails(
    sweep: Sweep, command: tuple[str, ...]
) -> None:
    sweep.says('say "$i"')
    job = sweep.submit("t", 2, after=command)
    sweep.finish(job)
    assert sweep.said() == []
    assert sweep.words(job) == ["CANCELLED", "CANCELLED"]
    assert "the 2 trials that waited for it are cancelled" in sweep.log_of(job)
