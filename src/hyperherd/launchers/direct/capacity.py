"""What this machine can give to a batch: how many trials at once, with which cores, GPUs and threads."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from hyperherd.errors import LauncherError, SubmissionRefusedError
from hyperherd.jobs import Batch
from hyperherd.launchers.direct import environment, gpus, slots
from hyperherd.launchers.direct.cores import usable
from hyperherd.launchers.direct.gpus import Gpu
from hyperherd.launchers.direct.slots import Slots


@dataclass(frozen=True)
class Capacity:
    """``variables`` are added to each trial's environment."""

    slots: Slots
    at_once: int
    variables: Mapping[str, str]


def faults(batch: Batch, environ: Mapping[str, str]) -> dict[str, str]:
    """What this machine cannot do for a batch: fault -> what to do."""
    found = {}
    nodes = batch.request.nodes or 1
    if nodes > 1:
        found[f"each trial asks for {nodes} nodes, and this machine is one"] = (
            "set slurm.nodes to 1, or run it on a cluster: herd run --on slurm"
        )
    if shutil.which("bash", path=environ.get("PATH")) is None:
        found["there is no bash on PATH"] = "install bash, or mend PATH"
    wanted = _gpus_each(batch)
    there = gpus.available(environ) if wanted else ()
    if wanted > len(there):
        found[_too_few(wanted, there, environ)] = _FEWER_GPUS
    cores = len(usable())
    if (batch.share.cores or 0) > cores:
        found[f"each trial asks for {batch.share.cores} cores, and {cores} can be used here"] = _FEWER_CORES
    try:
        slots.host_folder(environ)
    except LauncherError as error:
        found[error.what] = error.hint
    return found


_FEWER_GPUS = (
    "ask for fewer (slurm.gpus, slurm.gres, gpus_per_node), or run it on a cluster: herd run --on slurm"
)
_FEWER_CORES = "ask for fewer (cpus_per_task), or run it on a cluster"


def _gpus_each(batch: Batch) -> int:
    """For one trial: what a sweep asks for itself stands above what its launcher holds."""
    return batch.request.gpus or batch.share.gpus or 0


def of(batch: Batch, environ: Mapping[str, str]) -> Capacity:
    """Raises `SubmissionRefusedError` where there are fewer GPUs than one trial needs, and `LauncherError`."""
    cores = usable()
    each = _gpus_each(batch)
    there = gpus.available(environ) if each else ()
    if each > len(there):
        raise SubmissionRefusedError(_too_few(each, there, environ))
    cores_each = batch.share.cores or 1
    at_once = min(
        batch.at_once or len(cores) // cores_each, len(there) // each if each else len(batch.elements)
    )
    at_once = max(1, min(at_once, len(batch.elements)))
    names = slots.core_names(cores, at_once * cores_each)
    free = Slots(slots.host_folder(environ), names, there, each, cores_each)
    return Capacity(
        free, at_once, _variables(batch, environ, batch.share.cores or len(cores) // at_once, each)
    )


def _too_few(wanted: int, there: tuple[Gpu, ...], environ: Mapping[str, str]) -> str:
    visible = f" ({gpus.VISIBLE}={environ[gpus.VISIBLE]})" if gpus.VISIBLE in environ else ""
    return f"each trial asks for {wanted} GPU{'s' * (wanted > 1)}, and {len(there)} can be used here{visible}"


def _variables(batch: Batch, environ: Mapping[str, str], cores_each: int, gpus_each: int) -> dict[str, str]:
    set_by_user = {*environ, *_names_in_env_file(batch)}
    variables = environment.threads(cores_each, set_by_user)
    if not gpus_each and batch.share.gpus == 0:
        variables[gpus.VISIBLE] = ""
    if gpus_each and not set_by_user & {gpus.VISIBLE, gpus.ORDER}:
        variables[gpus.ORDER] = gpus.ORDER_OF_LISTING
    return variables


def _names_in_env_file(batch: Batch) -> set[str]:
    if not batch.files.env_file.is_file():  # a named pipe would wait for a writer for ever
        return set()
    try:
        text = batch.files.env_file.read_text(encoding="utf-8", errors="replace")
    except OSError:  # there need not be one, and the script says so where it cannot be read
        return set()
    return environment.names_in_env_file(text)
