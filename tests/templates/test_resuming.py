"""Killed at any moment and started again, a training ends on the same numbers as one that ran straight through."""

from __future__ import annotations

import signal

import pytest

from .project import DEADLINE_S, SMALL, TRAINING, Project, same


def ends_on_the_same(project: Project, name: str, straight: Project, number: int = 0) -> None:
    assert project.metrics(name, number) == straight.metrics("straight")
    assert same(project.last_state(name, number), straight.last_state("straight"))


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGUSR1, 75, marks=pytest.mark.thorough),
        (signal.SIGTERM, 143),
        (signal.SIGKILL, -9),
    ],
    ids=["USR1", "TERM", "KILL"],
)
def test_a_run_that_was_killed_inside_an_epoch_resumes_and_ends_on_the_same_numbers(
    project: Project, straight: Project, number: signal.Signals, code: int
) -> None:
    words = (project.held("mlp.single", "MLPTrainer"), *TRAINING, "experiment_name=killed")
    child = project.start(*words)
    project.until_held()
    child.send_signal(number)
    assert child.wait(DEADLINE_S) == code
    project.go()
    project.run(*words)
    assert project.resumed_at("killed") == [(0, 0) if number == signal.SIGKILL else (1, 3)]
    ends_on_the_same(project, "killed", straight)


def test_a_job_of_a_sweep_here_is_queued_again_and_ends_on_the_same_numbers(
    project: Project, straight: Project
) -> None:
    held = project.held("mlp.single", "MLPTrainer")
    sweep = project.start(
        held, *SMALL, "launcher=local", "requeue=on", *TRAINING, "experiment_name=again", "--multirun"
    )
    project.until_held()
    project.trainers("again")[0].send(signal.SIGUSR2)
    project.until_logged("again", "saved checkpoint-epoch-1-step-3")
    project.go()
    assert sweep.wait(DEADLINE_S) == 0, project.terminal()
    assert project.resumed_at("again") == [(1, 3)]
    ends_on_the_same(project, "again", straight)


def test_a_checkpoint_of_another_configuration_is_refused_and_says_which_keys_differ(
    project: Project,
) -> None:
    words = ("mlp.single.launch", "data=tiny", "trainer.num_epochs=2", "experiment_name=other")
    project.run(*words)
    ended = project.run(*words, "trainer.hidden_dim=32", code=1)
    assert "hidden_dim was 64 and is 32" in ended.stderr
    assert "ignore_config=true" in ended.stderr
    project.run(*words, "trainer.learning_rate=0.5", "ignore_config=true")
    assert project.resumed_at("other") == [(1, 0)]
