"""Sweeps that say what they require, or name a preset: where their trials go, and that each still runs once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from .conftest import here, on_the_fake_slurm
from .herd import GATE, Herd
from .test_choosing import AT_ONCE
from .test_machines import configuration

HOSTS = """\
hosts:
  small: {partition: cpu, cores: 8, memory: 64GiB, priority: 1}
  big: {partition: gpu, cores: 64, memory: 400GiB, accelerators: {memory: 80GiB, count: 4}, account: main, qos: short}
"""
TWO = """\
requires: cpu(cores=1)
conditions:
  - {name: large, when: {x: [2, 3]}, requires: duration=30m & cuda(mem=40GiB) * 2}
"""


@pytest.fixture
def herd(make: Callable[..., Herd]) -> Herd:
    """Two kinds of machines are described."""
    herd = make()
    (configuration(herd) / "launchers.yaml").write_text(HOSTS)
    return herd


def scripts(herd: Herd) -> list[list[str]]:
    """The #SBATCH lines of each submission that a run would make."""
    document = herd.json("run", "-n")
    texts = [one["sbatch_script"] for one in document.get("submissions") or [document]]
    return [[line for line in text.splitlines() if line.startswith("#SBATCH")] for text in texts]


def refused(herd: Herd, *options: str, code: int = 1) -> str:
    """What a run says that changes nothing, neither as a dry one nor as a real one."""
    before = herd.content()
    dry = herd("run", "-n", *options, code=code)
    assert (dry.stdout, herd.content()) == ("", before)
    said = herd("run", *options, code=code).stderr
    assert not {"manifest.json", "job_ids.json"} & {
        Path(name).name for name in herd.content().keys() - before.keys()
    }
    assert not [name for name in herd.content().keys() - before.keys() if name.endswith(".sbatch")]
    assert herd.lines() == []
    return said


# --- where they go ---------------------------------------------------------------------------------------------------


@on_the_fake_slurm
def test_a_sweep_goes_where_what_it_requires_is(herd: Herd) -> None:
    herd.describe([1, 2], "requires: duration=30m & cuda(mem=40GiB) * 2\n")
    herd.launch()
    (lines,) = scripts(herd)
    assert {
        "#SBATCH --partition=gpu",
        "#SBATCH --account=main",
        "#SBATCH --qos=short",
        "#SBATCH --gpus-per-node=2",
        "#SBATCH --time=00:30:00",
    } <= set(lines)
    said = herd("run", "--wait").stderr
    assert "2 trials (0-1) -> big" in said
    assert [len(line.gpus.split(",")) for line in herd.lines()] == [2, 2]


@on_the_fake_slurm
def test_a_condition_sends_some_elsewhere_in_a_submission_of_their_own(herd: Herd) -> None:
    herd.describe([1, 2, 3, 4], TWO)
    herd.launch()
    assert [
        sorted({"cpu", "gpu"} & {line.partition("partition=")[2] for line in each}) for each in scripts(herd)
    ] == [["cpu"], ["gpu"]]
    said = herd("run", "--wait").stderr
    assert "2 trials (0,3) -> small" in said and "2 trials (1-2) -> big" in said
    assert herd.started() == [0, 1, 2, 3]
    assert {line.trial: bool(line.gpus) for line in herd.lines()} == {0: False, 1: True, 2: True, 3: False}
    records = [(one["indices"], one["host"], one["requires"]) for one in herd.job_ids()]
    need = str(TWO.partition("30m & ")[2].partition("}")[0])
    assert records == [([0, 3], "small", "cpu(cores=1)"), ([1, 2], "big", f"duration=30m & {need}")]
    shown = herd.json("show", "1")
    assert (shown["host"], shown["requires"]) == ("big", f"duration=30m & {need}")
    assert "big" in herd("show", "1").stdout and need in herd("show", "1").stdout


@on_the_fake_slurm
def test_what_the_sweep_and_the_command_line_ask_for_stands_above_the_machine(herd: Herd) -> None:
    herd.describe([1], "requires: cuda() & cpu(mem=8GiB)\nslurm: {qos: normal, mem_per_cpu: 1G}\n")
    herd.launch()
    (lines,) = scripts(herd)
    assert "#SBATCH --qos=normal" in lines and "#SBATCH --mem-per-cpu=1G" in lines
    assert not [line for line in lines if line.startswith("#SBATCH --mem=")]
    document = herd.json("run", "-n", "--slurm", "qos=", "--slurm", "time=5")
    assert "--qos" not in document["sbatch_script"] and "#SBATCH --time=5\n" in document["sbatch_script"]


