"""This machine, and the cluster that it belongs to, as hosts."""

from __future__ import annotations

import getpass
import grp
import os
import platform
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress

from hyperherd.launcherfinder import detect, gpus, words
from hyperherd.launcherfinder.detect import Detected, Host
from hyperherd.launcherfinder.gpus import Table
from hyperherd.launchers.direct import cores, memory
from hyperherd.launchers.direct import gpus as devices
from hyperherd.launchers.direct.gpus import Card
from hyperherd.launchers.slurm.client import Client


def this_cluster(client: Client, table: Table | None = None) -> Detected:
    """The cluster that Slurm's commands speak of, for the user who asks. Raises `SchedulerSilentError`.

    ``table`` is of known GPUs (None: the shipped one), here and below.
    """
    return detect.describe(client.survey(getpass.getuser(), frozenset(_groups())), table)


def _groups() -> Iterator[str]:
    for number in {os.getgid(), *os.getgroups()}:
        with suppress(KeyError):  # a group without a name
            yield grp.getgrgid(number).gr_name


def this_machine(environ: Mapping[str, str] | None = None, table: Table | None = None) -> Host:
    """What this process may use here: cores, memory, NVIDIA GPUs (CUDA_VISIBLE_DEVICES holds) or Apple's.

    ``environ`` None is this process's own.
    """
    environ = os.environ if environ is None else environ
    total = memory.usable()
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    found = [_apple(total)] if apple else _nvidia(devices.cards(environ), table or gpus.read())
    host: dict[str, object] = {
        "launcher": "local",
        "machines": 1,
        "cores": len(cores.usable()),
        "memory": words.memory(total),
    }
    return {**host, "accelerators": found} if found else host


def _nvidia(cards: tuple[Card, ...], table: Table) -> list[Host]:
    return [_accelerator(card, count, table) for card, count in Counter(cards).items()]


def _accelerator(card: Card, count: int, table: Table) -> Host:
    known = gpus.of_card(table, card)
    size = {"memory": words.memory(known.memory)} if known.memory else {}
    return {"kind": known.kind, "model": known.model, **size, "count": count}


def _apple(total: int) -> Host:
    """Its GPU shares the machine's memory."""
    return {"kind": "mps", "memory": words.memory(total), "count": 1}
