"""`checkpoint.stop_requested`: told by a signal, and by nothing else."""

from __future__ import annotations

import signal

import pytest

from .conftest import Start
from .programs import ended

ALL = [signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM]


@pytest.mark.parametrize("number", ALL)
def test_it_is_true_once_the_signal_has_come_and_the_process_lives_on(number: int, start: Start) -> None:
    trainer = start(
        """
        import time
        from hyperherd import checkpoint
        print(checkpoint.stop_requested(), flush=True)
        while not checkpoint.stop_requested():
            time.sleep(0.01)
        print("told", flush=True)
        """
    )
    assert trainer.stdout and trainer.stdout.readline() == "False\n"
    trainer.send_signal(number)
    assert trainer.communicate()[0] == "told\n"
    assert trainer.returncode == 0


@pytest.mark.parametrize("number", ALL)
def test_importing_it_leaves_the_signals_alone(number: int, start: Start) -> None:
    trainer = start(
        """
        from hyperherd import checkpoint
        checkpoint.stop_requested, checkpoint.guard, checkpoint.save
        print("ready", flush=True)
        input()
        """
    )
    assert trainer.stdout and trainer.stdout.readline()
    trainer.send_signal(number)
    assert trainer.wait() == -number


def test_a_handler_that_was_there_before_is_called_too() -> None:
    answer = ended(
        """
        import os, signal
        from hyperherd import checkpoint
        signal.signal(signal.SIGUSR2, lambda number, frame: print("mine", number == signal.SIGUSR2))
        checkpoint.stop_requested()
        os.kill(os.getpid(), signal.SIGUSR2)
        print(checkpoint.stop_requested())
        """
    )
    assert answer.stdout == "mine True\nTrue\n"


def test_a_forked_child_ends_at_term_and_only_there_and_was_not_told() -> None:
    answer = ended(
        """
        import os, signal, time
        from hyperherd import checkpoint
        checkpoint.stop_requested()
        os.kill(os.getpid(), signal.SIGUSR1)
        read, write = os.pipe()
        child = os.fork()
        if not child:
            os.kill(os.getpid(), signal.SIGUSR1)
            os.kill(os.getpid(), signal.SIGUSR2)
            os.write(write, b"lives")
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
            os._exit(0)
        print(os.read(read, 5).decode(), os.waitpid(child, 0)[1] == signal.SIGTERM, checkpoint.stop_requested())
        other = os.fork()
        if not other:
            os._exit(1 if checkpoint.stop_requested() else 0)
        print(os.waitpid(other, 0)[1])
        """
    )
    assert answer.stdout == "lives True True\n0\n", answer.stderr


def test_in_another_thread_it_says_what_to_do_unless_the_main_thread_was_first() -> None:
    answer = ended(
        """
        import threading
        from hyperherd import checkpoint
        def ask():
            try:
                print(checkpoint.stop_requested())
            except checkpoint.CheckpointError as error:
                print(error)
        for main in (False, True):
            if main:
                checkpoint.stop_requested()
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()
        """
    )
    first, hint, second = answer.stdout.splitlines()
    assert "main thread" in first and "stop_requested()" in hint and second == "False"


def test_it_costs_a_trainer_nothing_to_import() -> None:
    answer = ended(
        """
        import sys
        before = set(sys.modules)
        import hyperherd
        from hyperherd import checkpoint
        hyperherd.checkpoint
        print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before} - {"__future__", "importlib"}))
        """
    )
    assert answer.stdout == "hyperherd\n", answer.stderr


def test_every_public_name_is_there() -> None:
    from hyperherd import checkpoint

    assert [name for name in checkpoint.__all__ if getattr(checkpoint, name) is None] == []
    with pytest.raises(AttributeError, match="nosuch"):
        checkpoint.nosuch  # noqa: B018
