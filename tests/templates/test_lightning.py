"""Lightning's own Trainer with our logger, inside of a trial and outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("lightning")

TRAINER = """
import sys, warnings
import torch
{imports}
from hyperherd.integrations.lightning import HyperHerdLogger

class Model(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.save_hyperparameters({{"lr": 0.1}})
        self.layer = torch.nn.Linear(1, 1)
    def training_step(self, batch, index):
        loss = self.layer(batch).pow(2).mean()
        self.log("train/loss", loss)
        return loss
    def validation_step(self, batch, index):
        self.log("acc", 0.5 + self.current_epoch)
        self.log("nothing", float("nan"))
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

warnings.simplefilter("ignore")
data = torch.utils.data.DataLoader(torch.ones(4, 1), batch_size=2)
logger = HyperHerdLogger()
trainer = pl.Trainer(max_epochs=2, logger=[logger], log_every_n_steps=1, accelerator="cpu",
                     enable_progress_bar=False, enable_model_summary=False, default_root_dir="saved")
trainer.fit(Model(), data, data)
print("logger", type(logger).__mro__[1].__module__.partition(".")[0], logger.name, logger.version)
"""


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    root = tmp_path / "sweep"
    root.mkdir()
    (root / "hyperherd.yaml").write_text("name: s\nlauncher: launch.sh\ngrid: all\nparameters: {lr: [0.1]}\n")
    (root / "launch.sh").write_text(f'exec {sys.executable} train.py "$1"\n')
    (root / "train.py").write_text(TRAINER.format(imports="import lightning.pytorch as pl"))
    return root


def run(root: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HYPERHERD_", "SLURM_"))}
    env = {**clean, "HYPERHERD_SLOTS_DIR": str(root / "slots"), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, *argv], cwd=root, env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_what_lightning_logs_is_a_stream_and_at_the_end_a_final_metric(sweep: Path) -> None:
    run(sweep, "-m", "hyperherd", "run", "--on", "local")
    (trial,) = json.loads(run(sweep, "-m", "hyperherd", "res", "--json").stdout)["trials"]
    metrics = trial["metrics"]
    assert (metrics["status"], metrics["final_acc"], metrics["final_epoch"]) == ("success", 1.5, 1.0)
    assert metrics["final_nothing"] == "NaN"
    rows = json.loads(run(sweep, "-m", "hyperherd", "res", "--steps", "--json").stdout)["rows"]
    assert [row["step"] for row in rows if row["metric"] == "train/loss"] == [0, 1, 2, 3]
    assert [(row["step"], row["value"]) for row in rows if row["metric"] == "acc"] == [(1, 0.5), (3, 1.5)]
    assert (sweep / "saved/hyperherd/lr-0.1/checkpoints").is_dir()


def test_outside_of_a_trial_the_logger_does_nothing(sweep: Path) -> None:
    """Also with Lightning's other name, where that is installed: then its base class is the one from there."""
    package = "lightning"
    if (
        subprocess.run([sys.executable, "-c", "import pytorch_lightning"], capture_output=True).returncode
        == 0
    ):
        package = "pytorch_lightning"
        (sweep / "train.py").write_text(TRAINER.format(imports="import pytorch_lightning as pl"))
    assert f"logger {package} hyperherd local" in run(sweep, "train.py").stdout
    assert not (sweep / ".hyperherd").exists()
