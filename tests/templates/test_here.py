"""Runs and sweeps on this machine: the layout, bounded sweeps, and failures that are seen."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from .project import DEADLINE_S, SMALL, TOY_CONFIG, TRAINING, Project, until

LOCAL = (*SMALL, "launcher=local")


def test_one_run_here_has_the_documented_layout(project: Project) -> None:
    project.run(
        "mlp.single.launch", "data=tiny", "trainer.num_epochs=2", "experiment_name=one", "+trainer.note=new"
    )
    run = project.run_folder("one")
    assert {path.name for path in (run / "hydra_configs").iterdir()} == {
        "config.yaml", "overrides.yaml", "hydra.yaml", "hydra_resolved.yaml",
    }  # fmt: skip
    assert project.checkpoints("one") == ["checkpoint-epoch-0", "checkpoint-epoch-1"]
    assert "trains on the CPU" in project.log("one") or "trains on cuda:0 (" in project.log("one")
    assert "epoch 1" in project.log("one")
    assert OmegaConf.load(run / "hydra_configs/config.yaml").trainer.note == "new"
    resolved = (run / "hydra_configs/hydra_resolved.yaml").read_text()
    assert "${" not in resolved.partition("help:")[0]
    assert str(run) in resolved
    # With the same name it is the same run, which has ended: nothing is trained again.
    before = project.metrics("one")
    project.run(
        "mlp.single.launch", "data=tiny", "trainer.num_epochs=2", "experiment_name=one", "+trainer.note=new"
    )
    assert (project.metrics("one"), project.resumed_at("one")) == (before, [(1, 0)])


def test_a_sweep_here_has_the_documented_layout_and_trains_each_combination(project: Project) -> None:
    project.run(
        "mlp.single.launch", *LOCAL, "data=tiny", "trainer.num_epochs=20", "trainer.learning_rate=1e-2,1e-3",
        "hydra.launcher.at_once=2", "experiment_name=two", "--multirun",
    )  # fmt: skip
    sweep = project.sweep("two")
    assert {path.name for path in sweep.iterdir()} == {"0", "1", "multirun.yaml", "submitit_logs"}
    for number, rate in enumerate((1e-2, 1e-3)):
        assert OmegaConf.load(sweep / f"{number}/hydra_configs/config.yaml").trainer.learning_rate == rate
        assert "epoch 19" in project.log("two", number)
    for job in (path for path in (sweep / "submitit_logs").iterdir() if path.is_dir()):
        name = job.name
        assert {path.name for path in job.iterdir()} == {
            f"{name}_submitted.pkl", f"{name}_0_log.out", f"{name}_0_log.err", f"{name}_0_result.pkl",
        }  # fmt: skip
    first, *_, last = project.metrics("two", 0)
    assert last["accuracy"] > 0.8 > first["accuracy"]  # it learns


def test_no_more_runs_at_once_than_said_and_all_of_them_run(project: Project) -> None:
    module = project.toy("time.sleep(1)")
    project.run(
        module, *LOCAL, "x=range(5)", "hydra.launcher.at_once=2", "experiment_name=many", "--multirun"
    )
    times = []
    for number in range(5):
        out = project.run_folder("many", number) / "outputs"
        times += [(float((out / "began").read_text()), 1), (float((out / "ended").read_text()), -1)]
    running = [sum(change for _, change in sorted(times)[: n + 1]) for n in range(len(times))]
    assert max(running) == 2


def test_a_run_that_fails_is_named_and_the_others_run_on(project: Project) -> None:
    module = project.toy("print(1 / (cfg.x - 1))")
    ended = project.run(module, *LOCAL, "x=0,1,2", "experiment_name=fails", "--multirun", code=1)
    assert "#1 failed" in ended.stdout
    assert "ZeroDivisionError" in ended.stdout
    assert "1 of 3 runs failed" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert [(project.run_folder("fails", n) / "outputs/ended").exists() for n in range(3)] == [
        True,
        False,
        True,
    ]


@pytest.mark.parametrize("words", [(), ("--multirun",)], ids=["one run", "a sweep"])
def test_a_missing_work_root_is_told_before_anything_is_made(
    project: Project, words: tuple[str, ...]
) -> None:
    missing = project.work_root / "not/there"
    ended = project.run("mlp.single.launch", f"paths.work_root={missing}", *words, code=1)
    assert ended.stderr.splitlines()[0] == f"paths.work_root: there is no folder {missing}"
    assert "paths.work_root=/path" in ended.stderr
    assert [*project.work_root.iterdir()] == []


def test_what_a_sweeps_runs_share_cannot_be_swept(project: Project) -> None:
    ended = project.run("mlp.single.launch", *LOCAL, "compute.mem_gb=1,2", "--multirun", code=1)
    assert "compute.mem_gb: a sweep's runs share it" in ended.stderr


def test_the_runs_of_a_sweep_leave_small_pickles(project: Project) -> None:
    module = project.toy("(out / 'x').write_text(str(cfg.x))")
    project.run(
        module, *LOCAL, "x=range(6)", "hydra.launcher.at_once=2", "experiment_name=long", "--multirun"
    )
    pickles = [*project.sweep("long").glob("submitit_logs/*/*_submitted.pkl")]
    assert len(pickles) == 6
    assert max(path.stat().st_size for path in pickles) < 2000
    assert [(project.run_folder("long", n) / "outputs/x").read_text() for n in range(6)] == [
        *map(str, range(6))
    ]


def test_a_choice_that_does_not_exist_is_found_before_anything_runs(project: Project) -> None:
    module = project.toy("pass")
    toy = project.folder / "src/toy"
    (toy / "config.yaml").write_text(
        "defaults: [_global, size: small, _self_]\n" + TOY_CONFIG.partition("\n")[2]
    )
    (toy / "size").mkdir()
    (toy / "size/small.yaml").write_text("n: 1\n")
    (toy / "size/large.yaml").write_text("n: 2\n")
    words = (*LOCAL, "x=1,2,3", "size=small,large,hugh", "experiment_name=choices", "--multirun")
    ended = project.run(module, *words, code=1)
    assert "size/hugh" in ended.stderr
    assert not [*project.sweep("choices").glob("*/launch.log")]


def test_a_folder_added_under_src_and_a_preset_added_to_configs_work_at_once(project: Project) -> None:
    module = project.toy('(out / "mem").write_text(str(cfg.compute.mem_gb))', name="mine")
    preset = project.folder / "configs/compute/mine/big.yaml"
    preset.parent.mkdir()
    preset.write_text("nodes: 1\ncpus_per_task: 1\nmem_gb: 77\nwork_root: /nowhere\n")
    project.run(module, "compute=mine/big", "experiment_name=mine")
    assert (project.run_folder("mine") / "outputs/mem").read_text() == "77"


def test_without_hyperherd_a_template_runs_all_the_same(project: Project) -> None:
    hidden = project.folder / "src/hyperherd.py"
    hidden.write_text("raise ModuleNotFoundError(\"No module named 'hyperherd'\")\n")
    project.run("mlp.single.launch", "data=tiny", "trainer.num_epochs=1", "experiment_name=alone")
    assert len(project.metrics("alone")) == 1


def test_a_word_that_is_no_data_is_refused_with_those_that_are(project: Project) -> None:
    ended = project.run("mlp.single.launch", "data=tyni", code=1)
    assert "data=tyni: there are digits, tiny and mnist" in ended.stderr


@pytest.mark.parametrize(
    ("word", "right"),
    [
        ("trainer.batch_size=0", "a whole number from 1 on"),
        ("trainer.num_epochs=2.5", "a whole number from 1 on"),
        ("trainer.learning_rate=fast", "a number from 0 on"),
        ("ignore_config=maybe", "true or false"),
    ],
)
@pytest.mark.parametrize("more", [(), (*LOCAL, "--multirun")], ids=["one run", "a sweep"])
def test_settings_that_no_training_can_begin_with_are_told_before_anything_is_made(
    project: Project, word: str, right: str, more: tuple[str, ...]
) -> None:
    ended = project.run("mlp.single.launch", "data=tiny", word, *more, code=1)
    assert f"{word}: {right} is needed" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not [*project.work_root.iterdir()]


@pytest.mark.parametrize(
    ("words", "instead"),
    [((), "add --multirun"), (("launcher=local", "--multirun"), "leave launcher=local out")],
    ids=["one run", "a sweep"],
)
def test_gpus_that_are_asked_for_and_not_there_are_told_before_anything_is_made(
    project: Project, words: tuple[str, ...], instead: str
) -> None:
    project.env = {**project.env, "CUDA_VISIBLE_DEVICES": ""}
    asked = ("data=tiny", "compute=bon_echo/a40_2x", "allow_cpu=false")
    ended = project.run("mlp.single.launch", *asked, *words, code=1)
    assert "compute=bon_echo/a40_2x asks for 2 GPUs, and PyTorch can use none on " in ended.stderr
    assert instead in ended.stderr and "allow_cpu=true" in ended.stderr
    assert not [*project.work_root.rglob("launch.log")]


def test_a_swept_setting_that_cannot_be_fails_its_own_run_alone(project: Project) -> None:
    words = (*LOCAL, "data=tiny", "trainer.num_epochs=1", "trainer.batch_size=0,32", "experiment_name=swept")
    ended = project.run("mlp.single.launch", *words, "--multirun", code=1)
    assert "#0 failed" in ended.stdout
    assert "trainer.batch_size=0: a whole number from 1 on is needed" in ended.stdout
    assert len(project.metrics("swept", 1)) == 1


@pytest.mark.parametrize(
    ("number", "whom", "code"),
    [(signal.SIGINT, os.killpg, 130), (signal.SIGTERM, os.kill, 143), (signal.SIGHUP, os.killpg, 129)],
    ids=["Ctrl-C", "kill", "the terminal is closed"],
)
def test_told_to_end_a_sweeps_runs_here_end_with_it_and_it_says_how_to_go_on(
    project: Project, number: signal.Signals, whom: Callable[[int, int], None], code: int
) -> None:
    module = project.toy("time.sleep(1000)")
    sweep = project.start(
        module, *LOCAL, "x=0,1,2", "hydra.launcher.at_once=2", "experiment_name=c", "--multirun"
    )
    until(lambda: len([*project.sweep("c").glob("*/outputs/began")]) == 2, "two runs")
    whom(sweep.pid, number)  # a terminal tells all of the group
    assert sweep.wait(DEADLINE_S) == code
    assert "To go on: the same command with experiment_name=c\n" in project.terminal()
    until(lambda: not [pid for pid in group(sweep.pid) if pid != sweep.pid], "the runs' end")


def test_two_runs_do_not_train_in_one_folder(project: Project) -> None:
    words = (project.held("mlp.single", "MLPTrainer"), *TRAINING, "experiment_name=both")
    first = project.start(*words)
    project.until_held()
    ended = project.run(*words, code=1)
    assert "another run trains there" in ended.stderr
    project.go()
    assert first.wait(DEADLINE_S) == 0
    project.run(*words)


def group(number: int) -> list[int]:
    """The processes of this group that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, its = stat.read_text().rpartition(")")[2].split()[:3]
            found += [int(stat.parent.name)] * (int(its) == number and state != "Z")
    return found