@here
def test_on_this_machine_what_is_required_is_what_is_reserved(herd: Herd) -> None:
    (configuration(herd) / "launchers.yaml").write_text(
        "hosts: {desk: {launcher: local, cores: 4, accelerators: {memory: 8GiB, count: 2}}}"
    )
    herd.describe([1, 2, 3], "requires: cuda(mem=1GiB)\n")
    herd.launch(AT_ONCE)
    gpus = replace(herd, env={**herd.env, "CUDA_VISIBLE_DEVICES": "4,7"})
    gpus("run")
    assert herd.started() == [0, 1, 2]
    assert {line.gpus for line in herd.lines()} == {"4", "7"}
    assert herd.job_ids()[0]["host"] == "desk"


# --- refusals --------------------------------------------------------------------------------------------------------


@on_the_fake_slurm
def test_what_nobody_has_submits_nothing_and_says_of_each_machine_why(herd: Herd) -> None:
    herd.describe([1, 2], "conditions: [{when: {x: 2}, requires: cuda(mem=99GiB)}]\n")
    herd.launch()
    said = refused(herd)
    assert "\n  small  " in said and "\n  big    " in said and "99 GiB" in said
    assert "Traceback" not in said


@on_the_fake_slurm
def test_without_a_description_the_next_step_is_said(herd: Herd) -> None:
    (configuration(herd) / "launchers.yaml").unlink()
    herd.describe([1], "requires: cuda()\n")
    herd.launch()
    assert "herd launchers detect --write" in refused(herd)


@on_the_fake_slurm
def test_faults_of_descriptions_submit_nothing(herd: Herd) -> None:
    herd.describe([1], "requires: cuda()\n")
    herd.launch()
    (configuration(herd) / "launchers.yaml").write_text("hosts:\n  a: {cores: x}\n")
    assert "launchers.yaml:2: hosts.a.cores" in refused(herd)
    (configuration(herd) / "launchers.py").write_text("def find_launcher(:\n")
    said = refused(herd)
    assert "launchers.py" in said and "SyntaxError" in said


@on_the_fake_slurm
@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("requires: cuda(memory=4GiB)\n", ["hyperherd.yaml:6: requires", "cuda(memory=4GiB)\n", "^", "mem"]),
        (
            "conditions:\n  - {when: {x: 1}, requires: duration=4}\n",
            ["hyperherd.yaml:7: conditions[0].requires", "^"],
        ),
        ("requires: 4\n", ["hyperherd.yaml:6: requires"]),
        ("requires: ''\n", ["hyperherd.yaml:6: requires"]),
        ("requires: cuda()\ncompute: local\n", ["requires", "'compute' is there as well"]),
        ("compute: killarney/l40_1x\n", ["no compute preset 'killarney/l40_1x'", "killarney/l40s_1x"]),
        ("compute: ../../x\n", ["no compute preset '../../x'"]),
    ],
)
def test_faults_of_the_sweep_are_told_with_their_line(herd: Herd, more: str, words: list[str]) -> None:
    herd.describe([1], more)
    herd.launch()
    said = refused(herd)
    assert not [word for word in words if word not in said], said


@on_the_fake_slurm
@pytest.mark.parametrize(
    ("options", "words", "code"),
    [
        (["--slurm", "tiem=4"], "did you mean 'time'?", 2),
        (["--slurm", "time"], "not NAME=VALUE", 2),
        (["--slurm", "=4"], "not NAME=VALUE", 2),
        (["--slurm", "time=soon"], "'soon' is not a time", 2),
        (["--slurm", "array=1-4"], "cannot be set here", 2),
        (["--slurm", "requires=1"], "no option", 2),
        (["--compute", "nobody"], "no compute preset 'nobody'", 1),
        (["--compute", "../../x"], "no compute preset", 1),
    ],
)
def test_faults_of_the_command_line_are_told(herd: Herd, options: list[str], words: str, code: int) -> None:
    herd.describe([1])
    herd.launch()
    assert words in refused(herd, *options, code=code)


