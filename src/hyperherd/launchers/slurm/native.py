"""What users write for Slurm, for those who know no scheduler: see `hyperherd.launchers.native`."""

from __future__ import annotations

from collections.abc import Sequence

from hyperherd.jobs import OwnScript, Request
from hyperherd.launchers.native import Native
from hyperherd.launchers.slurm import directives, gpu_options, option_check, option_table, translation
from hyperherd.launchers.slurm import options as sbatch

_SRUN = """\
: "${SLURM_JOB_ID:?its processes are started by srun, in a job of Slurm}"
exec srun ${SLURM_CPUS_PER_TASK:+--cpus-per-task="$SLURM_CPUS_PER_TASK"} """
"""srun takes the counts from the job, but (since 22.05, man srun) not the CPUs of each process."""


class SlurmNative:
    """sbatch's long options by name with ``_``, and ``#SBATCH`` lines."""

    signs: Sequence[str] = option_table.OF_A_CLUSTER
    raw = option_check.RAW
    job_name = "job_name"
    queue = "partition"
    described_by: Sequence[str] = option_table.DESCRIBED
    written_as = option_table.WRITTEN

    faults = staticmethod(option_check.faults)
    fault = staticmethod(sbatch.fault)
    request = staticmethod(translation.request)
    options = staticmethod(translation.options)
    merged = staticmethod(gpu_options.merged)
    of_tasks = staticmethod(translation.of_tasks)
    described = staticmethod(translation.described)
    filled = staticmethod(translation.filled)
    gpu_name = staticmethod(gpu_options.name)

    @staticmethod
    def of_script(text: str) -> OwnScript:
        from hyperherd.launchers.slurm import own_script  # 14 ms, for sweeps over scripts alone

        return own_script.read(text)

    @staticmethod
    def lines(asked: Request, name: str = "") -> list[str]:
        named = {"job_name": name} if name else {}
        raw = [f"#SBATCH {text}" for text in asked.native_lines]
        return [*sbatch.lines({**named, **translation.options(asked)}), *raw]

    @staticmethod
    def start(asked: Request) -> str:
        return _SRUN if (asked.tasks or 1) > 1 else "exec "

    @staticmethod
    def brief(asked: Request) -> Request:
        kept = {name: value for name, value in asked.native.items() if name not in _LASTING}
        lines = [text for text in asked.native_lines if not {*_LASTING, "time"} & _named(text)]
        return translation.request(kept, tuple(lines))


_LASTING = option_table.NOT_FOR_A_SHORT_JOB


def _named(line: str) -> set[str]:
    return {option.name for option in directives.options(directives.words(line))}


NATIVE: Native = SlurmNative()
