"""A template that was written for vec-playbook, its files as they were, dropped into ``src/``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf
from training.trainer import Trainer

from .conftest import TEMPLATES
from .project import OnSlurm

CONFIG = """
defaults:
  - _global
  - _self_
trainer: {learning_rate: 1e-3, num_epochs: 2}
hydra:
  searchpath:
    - pkg://configs
"""
LAUNCH = """
import os
import hydra
from omegaconf import OmegaConf
from .train import BroughtTrainer

@hydra.main(config_path=".", config_name="config", version_base=None)
def main(cfg):
    OmegaConf.set_struct(cfg, False)
    hydra_config = hydra.core.hydra_config.HydraConfig.get()
    cfg.paths.out_dir = os.path.join(hydra_config.runtime.output_dir, "outputs")
    return BroughtTrainer()(cfg)

if __name__ == "__main__":
    main()
"""
TRAIN = """
import os
from pathlib import Path
import submitit

class BroughtTrainer(submitit.helpers.Checkpointable):
    def __call__(self, cfg):
        job = submitit.JobEnvironment()
        out = Path(cfg.paths.out_dir)
        out.mkdir(parents=True, exist_ok=True)
        (out / f"rank-{job.global_rank}").write_text(f"{job.local_rank} of {job.num_tasks}")
        return 0

    def checkpoint(self, *args, **kwargs):
        return submitit.helpers.DelayedSubmission(self, *args, **kwargs)
"""


def brought(project: OnSlurm) -> str:
    package = project.folder / "src/brought/ddp"
    package.mkdir(parents=True)
    for name, text in {
        "config.yaml": CONFIG,
        "launch.py": LAUNCH,
        "train.py": TRAIN,
        "__init__.py": "",
    }.items():
        (package / name).write_text(text)
    return "brought.ddp.launch"


TWO_GPUS = ("compute=killarney/l40s_2x", "compute.gpu_type=t4", "compute.cpus_per_task=1", "compute.mem_gb=1")


def ranks(project: OnSlurm) -> dict[str, str]:
    return {path.name: path.read_text() for path in (project.run_folder("two") / "outputs").glob("rank-*")}


@pytest.mark.parametrize("launcher", ["submitit", "herd"])
def test_it_runs_as_many_processes_on_slurm_as_its_preset_has_tasks(on_slurm: OnSlurm, launcher: str) -> None:
    on_slurm.env = {**on_slurm.env, "PYTHONPATH": f"{on_slurm.env['PYTHONPATH']}:{TEMPLATES.parent / 'src'}"}
    words = (*TWO_GPUS, f"launcher={launcher}", "wait=true", "experiment_name=two", "--multirun")
    ended = on_slurm.run(brought(on_slurm), *words)
    assert ranks(on_slurm) == {"rank-0": "0 of 2", "rank-1": "1 of 2"}
    assert "note:" not in ended.stderr


class OfOneProcess(Trainer):  # type: ignore[misc]
    """What begins alone, whoever else was started."""

    def __call__(self, cfg: DictConfig) -> dict[str, float]:
        self.begin(cfg)
        return {}

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        pass


def test_several_processes_of_a_template_for_one_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match=r"2 processes were started .* tasks_per_node: 1"):
        OfOneProcess()(OmegaConf.create({"paths": {"out_dir": str(tmp_path)}}))
