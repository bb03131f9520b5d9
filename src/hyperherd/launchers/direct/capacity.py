"""What this machine can give to a batch: how many trials at once, with which cores, GPUs and threads; what each job has
for itself, as sbatch's words ask for it; and what of our environment is not for a trial.
"""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from hyperherd import units
from hyperherd.attempts import variables
from hyperherd.errors import Fault, LauncherError, OptionError, SubmissionRefusedError, nearest
from hyperherd.jobs import Batch, Share
from hyperherd.launchers.direct import gpu_slots, slots
from hyperherd.launchers.direct.cores import usable
from hyperherd.launchers.direct.gpu_slots import Gpu
from hyperherd.launchers.direct.slots import Slots

NAMES = ("cpus_per_task", "gpus_per_node", "time")
_ALIASES = {"gpu_per_node": "gpus_per_node", "gpus": "gpus_per_node"}
_ELSEWHERE = {
    "mem": "this machine holds no memory: it is looked at when a machine is chosen (herd launchers explain)",
    "nodes": "this machine is one",
}
_HELD = f"this machine holds {', '.join(NAMES)}; the rest is for a SlurmLauncher"

Value = str | int | None


def named(options: Mapping[str, Value]) -> dict[str, Value]:
    """Under the names of `NAMES`. Raises `OptionError` with all that is wrong."""
    wrong = [
        Fault(f"DirectLauncher.{name}", *fault)
        for name, value in options.items()
        if (fault := _fault(name, value))
    ]
    if wrong:
        raise OptionError(wrong)
    return {_ALIASES.get(name, name): value for name, value in options.items()}


def share(options: Mapping[str, Value]) -> Share:
    """What options of `NAMES` ask for.

    >>> share({"cpus_per_task": "4", "gpus_per_node": "a100:2", "time": "1:00:00"})
    Share(cores=4, gpus=2, time_s=3600.0)
    """
    cores, cards, time = (options.get(name) for name in NAMES)
    time_s = math.inf if time is None else units.seconds_of_limit(str(time))
    return Share(
        cores=None if cores is None else int(cores),
        gpus=None if cards is None else units.gpus_asked(str(cards)),
        time_s=None if math.isinf(time_s) else time_s,
    )


def options(held: Share) -> dict[str, Value]:
    """The other way round; what nobody asked for is left out.

    >>> options(Share(gpus=0, time_s=90))
    {'gpus_per_node': 0, 'time': '00:01:30'}
    """
    time = None if held.time_s is None else units.limit(held.time_s)
    asked: dict[str, Value] = dict(zip(NAMES, (held.cores, held.gpus, time), strict=True))
    return {name: value for name, value in asked.items() if value is not None}


def _fault(name: str, value: Value) -> tuple[str, str] | None:
    name = _ALIASES.get(name, name)
    if name not in NAMES:
        hint = _ELSEWHERE.get(name) or f"{nearest(name, NAMES)} {_HELD}".lstrip()
        return f"'{name}' means nothing here", hint
    if value is None:
        return None
    return _time_fault(value) if name == "time" else _count_fault(name, value)


def _count_fault(name: str, value: object) -> tuple[str, str] | None:
    text = str(value)
    count = text.rpartition(":")[2] if name == "gpus_per_node" else text
    if isinstance(value, bool) or not count.isdecimal() or (name == "cpus_per_task" and int(count) < 1):
        noun, example = ("cores", "4") if name == "cpus_per_task" else ("GPUs", "2")
        return f"{value!r} is not a number of {noun}", f"such as {example}"
    return None


def _time_fault(value: object) -> tuple[str, str] | None:
    try:
        units.seconds_of_limit("" if isinstance(value, bool) else str(value))
    except ValueError:
        return f"{value!r} is not a time limit", "minutes, or hours:minutes:seconds such as '4:00:00'"
    return None


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
