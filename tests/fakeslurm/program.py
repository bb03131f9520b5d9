"""The start and the end of each program: the call is noted, knobs that concern every program are obeyed."""

import importlib
import os
import sys
import time
from contextlib import suppress

from fakeslurm.store import Call, Store


class RefusedError(Exception):
    """The program ends with these lines on stderr."""

    def __init__(self, text, code=1):
        super().__init__(text)
        self.text = text
        self.code = code


def main(program, argv):
    """Run one program and exit."""
    folder = os.environ.get("FAKESLURM_DIR")
    if not folder:
        sys.exit(f"{program}: FAKESLURM_DIR is not set: this is the fake Slurm of hyperherd's tests")
    store = Store(folder)
    module = importlib.import_module(f"fakeslurm.{program}")
    called = "test_only" if program == "sbatch" and "--test-only" in argv else program
    if program != "runner":
        store.call = Call(store, called, argv)
        if not (called == "sbatch" and store.knobs["sbatch"]["delay_s"][1]):
            store.call.note()
    code = run(store, called, module, argv)
    leave(code)


def run(store, program, module, argv):
    """The exit code; what is refused is said on stderr."""
    try:
        if program != "runner":
            misbehave(store, program)
        return module.main(store, argv) or 0
    except RefusedError as refusal:
        store.call.note()
        sys.stderr.write(refusal.text + "\n")
        return refusal.code


def misbehave(store, program):
    """What any program can be told to do instead of answering."""
    told = store.knobs[program]
    if told["slow_s"]:
        time.sleep(told["slow_s"])
    if told["hang"]:
        wait_for(store, lambda knobs: not knobs[program]["hang"])
    if told["error"] is not None:
        raise RefusedError(told["error"], told["rc"])


def wait_for(store, condition):
    """Until the knobs satisfy it. The fake being closed ends the program."""
    while not condition(store.knobs):
        if store.closed():
            leave(1)
        time.sleep(0.02)
        store.knobs = Store(store.folder).knobs


def leave(code):
    """Exit without the interpreter's own end, which is slow. A reader that is gone is no fault."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(BrokenPipeError):
            stream.flush()
    os._exit(code)
