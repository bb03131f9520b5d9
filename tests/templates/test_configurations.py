"""What configs/ makes of presets, of the user's file and of words on the command line."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra_plugins.training_launchers import on_slurm
from omegaconf import OmegaConf
from submitit.slurm.slurm import _make_sbatch_string
from training import gpus

from .conftest import TEMPLATES
from .project import TOY_CONFIG

PRESETS = sorted(
    path.relative_to(TEMPLATES / "configs/compute").with_suffix("").as_posix()
    for path in (TEMPLATES / "configs/compute").rglob("*.yaml")
)
TEMPLATE_FOLDERS = sorted(path.parent for path in TEMPLATES.glob("src/*/*/launch.py"))
TIMED = [preset for preset in PRESETS if preset != "local"]


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("USER", "ada")
    monkeypatch.setenv("HOME", "/home/ada")
    with initialize_config_dir(str(TEMPLATES / "src/mlp/single"), version_base="1.3"):
        yield
    GlobalHydra.instance().clear()


@contextmanager
def template_of(folder: Path) -> Iterator[None]:
    """Compose this template's configuration, and not that of `mlp.single`."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(folder), version_base="1.3"):
        yield


def composed(*words: str) -> Any:
    return compose("config", list(words), return_hydra_config=True)


def sbatch_lines(*words: str) -> list[str]:
    """The ``#SBATCH`` lines that these words on the command line lead to, without the log files."""
    settings = OmegaConf.to_container(
        composed(*words, "hydra.job.name=launch", "hydra.job.num=0").hydra.launcher, resolve=True
    )
    assert isinstance(settings, dict)
    settings["submitit_folder"] = "logs"
    text = _make_sbatch_string("true", "logs", **on_slurm.timed(on_slurm.parameters(settings, words)))
    lines = [line.removeprefix("#SBATCH --") for line in text.splitlines() if line.startswith("#SBATCH")]
    return [line for line in lines if not line.startswith(("output", "error"))]


