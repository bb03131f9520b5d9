"""The templates as a user has them: a checkout, a work_root, commands typed in a shell."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import eventually
from real_slurm import Slurm

DEADLINE_S = 300.0
until = partial(eventually.until, deadline_s=DEADLINE_S, pause_s=0.05)
TRAINING = ("data=tiny", "trainer.num_epochs=5")
SMALL = ("compute=bon_echo/cpu_1x", "compute.cpus_per_task=1", "compute.mem_gb=1")

TOY = """
import os, time
import hydra
from pathlib import Path
from training import launching

def train(cfg):
    out = Path(cfg.paths.out_dir)
    out.mkdir(parents=True, exist_ok=True)
    (out / "began").write_text(repr(time.time()))
    {body}
    (out / "ended").write_text(repr(time.time()))

@hydra.main(config_path=".", config_name="config", version_base="1.3")
def main(cfg):
    return launching.run(train, cfg)

if __name__ == "__main__":
    main()
"""
TOY_CONFIG = "defaults: [_global, _self_]\nx: 0\nhydra: {searchpath: ['pkg://configs']}\n"


@dataclass(frozen=True)
class Trainer:
    """A process that trains, by its id and rank."""

    pid: int
    rank: int

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)


HELD = """
import os, time
from pathlib import Path
import hydra
from training import launching, ranks
from {module}.train import {trainer}

class Held({trainer}):
    def end_step(self, cfg, interruption):
        here = Path(cfg.paths.work_root)
        while (self.epoch, self.step) >= (1, 2) and not (here / "go").exists() and not interruption.asked:
            (here / f"held-{{ranks.rank()}}").write_text(str(os.getpid()))
            time.sleep(0.02)
        super().end_step(cfg, interruption)

@hydra.main(config_path=".", config_name="config", version_base="1.3")
def main(cfg):
    return launching.run(Held(), cfg)

if __name__ == "__main__":
    main()
