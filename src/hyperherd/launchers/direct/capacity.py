"""What this machine can give to a batch: how many trials at once, with which cores, GPUs and threads."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from hyperherd.attempts import variables
from hyperherd.errors import LauncherError, SubmissionRefusedError
from hyperherd.jobs import Batch
from hyperherd.launchers.direct import gpu_slots, slots
from hyperherd.launchers.direct.cores import usable
from hyperherd.launchers.direct.gpu_slots import Gpu
from hyperherd.launchers.direct.slots import Slots

_OF_ANOTHER_JOB = ("SLURM_", "SBATCH_")
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_MAX_THREADS")
_ENV_FILE_NAME = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=", re.MULTILINE)


def cleaned(environ: Mapping[str, str]) -> dict[str, str]:
    """Without what belongs to an allocation or a trial in which herd itself was started.

    >>> cleaned({"SLURM_JOB_ID": "7", "HYPERHERD_TRIAL_ID": "3", "HOME": "/home/ada"})
    {'HOME': '/home/ada'}
    """
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(_OF_ANOTHER_JOB) and name not in variables.OF_A_TRIAL
    }


def threads(cores_each: int, set_by_user: Collection[str]) -> dict[str, str]:
    """How many threads numeric libraries may start, so that trials side by side do not fight for cores.

    >>> threads(4, {"MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"})
    {'OMP_NUM_THREADS': '4', 'NUMEXPR_MAX_THREADS': '4'}
    """
    each = str(max(1, cores_each))
    return {name: each for name in _THREADS if name not in set_by_user}


def names_in_env_file(text: str) -> set[str]:
    """The variables that a .env file gives a value to; it counts only where a variable is not set already.

    >>> sorted(names_in_env_file("# A=1\\nexport B = 2\\nC='x'\\nnonsense\\n"))
    ['B', 'C']
    """
    return set(_ENV_FILE_NAME.findall(text))


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
    there = gpu_slots.available(environ) if wanted else ()
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
    there = gpu_slots.available(environ) if each else ()
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
    visible = f" ({gpu_slots.VISIBLE}={environ[gpu_slots.VISIBLE]})" if gpu_slots.VISIBLE in environ else ""
    return f"each trial asks for {wanted} GPU{'s' * (wanted > 1)}, and {len(there)} can be used here{visible}"


def _variables(batch: Batch, environ: Mapping[str, str], cores_each: int, gpus_each: int) -> dict[str, str]:
    set_by_user = {*environ, *_names_in_env_file(batch)}
    variables = threads(cores_each, set_by_user)
    if not gpus_each and batch.share.gpus == 0:
        variables[gpu_slots.VISIBLE] = ""
    if gpus_each and not set_by_user & {gpu_slots.VISIBLE, gpu_slots.ORDER}:
        variables[gpu_slots.ORDER] = gpu_slots.ORDER_OF_LISTING
    return variables


def _names_in_env_file(batch: Batch) -> set[str]:
    if not batch.files.env_file.is_file():  # a named pipe would wait for a writer for ever
        return set()
    try:
        text = batch.files.env_file.read_text(encoding="utf-8", errors="replace")
    except OSError:  # there need not be one, and the script says so where it cannot be read
        return set()
    return names_in_env_file(text)
