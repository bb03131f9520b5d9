"""Each template learns from what comes with its packages, and resumes inside an epoch on the same numbers."""

from __future__ import annotations

import signal
from dataclasses import dataclass

import pytest

from .project import DEADLINE_S, SMALL, OnSlurm, Project, same


@dataclass(frozen=True)
class Template:
    module: str
    trainer: str
    words: tuple[str, ...]
    metric: str
    better: float
    """What the metric changes by at least, from the first epoch to the last."""


ALONE = [
    Template(
        "llm.text_classification",
        "TextClassifier",
        ("trainer.learning_rate=3e-3", "trainer.num_epochs=3"),
        "accuracy",
        0.1,
    ),
    Template(
        "vlm.image_captioning",
        "CaptionTrainer",
        ("trainer.learning_rate=3e-3", "trainer.num_epochs=3"),
        "accuracy",
        0.1,
    ),
    Template("rl.ppo", "PPOTrainer", ("trainer.num_epochs=4",), "return", 20.0),
    Template("rl.grpo", "GRPOTrainer", ("trainer.learning_rate=3e-3", "trainer.num_epochs=5"), "reward", 0.1),
]
TOGETHER = [
    Template(
        "mlp.ddp",
        "DDPTrainer",
        ("trainer.learning_rate=1e-2", "trainer.batch_size=4", "trainer.num_epochs=5"),
        "accuracy",
        0.1,
    ),
    Template(
        "llm.finetune_distributed",
        "FinetuneTrainer",
        ("trainer.learning_rate=3e-3", "trainer.num_epochs=2"),
        "loss",
        -0.3,
    ),
]


def straight(project: Project, template: Template, *words: str) -> tuple[str, ...]:
    """A run that is not interrupted, called `straight`, which has learnt something; the words for another like it."""
    common = (*SMALL, "data=tiny", *template.words, *words)
    project.run(
        f"{template.module}.launch", *common, "experiment_name=straight", *(["--multirun"] if words else [])
    )
    first, *_, last = project.metrics("straight")
    change = last[template.metric] - first[template.metric]
    assert change * (1 if template.better > 0 else -1) >= abs(template.better), project.metrics("straight")
    return (project.held(template.module, template.trainer), *common)


def ends_as_the_straight_one(project: Project, name: str, resumed_at: tuple[int, int] = (1, 3)) -> None:
    assert project.resumed_at(name) == [resumed_at]
    assert project.metrics(name) == project.metrics("straight")
    states = [project.last_state(one) for one in (name, "straight")]
    for state in states:
        state["trainer"].pop("environments", None)  # pickles, which differ where what they hold does not
    assert same(*states)


@pytest.mark.thorough
@pytest.mark.parametrize("template", ALONE, ids=lambda template: template.module)
def test_killed_without_a_signal_inside_an_epoch_it_ends_on_the_same_numbers(
    project: Project, template: Template
) -> None:
    words = (*straight(project, template), "experiment_name=killed")
    child = project.start(*words)
    project.until_held()
    child.kill()
    assert child.wait(DEADLINE_S) == -signal.SIGKILL
    project.go()
    project.run(*words)
    ends_as_the_straight_one(project, "killed", resumed_at=(0, 0))


@pytest.mark.thorough
@pytest.mark.parametrize("template", TOGETHER, ids=lambda template: template.module)
def test_two_tasks_of_a_slurm_job_are_queued_again_inside_an_epoch_and_end_on_the_same_numbers(
    on_slurm: OnSlurm, template: Template
) -> None:
    words = straight(on_slurm, template, "launcher=submitit", "tasks_per_node=2", "requeue=on")
    sweep = on_slurm.start(*words, "experiment_name=again", "--multirun")
    job = on_slurm.job("again")
    on_slurm.until_held(ranks=2)
    on_slurm.ask("scancel", "--signal=USR2", job)
    on_slurm.until_state(job, "PENDING")
    on_slurm.go()
    on_slurm.start_again(job)
    assert sweep.wait(DEADLINE_S) == 0, on_slurm.terminal()
    ends_as_the_straight_one(on_slurm, "again")


@pytest.mark.parametrize("template", ALONE, ids=lambda template: template.module)
def test_it_learns_and_killed_inside_an_epoch_it_ends_on_the_same_numbers(
    project: Project, template: Template
) -> None:
    words = (*straight(project, template), "experiment_name=killed")
    child = project.start(*words)
    project.until_held()
    child.send_signal(signal.SIGUSR1)
    assert child.wait(DEADLINE_S) == 75, project.terminal()
    project.go()
    project.run(*words)
    ends_as_the_straight_one(project, "killed")


@pytest.mark.parametrize("template", TOGETHER, ids=lambda template: template.module)
def test_two_processes_learn_and_queued_again_inside_an_epoch_end_on_the_same_numbers(
    project: Project, template: Template
) -> None:
    words = straight(project, template, "launcher=local", "tasks_per_node=2", "requeue=on")
    sweep = project.start(*words, "experiment_name=again", "--multirun")
    project.until_held(ranks=2)
    project.trainers("again")[1].send(signal.SIGUSR2)  # one of them alone is told
    project.go()
    assert sweep.wait(DEADLINE_S) == 0, project.terminal()
    ends_as_the_straight_one(project, "again")


def test_no_template_takes_more_than_a_word_to_be_tried_without_a_network(project: Project) -> None:
    """Those above, each with ``data=tiny``, are all there are, besides the MLP that has tests of its own."""
    known = {template.module for template in (*ALONE, *TOGETHER)} | {"mlp.single"}
    found = {
        f"{path.parent.parent.name}.{path.parent.name}" for path in project.folder.glob("src/*/*/launch.py")
    }
    assert found == known