# --- presets ---------------------------------------------------------------------------------------------------------


@on_the_fake_slurm
def test_a_preset_is_under_the_user_the_sweep_and_the_command_line(herd: Herd) -> None:
    herd.describe([1], "compute: killarney/l40s_1x\nslurm: {mem: 1G, partition: cpu}\n")
    herd.launch()
    (herd.root / "user.yaml").write_text("user: {slurm: {account: main, cpus_per_task: 2, mem: 3G}}")
    text = herd.json("run", "-n", "--slurm", "gres=", "--slurm", "cpus-per-task=1")["sbatch_script"]
    lines = {line.removeprefix("#SBATCH --") for line in text.splitlines() if line.startswith("#SBATCH")}
    assert {"account=main", "mem=1G", "partition=cpu", "cpus-per-task=1", "time=60", "nodes=1"} <= lines
    assert not [line for line in lines if line.startswith("gres")]
    herd("run", "--wait", "--slurm", "gres=")
    assert herd.job_ids()[0]["host"] == "killarney/l40s_1x"


@on_the_fake_slurm
def test_the_user_yaml_of_the_project_reaches_a_sweep_without_a_preset(herd: Herd) -> None:
    herd.describe([1], "slurm: {mem: 1G}\n")
    herd.launch()
    project = herd.root.parent
    (project / "pyproject.toml").touch()
    (project / "configs").mkdir()
    ours = project / "configs/user.yaml"
    ours.write_text("user: {slurm: {account: main, mem: 3G, qos: null}}")
    text = herd.json("run", "-n")["sbatch_script"]
    assert "#SBATCH --account=main\n" in text and "#SBATCH --mem=1G\n" in text
    ours.write_text("user: {name: of another program}")
    assert "account" not in herd.json("run", "-n")["sbatch_script"]


@on_the_fake_slurm
def test_a_preset_that_is_typed_stands_above_what_is_required(herd: Herd) -> None:
    herd.describe([1, 2], TWO)
    herd.launch()
    (herd.root / "tiny.yaml").write_text("partition: preempt\n")
    document = herd.json("run", "-n", "--compute", "tiny")
    assert "submissions" not in document or len(document["submissions"]) == 1
    assert "#SBATCH --partition=preempt" in document["sbatch_script"]


@here
def test_the_preset_local_runs_here_whatever_account_the_user_has(herd: Herd) -> None:
    herd.describe([1], "compute: local\n")
    herd.launch()
    (herd.root / "user.yaml").write_text(
        "user: {slurm: {account: main, qos: x, additional_parameters: {mail_user: a}}}"
    )
    herd("run", "--on", "auto")
    assert herd.started() == [0]


# --- exactly once ----------------------------------------------------------------------------------------------------


@on_the_fake_slurm
def test_the_most_at_once_holds_over_two_places(herd: Herd) -> None:
    herd.describe([1, 2, 3, 4], TWO)
    herd.launch(AT_ONCE)
    herd("run", "--wait", "-j", "2")
    assert (herd.started(), herd.most_at_once()) == ([0, 1, 2, 3], 2)


@on_the_fake_slurm
def test_one_at_a_time_over_two_places(herd: Herd) -> None:
    herd.describe([1, 2, 3, 4], TWO)
    herd.launch("sleep 0.2")
    herd("run", "--wait", "-j", "1")
    assert (herd.started(), herd.most_at_once()) == ([0, 1, 2, 3], 1)


@on_the_fake_slurm
def test_both_places_wait_for_what_they_come_after(make: Callable[..., Herd]) -> None:
    first, second = make("first"), make("second")
    (configuration(first) / "launchers.yaml").write_text(HOSTS)
    first.describe([1])
    first.launch(GATE)
    second.describe([1, 2], TWO)
    second.launch('[[ -e "$HYPERHERD_WORKSPACE/../first/go" ]] || exit 4')
    first.submit()
    second.submit("--after", str(first.root))
    first.until_started(1)
    assert second.lines() == []
    first.go()
    second.until_statuses("completed")
    assert second.started() == [0, 1]


