"""The settings of ``hydra.launcher``, below those of Hydra's own Submitit plugin."""

# No `from __future__ import annotations`: Hydra executes plugins where dataclasses cannot look such names up.
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeperConf
from hydra.core.config_store import ConfigStore
from hydra_plugins.hydra_submitit_launcher.config import LocalQueueConf, SlurmQueueConf
from omegaconf import DictConfig, OmegaConf

LOGS = "${hydra.sweep.dir}/submitit_logs/%j"


@dataclass
class SweeperConf(BasicSweeperConf):
    _target_: str = "hydra_plugins.training_launchers.sweeping.TrainingSweeper"


@dataclass
class SlurmConf(SlurmQueueConf):
    """``additional_parameters`` stand above ``preset_parameters``, and above all that has a name here."""

    _target_: str = "hydra_plugins.training_launchers.on_slurm.TrainingSlurmLauncher"
    submitit_folder: str = LOGS
    name: str = "${job_name:}"
    tasks_per_node: int | None = None  # type: ignore[assignment]
    mem_gb: float | None = None  # type: ignore[assignment]
    timeout_min: int | None = None  # type: ignore[assignment]
    preset_parameters: dict[str, Any] = field(default_factory=dict)
    requeue: bool = False
    wait: bool = True


@dataclass
class LocalConf(LocalQueueConf):
    """``at_once``: how many runs at once; None for as many as the cores and GPUs of this machine hold."""

    _target_: str = "hydra_plugins.training_launchers.on_this_machine.TrainingLocalLauncher"
    submitit_folder: str = LOGS
    tasks_per_node: int | None = None  # type: ignore[assignment]
    timeout_min: int | None = None  # type: ignore[assignment]
    at_once: int | None = None
    requeue: bool = False
    max_num_timeout: int = 0
    signal_delay_s: int = 120


@dataclass
class WithoutHerdConf:
    _target_: str = "hydra_plugins.training_launchers.without_herd.WithoutHerd"
    slurm: Any = None
    requeue: bool = False
    wait: bool = False


def sbatch_options(*, _root_: DictConfig) -> dict[str, Any]:
    """What herd asks sbatch for: the settings that ``launcher=submitit`` has, without what herd does itself."""
    from hydra_plugins.training_launchers.on_slurm import parameters, typed_words

    compute, user = _root_.compute, _root_.user
    slurm = compute.get("slurm") or {}
    settings = {
        **{
            key: compute.get(key)
            for key in ("nodes", "cpus_per_task", "mem_gb", "timeout_min", "gres", "gpus_per_node")
        },
        **{key: slurm.get(key) for key in ("partition", "qos")},
        "tasks_per_node": _root_.tasks_per_node,
        "account": user.slurm.account,
        "preset_parameters": slurm.get("additional_parameters"),
        "additional_parameters": user.slurm.get("additional_parameters"),
        "name": job_name(_root_=_root_),
        "requeue": False,
    }
    options = parameters(settings, typed_words(_root_))
    additional = options.pop("additional_parameters")
    del additional["no_requeue"]
    return {**options, **additional}


def job_name(*, _root_: DictConfig) -> str:
    """``mlp.single`` of ``mlp.single.launch``, for jobs to be told apart; or what ``hydra.job.name`` was set to."""
    name = str(_root_.hydra.job.name)
    module = getattr(sys.modules["__main__"], "__spec__", None)
    started = module.name if module else ".".join(Path(sys.argv[0]).absolute().with_suffix("").parts[-2:])
    template, _, file = started.rpartition(".")
    return template if template and file == name else name


OmegaConf.register_new_resolver("job_name", job_name, replace=True)
OmegaConf.register_new_resolver("sbatch_options", sbatch_options, replace=True)

_STORE = ConfigStore.instance()
_STORE.store(group="hydra/launcher", name="training_slurm", node=SlurmConf, provider="training_launchers")
_STORE.store(group="hydra/launcher", name="training_local", node=LocalConf, provider="training_launchers")
if find_spec("hyperherd") is None:
    _STORE.store(
        group="hydra/launcher", name="hyperherd", node=WithoutHerdConf, provider="training_launchers"
    )
_STORE.store(group="hydra/sweeper", name="training", node=SweeperConf, provider="training_launchers")
