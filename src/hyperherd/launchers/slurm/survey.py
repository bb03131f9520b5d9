"""The cluster that Slurm's commands speak of, as descriptions."""

from __future__ import annotations

import getpass
import grp
import os
from collections.abc import Iterator
from contextlib import suppress

from hyperherd.launchers.slurm import detect
from hyperherd.launchers.slurm.client import Client
from hyperherd.launchers.survey import Detected, GpuTable


def survey(gpus: GpuTable, client: Client | None = None) -> Detected:
    """What the user who asks may use; ``client`` None is that of this process's environment. Raises
    `SchedulerSilentError`.
    """
    asked = client or Client.of_environment()
    return detect.describe(asked.survey(getpass.getuser(), frozenset(_groups())), gpus)


def _groups() -> Iterator[str]:
    for number in {os.getgid(), *os.getgroups()}:
        with suppress(KeyError):  # a group without a name
            yield grp.getgrgid(number).gr_name