@on_the_fake_slurm
def test_requiring_something_else_runs_nothing_again_that_has_completed(herd: Herd) -> None:
    herd.describe([1, 2], "requires: cpu(cores=1)\n")
    herd.launch("((HYPERHERD_TRIAL_ID == 0 || HYPERHERD_ATTEMPT > 1)) || exit 1")
    herd("run", "--wait", code=3)
    herd.describe([1, 2], "requires: cuda()\n")
    assert herd.json("run", "-n")["submitted_indices"] == [1]
    herd("run", "--wait")
    assert herd.started() == [0, 1, 1]
    assert [one["host"] for one in herd.job_ids()] == ["small", "big"]
    herd.describe([1, 2])
    assert herd.json("run", "-n")["submitted_indices"] == []


def test_completed_trials_need_no_machine(herd: Herd) -> None:
    herd.describe([1])
    herd.launch()
    herd("run", "--wait")
    herd.describe([1], "requires: cuda(mem=900GiB)\n")
    assert "nothing to run" in herd("run").stderr


MIXED = """\
hosts:
  desk: {launcher: local, cores: 2}
  gpu: {partition: gpu, accelerators: {memory: 80GiB, count: 4}}
"""


@on_the_fake_slurm
def test_some_may_run_here_and_others_on_the_cluster(herd: Herd) -> None:
    (configuration(herd) / "launchers.yaml").write_text(MIXED)
    herd.describe([1, 2, 3, 4], TWO)
    herd.launch()
    herd("run", "--wait", "--on", "auto", "-j", "2")
    assert herd.started() == [0, 1, 2, 3]
    assert {line.trial for line in herd.lines() if line.gpus} == {1, 2}
    assert [(one["host"], one["launcher"]) for one in herd.job_ids()] == [("desk", "local"), ("gpu", "slurm")]
    assert herd.most_at_once() <= 2


@on_the_fake_slurm
def test_where_the_cluster_would_refuse_one_place_nothing_is_submitted(herd: Herd) -> None:
    (configuration(herd) / "launchers.yaml").write_text(HOSTS.replace("account: main", "account: nobody"))
    herd.describe([1, 2], TWO)
    herd.launch()
    assert "no account 'nobody' here" in refused(herd)


@on_the_fake_slurm
def test_who_only_looks_is_not_kept_by_faults_of_descriptions(herd: Herd) -> None:
    herd.describe([1], "requires: cpu(cores=1)\n")
    herd.launch()
    herd("run", "--wait")
    (configuration(herd) / "launchers.yaml").write_text("hosts: [")
    (configuration(herd) / "launchers.py").write_text("(")
    for command in ("ls", "status", "show", "res", "stats"):
        herd(command, *(["0"] if command == "show" else []))
    assert "othing to run" in herd("run").stderr or herd("run").returncode == 0


@on_the_fake_slurm
def test_at_most_so_many_at_once_is_refused_where_nobody_could_hold_it(herd: Herd) -> None:
    herd.describe([1, 2], "requires: cpu(cores=1)\nconditions: [{when: {x: 2}, requires: duration=1h}]\n")
    herd.launch()
    said = refused(herd, "-j", "1", "--on", "local")
    assert "at most 1 at once cannot be held over 2 submissions" in said
    assert "other machines, time or memory" in said
    assert "-j 2" in said and "herd run -i 0" in said
    assert len(scripts(herd)) == 2  # on Slurm the second waits for the first


@here
def test_here_a_trial_has_what_it_requires_for_itself_until_its_time_is_over(
    make: Callable[..., Herd],
) -> None:
    herd = make()
    herd = replace(herd, env={**herd.env, "CUDA_VISIBLE_DEVICES": "4,5"})
    (configuration(herd) / "launchers.yaml").write_text("hosts: {desk: {launcher: local, cores: 1}}\n")
    herd.describe([1], "requires: duration=1s & cpu(cores=1)\n")
    herd.launch('echo "[$CUDA_VISIBLE_DEVICES] $OMP_NUM_THREADS" >>"$HYPERHERD_WORKSPACE/seen"; sleep 600')
    herd("run", "--wait", code=3)
    (trial,) = herd.json("status")["trials"]
    assert (trial["status"], trial["reason"]) == ("failed", "time limit")
    assert (herd.root / "seen").read_text() == "[] 1\n"