def tool() -> Any:
    path = TEMPLATES.parent / "tools/template_presets.py"
    spec = importlib.util.spec_from_file_location("template_presets", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_presets_are_those_of_the_launcher_finder_written_out_in_full() -> None:
    """`make presets` writes them."""
    folder = TEMPLATES / "configs/compute"
    assert {f"{name}.yaml": (folder / f"{name}.yaml").read_text() for name in PRESETS} == tool().all_presets()


def test_the_defaults_are_the_documented_ones() -> None:
    cfg = composed()
    chosen = cfg.hydra.runtime.choices
    assert (chosen.compute, chosen.requeue, chosen.launcher) == ("killarney/l40s_1x", "off", "submitit")
    assert cfg.paths.work_root == "/scratch/ada"
    assert cfg.user.slurm == {"account": None, "additional_parameters": {"qos": None}}


def test_what_is_null_gives_no_line() -> None:
    assert sbatch_lines() == [
        "cpus-per-task=16", "gres=gpu:l40s:1", "job-name=launch", "mem=122880M", "no-requeue", "nodes=1",
        "ntasks-per-node=1", "open-mode=append", "signal=USR2@120", "time=60", "wckey=submitit",
    ]  # fmt: skip


@pytest.mark.parametrize("preset", TIMED)
def test_the_users_account_and_parameters_reach_sbatch_with_every_preset(preset: str) -> None:
    lines = sbatch_lines(
        f"compute={preset}", "user.slurm.account=B", "user.slurm.additional_parameters.qos=fast",
        "+user.slurm.additional_parameters.mail-user=ada@site",
    )  # fmt: skip
    assert {"account=B", "qos=fast", "mail-user=ada@site"} <= {*lines}
    names = [line.partition("=")[0] for line in lines]
    assert len(names) == len({*names})


@pytest.mark.parametrize("preset", TIMED)
def test_every_preset_asks_for_its_own_gpus_once(preset: str) -> None:
    lines = sbatch_lines(f"compute={preset}")
    gpus = int(preset.rpartition("_")[2][0]) if "cpu" not in preset else 0
    kind = preset.partition("/")[2].partition("_")[0]
    assert [line for line in lines if "gpu" in line] == ([f"gres=gpu:{kind}:{gpus}"] if gpus else [])


@pytest.mark.parametrize("template", TEMPLATE_FOLDERS, ids=lambda path: path.name)
def test_a_template_for_several_processes_has_the_presets_and_any_other_one(template: Path) -> None:
    several = template.name in ("ddp", "finetune_distributed")
    with template_of(template):
        cfg = composed("compute=killarney/l40s_2x", "launcher=local", "hydra.job.num=0")
    assert cfg.hydra.launcher.tasks_per_node == (2 if several else 1)
    told = gpus.unused(cfg)
    assert told is None if several else told and "holds 2 GPUs for 1 process" in told


def test_a_template_that_says_nothing_of_processes_has_the_presets(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(TOY_CONFIG)
    with template_of(tmp_path):
        assert "ntasks-per-node=4" in sbatch_lines("compute=killarney/h100_4x")
        assert "ntasks-per-node=3" in sbatch_lines("compute=killarney/h100_4x", "tasks_per_node=3")
        assert not [line for line in sbatch_lines("compute=bon_echo/cpu_1x") if "ntasks" in line]
        assert "ntasks-per-node=1" in sbatch_lines("~compute.tasks_per_node")


@pytest.mark.parametrize(
    ("gres", "number"),
    [
        ("gpu", 1), ("gpu:3", 3), ("gpu:l40s:4", 4), ("gpu:l40s", 1), ("gres/gpu:a:2,gpu:b:1,lscratch:9", 3),
        ("gpu:a100:2(S:0-1)", 2), ("shard:4", 0), (None, 5),
    ],
)  # fmt: skip
def test_the_gpus_of_a_preset_are_counted_as_sbatch_counts_them(gres: str | None, number: int) -> None:
    assert gpus.asked(OmegaConf.create({"compute": {"gres": gres, "gpus_per_node": "t4:5"}})) == number


def test_what_preset_and_user_both_set_appears_once_and_the_user_wins() -> None:
    lines = sbatch_lines(
        "compute.slurm.qos=slow", "+compute.slurm.additional_parameters.mail_type=END",
        "+compute.slurm.additional_parameters.nice=5", "+user.slurm.additional_parameters.mail-type=FAIL",
        "user.slurm.additional_parameters.qos=fast", "+user.slurm.additional_parameters.mem=7G",
    )  # fmt: skip
    assert [line for line in lines if line.startswith(("qos", "mail", "nice", "mem"))] == [
        "mail-type=FAIL", "mem=7G", "nice=5", "qos=fast",
    ]  # fmt: skip


def test_what_is_typed_of_the_preset_stands_above_the_file_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(TOY_CONFIG)
    (tmp_path / "user.yaml").write_text(
        "user: {slurm: {account: a, additional_parameters: {qos: slow, mem: 7G, time: 10, gres: gpu:1, nice: 5}}}"
    )
    kept = ("qos", "mem", "time", "gres", "nice")
    with template_of(tmp_path):
        lines = sbatch_lines(
            "compute.slurm.qos=fast",
            "compute.mem_gb=1",
            "hydra.launcher.timeout_min=20",
            "compute.gpus_per_node=2",
        )
        assert [line for line in lines if line.startswith(kept)] == [
            "gres=gpu:l40s:2", "mem=1024M", "nice=5", "qos=fast", "time=20",
        ]  # fmt: skip
        assert "qos=slow" in sbatch_lines("compute=killarney/l40s_1x")
        assert not [line for line in sbatch_lines("compute.slurm.qos=null") if line.startswith("qos")]


def test_compute_keys_can_be_overridden_and_what_follows_from_them_follows() -> None:
    lines = sbatch_lines(
        "compute=bon_echo/a40_1x", "compute.mem_gb=32", "compute.gpus_per_node=2", "compute.timeout_min=90"
    )
    assert {"mem=32768M", "gres=gpu:a40:2", "time=90", "partition=a40"} <= {*lines}


def test_a_preset_without_gres_asks_for_gpus_per_node() -> None:
    assert "gpus-per-node=2" in sbatch_lines("compute.gres=null", "compute.gpus_per_node=2")


@pytest.mark.parametrize(("word", "line"), [("on", "requeue"), ("off", "no-requeue")])
def test_requeue_is_an_option_without_a_value(word: str, line: str) -> None:
    assert [one for one in sbatch_lines(f"requeue={word}") if "requeue" in one] == [line]


@pytest.mark.parametrize(
    ("time", "minutes"),
    [("90", 90), ("1:30:00", 90), ("30:01", 31), ("1-12", 2160), ("1-12:30", 2190), ("2-0:0:1", 2881)],
)
def test_a_time_limit_as_sbatch_writes_it_is_known_to_submitit(time: str, minutes: int) -> None:
    assert f"time={minutes}" in sbatch_lines(f"+user.slurm.additional_parameters.time='{time}'")


def test_no_time_limit_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"compute\.timeout_min"):
        sbatch_lines("compute.timeout_min=null")


def test_a_time_limit_that_ends_before_a_run_could_be_told_of_it_is_refused() -> None:
    with pytest.raises(ValueError, match=r"compute\.timeout_min=3 or more"):
        sbatch_lines("compute.timeout_min=2", "requeue=on")
    assert "time=2" in sbatch_lines("compute.timeout_min=2", "hydra.launcher.signal_delay_s=60")


class Loader:
    """Hydra's, as the sweeper asks it; ``data`` is a group. It notes what is composed."""

    def __init__(self) -> None:
        self.composed: list[list[str]] = []

    def get_group_options(self, key: str) -> list[str]:
        return ["hub", "tiny"] if key == "data" else []

    def load_sweep_config(self, master_config: Any, sweep_overrides: list[str]) -> None:
        self.composed.append(sweep_overrides)


def test_before_a_long_sweep_is_submitted_each_key_and_each_choice_of_a_group_is_composed_once() -> None:
    # Hydra has loaded its plugins anew: only now are they of one kind.
    from hydra_plugins.training_launchers.sweeping import TrainingSweeper

    loader = Loader()
    sweeper = TrainingSweeper(max_batch_size=None)
    sweeper.hydra_context, sweeper.config = SimpleNamespace(config_loader=loader), OmegaConf.create()
    batch = [[f"seed={seed}", f"data={data}"] for seed in range(1000) for data in ("tiny", "hub")]
    sweeper.validate_batch_is_legal(batch)
    assert loader.composed == [["seed=0", "data=tiny"], ["seed=0", "data=hub"]]


@pytest.mark.parametrize(
    "template",
    TEMPLATE_FOLDERS,
    ids=lambda path: path.name,
)
def test_every_template_has_the_documented_files_and_keys(template: Path) -> None:
    assert {"launch.py", "train.py", "config.yaml"} <= {*os.listdir(template)}
    assert len((template / "train.py").read_text().splitlines()) < 300
    with template_of(template):
        cfg = composed("data=tiny", "trainer.learning_rate=5e-4", "trainer.batch_size=8", "+trainer.new=1")
    assert (cfg.trainer.learning_rate, cfg.trainer.batch_size) == (5e-4, 8)