"""


@dataclass
class Project:
    folder: Path
    work_root: Path
    env: Mapping[str, str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @classmethod
    def copied(cls, templates: Path, tmp_path: Path, env: Mapping[str, str] = os.environ) -> Project:
        folder, work_root = tmp_path / "project", tmp_path / "work"
        shutil.copytree(templates, folder, ignore=shutil.ignore_patterns("__pycache__", ".venv"))
        work_root.mkdir()
        everywhere = folder / "configs/_global.yaml"  # GPUs of the test cluster are pretended
        everywhere.write_text(everywhere.read_text().replace("allow_cpu: false", "allow_cpu: true"))
        own = {
            "PYTHONPATH": f"{folder / 'src'}:{folder}",
            "USER": "ada",
            "HOME": str(tmp_path),
            "OMP_NUM_THREADS": "1",
        }
        kept = {
            name: value
            for name, value in env.items()
            if not name.startswith(("SUBMITIT", "HYPERHERD", "SLURM_JOB"))
        }
        return cls(folder, work_root, {**kept, **own, "HYDRA_FULL_ERROR": "0"})

    def toy(self, body: str, name: str = "toy") -> str:
        """Add a template of a few lines, which does ``body``; the module to launch."""
        package = self.folder / "src" / name
        package.mkdir()
        (package / "config.yaml").write_text(TOY_CONFIG)
        (package / "launch.py").write_text(TOY.replace("{body}", body))
        return f"{name}.launch"

    def held(self, module: str, trainer: str) -> str:
        """A template whose training stops inside epoch 1, after the optimiser's step, until a signal or `go`."""
        package = self.folder / "src/held"
        package.mkdir()
        shutil.copy(self.folder / "src" / module.replace(".", "/") / "config.yaml", package)
        (package / "launch.py").write_text(HELD.format(module=module, trainer=trainer))
        return "held.launch"

    def until_held(self, ranks: int = 1) -> list[str]:
        """Until the training is held inside epoch 1; its pids. The next attempt may be held there as well."""
        until(lambda: len([*self.work_root.glob("held-*")]) == ranks, "the training inside epoch 1")
        written = self.work_root.glob("held-*")
        return [until(path.read_text, "its pid") for path in written]  # it is written again and again

    def until_ended(self, pids: Sequence[str]) -> None:
        """Until none of these processes is left: Slurm kills a while after it has said so."""
        until(lambda: not any(Path("/proc", pid).exists() for pid in pids), "the end of what was killed")

    def go(self) -> None:
        """Let the held training run on."""
        (self.work_root / "go").touch()

    def argv(self, module: str, *words: str) -> list[str]:
        return [sys.executable, "-m", module, f"paths.work_root={self.work_root}", *words]

    def run(self, module: str, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run to the end; it has to end with ``code``."""
        ended = subprocess.run(
            self.argv(module, *words),
            capture_output=True, text=True, env=self.env, cwd=self.work_root.parent, check=False, timeout=DEADLINE_S,
        )  # fmt: skip
        assert ended.returncode == code, f"exit {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        return ended

    def start(self, module: str, *words: str) -> subprocess.Popen[str]:
        with open(self.work_root.parent / f"terminal-{len(self.started)}", "w") as out:
            child = subprocess.Popen(
                self.argv(module, *words),
                stdout=out, stderr=subprocess.STDOUT, text=True, env=self.env, cwd=self.work_root.parent,
                start_new_session=True,
            )  # fmt: skip
        self.started.append(child)
        return child

    def terminal(self, number: int = 0) -> str:
        """What the started command has printed."""
        return (self.work_root.parent / f"terminal-{number}").read_text()

    def end(self) -> None:
        for child in self.started:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    def sweep(self, name: str) -> Path:
        return self.work_root / "vec_jobs" / name

    def run_folder(self, name: str, number: int = 0) -> Path:
        return self.sweep(name) / str(number)

    def log(self, name: str, number: int = 0) -> str:
        path = self.run_folder(name, number) / "launch.log"
        return path.read_text() if path.exists() else ""

    def until_logged(self, name: str, words: str, number: int = 0) -> None:
        until(lambda: words in self.log(name, number), f"{words!r} in launch.log of {name}")

    def metrics(self, name: str, number: int = 0) -> list[dict[str, float]]:
        found: list[dict[str, float]] = json.loads(
            (self.run_folder(name, number) / "outputs/metrics.json").read_text()
        )
        return found

    def checkpoints(self, name: str, number: int = 0) -> list[str]:
        return sorted(
            path.name for path in (self.run_folder(name, number) / "outputs").glob("checkpoint-epoch-*")
        )

    def last_state(self, name: str, number: int = 0) -> dict[str, Any]:
        """What the last checkpoint of a finished run holds: weights, optimiser, schedule, random states and all."""
        import torch
        from training import checkpoints

        newest = checkpoints.latest(self.run_folder(name, number) / "outputs")
        assert newest is not None
        state: dict[str, Any] = torch.load(newest / "state.pt", weights_only=True)
        return state

    def trainers(self, name: str) -> list[Trainer]:
        """The processes of a sweep's only job here, by rank: children of the controller, whose id is the job's."""
        (job,) = (path.name for path in (self.sweep(name) / "submitit_logs").iterdir() if path.name.isdigit())
        children = [int(pid) for pid in Path(f"/proc/{job}/task/{job}/children").read_text().split()]
        told = {pid: Path(f"/proc/{pid}/environ").read_bytes() for pid in children}
        ranked = [
            Trainer(pid, int(told[pid].partition(b"SUBMITIT_LOCAL_GLOBALID=")[2].partition(b"\0")[0]))
            for pid in children
        ]
        return sorted(ranked, key=lambda one: one.rank)

    def resumed_at(self, name: str, number: int = 0) -> list[tuple[int, int]]:
        """Epoch and step (0: after the epoch) of the checkpoints it went on from."""
        found = re.findall(r"resumed from checkpoint-epoch-(\d+)(?:-step-(\d+))?", self.log(name, number))
        return [(int(epoch), int(step or 0)) for epoch, step in found]


def same(one: Any, other: Any) -> bool:
    """Equal to the last digit, tensors within lists and dicts too."""
    import torch

    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(same(one[k], other[k]) for k in one)
        )
    if isinstance(one, (list, tuple)):
        return isinstance(other, (list, tuple)) and len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@dataclass
class OnSlurm(Project):
    slurm: Slurm | None = None

    @classmethod
    def copied_to(cls, slurm: Slurm, templates: Path, tmp_path: Path) -> OnSlurm:
        project = super().copied(templates, tmp_path, slurm.env)
        return cls(project.folder, project.work_root, project.env, slurm=slurm)

    def ask(self, *argv: str) -> str:
        assert self.slurm is not None
        answer = self.slurm.run(*argv)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    def job(self, name: str) -> str:
        """The id of the sweep's job, or array, once it is submitted."""
        logs = self.sweep(name) / "submitit_logs"
        scripts = until(lambda: [*logs.glob("*/*_submission.sh")], "a job")
        return str(scripts[0].name.partition("_")[0])

    def state(self, job: str) -> str:
        """As scontrol has it: RUNNING, PENDING, COMPLETED, ..."""
        shown = re.search(r"JobState=(\w+)", self.ask("scontrol", "show", "job", job))
        assert shown is not None
        return shown[1]

    def until_state(self, job: str, state: str) -> None:
        until(lambda: self.state(job) == state, f"job {job} {state}")

    def start_again(self, job: str) -> None:
        """Have the job, queued again, start now and not in two minutes."""
        self.until_state(job, "PENDING")
        self.ask("scontrol", "update", f"JobId={job}", "StartTime=now+2")

    def end(self) -> None:
        super().end()
        assert self.slurm is not None
        logs = self.sweep("").glob("*/submitit_logs/*/*_submission.sh")
        jobs = {path.name.partition("_")[0] for path in logs}
        if jobs:
            self.slurm.run("scancel", *jobs)
