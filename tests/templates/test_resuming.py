"""Killed at any moment and started again, a training ends on the same numbers as one that was not, to the last digit."""

from __future__ import annotations

import signal

import pytest

from .conftest import TEMPLATES
from .project import DEADLINE_S, SMALL, Project, same

TRAINING = ("trainer.num_epochs=6", "trainer.batch_size=4")
"""Epochs of some 0.15 s, so that a signal falls inside of one."""


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same training, not interrupted: its run is `straight`."""
    project = Project.copied(TEMPLATES, tmp_path_factory.mktemp("straight"))
    project.run("mlp.single.launch", *TRAINING, "experiment_name=straight")
    return project


def ends_on_the_same(project: Project, name: str, straight: Project) -> None:
    assert project.metrics(name) == straight.metrics("straight")
    assert same(project.last_state(name), straight.last_state("straight"))


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGUSR1, 75), (signal.SIGTERM, 143), (signal.SIGKILL, -9)],
    ids=["USR1", "TERM", "KILL"],
)
def test_a_run_that_was_killed_inside_an_epoch_resumes_and_ends_on_the_same_numbers(
    project: Project, straight: Project, number: signal.Signals, code: int
) -> None:
    words = ("mlp.single.launch", *TRAINING, "experiment_name=killed")
    child = project.start(*words)
    project.until_logged("killed", "epoch 1:")
    child.send_signal(number)
    assert child.wait(DEADLINE_S) == code
    project.run(*words)
    ((_, step),) = project.resumed_at("killed")
    if number != signal.SIGKILL:
        assert step > 0, "the signal was to fall inside an epoch"
    ends_on_the_same(project, "killed", straight)


def test_a_job_of_a_sweep_here_is_queued_again_and_ends_on_the_same_numbers(project: Project, straight: Project) -> None:
    sweep = project.start(
        "mlp.single.launch", *SMALL, "launcher=local", "requeue=on", *TRAINING, "experiment_name=again", "--multirun"
    )
    project.until_logged("again", "epoch 1:")
    project.trainers("again")[0].send(signal.SIGUSR2)
    assert sweep.wait(DEADLINE_S) == 0, project.terminal()
    ((_, step),) = project.resumed_at("again")
    assert step > 0
    ends_on_the_same(project, "again", straight)


def test_a_checkpoint_of_another_configuration_is_refused_and_says_which_keys_differ(project: Project) -> None:
    words = ("mlp.single.launch", "data=tiny", "trainer.num_epochs=2", "experiment_name=other")
    project.run(*words)
    ended = project.run(*words, "trainer.hidden_dim=32", code=1)
    assert "hidden_dim was 64 and is 32" in ended.stderr
    assert "ignore_config=true" in ended.stderr
    project.run(*words, "trainer.learning_rate=0.5", "ignore_config=true")
    assert project.resumed_at("other") == [(1, 0)]
