"""What a launcher asks of Slurm: options by name, the arguments they become, and whose word holds."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hyperherd
from hyperherd.connectors.connector import Completed
from hyperherd.connectors.local import LocalConnector
from hyperherd.errors import HerdError, OptionError
from hyperherd.launchers.shipped import native
from hyperherd.launchers.slurm import SlurmLauncher, SlurmOptions, forms, options
from hyperherd.launchers.slurm.client import Client

from .conftest import Cluster, batch_in

DATA = json.loads((Path(__file__).parents[1] / "launchers/data/launchers.json").read_text())
TEXTS = [name for name, kind in options.KINDS.items() if kind is forms.Kind.TEXT]
some_options = st.dictionaries(st.sampled_from(TEXTS), st.none() | st.sampled_from(["a", "b", 0, 3]))


@pytest.mark.parametrize("row", DATA["slurm_args"], ids=lambda row: str(row["options"])[:40])
def test_the_arguments_are_those_that_users_get_today(row: dict[str, Any]) -> None:
    assert SlurmOptions(**row["options"]).args() == row["args"]
    shuffled = dict(reversed(row["options"].items()))
    assert SlurmOptions(**shuffled).args() == row["args"]


@pytest.mark.parametrize(("seconds", "text"), DATA["format_time"])
def test_times_are_those_that_users_get_today(seconds: int, text: str) -> None:
    assert SlurmOptions.format_time(seconds) == text


def test_true_is_a_bare_option_and_false_none() -> None:
    asked = SlurmOptions(nodes=None, exclusive=True, requeue=False, nice=5)
    assert asked.args() == ["--exclusive", "--nice=5"]


@given(some_options, some_options)
def test_changed_options_are_the_old_and_the_new_and_the_old_stay(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    old = SlurmOptions(**first)
    before = repr(old)
    assert old.changed(**second) == SlurmOptions(**{**first, **second})
    assert (repr(old), old) == (before, SlurmOptions(**first))


def test_a_name_for_a_job_is_told_where_it_belongs() -> None:
    with pytest.raises(OptionError, match=r"Task\(command, name=...\)"):
        SlurmLauncher(job_name="mine")


def test_options_may_be_assigned_until_they_are_used() -> None:
    options = SlurmOptions(partition="gpu")
    options.gpus = 2
    options.mem = "4G"
    options.cpus_per_task = "8"
    options.qos = None
    assert options == SlurmOptions(partition="gpu", gpus=2, mem="4G", cpus_per_task="8")
    with pytest.raises(OptionError, match="lots"):
        options.mem = "lots"
    launcher = SlurmLauncher(options=options)
    for used in (options, launcher.options, launcher.config(nodes=2).options):
        with pytest.raises(AttributeError, match=r"config\(gpus=3\)"):
            used.gpus = 3
    assert launcher.options.gpus == 2


@given(some_options)
def test_options_are_values(asked: dict[str, Any]) -> None:
    one, same = SlurmOptions(**asked), SlurmOptions(**dict(reversed(asked.items())))
    assert (one, hash(one), one.args()) == (same, hash(same), same.args())
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one
    assert eval(repr(one)) == one
    assert one != one.changed(wckey="another")
    with pytest.raises(AttributeError, match="in use"):
        one.partition = "x"


def test_all_faults_are_told_at_once_with_the_nearest_name() -> None:
    with pytest.raises(OptionError) as caught:
        SlurmOptions(partitoin="a", mem="1.5 GB", gres=True, output="log", gpus=1.5)  # type: ignore[call-arg,arg-type]
    assert isinstance(caught.value, HerdError) and isinstance(caught.value, TypeError)
    for words in (
        "'partition'",
        "'1536M'",
        ".gres: it needs a value",
        ".output: 'output' cannot be",
        "1.5 is",
    ):
        assert words in str(caught.value)


@pytest.mark.parametrize("make", [SlurmLauncher, SlurmLauncher().config, SlurmOptions().changed])
def test_an_unknown_option_is_told_with_the_nearest(make: Any) -> None:
    with pytest.raises(OptionError, match="did you mean 'cpus_per_task'"):
        make(cpu_per_task=2)


@pytest.mark.parametrize("make", [SlurmLauncher, SlurmLauncher().config])
def test_gpu_per_node_is_gpus_per_node(make: Any) -> None:
    assert make(gpu_per_node=2).options == SlurmOptions(gpus_per_node=2)
    with pytest.raises(OptionError, match="the same option"):
        make(gpu_per_node=2, gpus_per_node=1)


def test_options_by_name_and_as_a_value_are_the_same() -> None:
    value = SlurmOptions(partition="a", mem="1G")
    assert SlurmLauncher(partition="a", mem="1G").options == SlurmLauncher(options=value).options == value
    assert SlurmLauncher(options=value, mem="2G").options == SlurmOptions(partition="a", mem="2G")


def test_config_is_a_changed_copy_and_all_else_is_kept() -> None:
    class Site(SlurmLauncher):
        """Somebody's own."""

    connector = LocalConnector()
    first = Site(partition="a", priority=7, connector=connector)
    second = first.config(gpus_per_node=1)
    assert type(second) is Site
    assert (second.priority, second.connector, second.options.partition) == (7, connector, "a")
    assert (first.options.gpus_per_node, second.options.gpus_per_node) == (None, 1)
    second.priority = 1
    assert first.priority == 7
    assert (first.config(priority=3).priority, first.config(partition=None).options) == (3, SlurmOptions())


def test_the_connector_runs_slurms_commands(workspace: Path) -> None:
    asked: list[str] = []

    class Recorded(LocalConnector):
        """Answers for Slurm."""

        def run(self, argv: Sequence[str], **more: Any) -> Completed:
            asked.append(argv[0])
            return super().run(["echo", "7"], timeout_s=more["timeout_s"])

    assert SlurmLauncher(connector=Recorded()).submit(batch_in(workspace)) == "7"
    assert asked == ["sbatch"]


def test_the_batchs_own_options_win(cluster: Cluster, workspace: Path) -> None:
    client = Client.of_environment(cluster.environment)
    cluster.launcher = SlurmLauncher(client=client, partition="cpu", time=30, mem_per_cpu="10M", qos="normal")
    batch = batch_in(workspace, options={"time": "1:00:00", "mem": "50M", "qos": None, "hold": True})
    lines = cluster.launcher.script(batch).splitlines()
    asked = [line for line in lines if line.startswith("#SBATCH")][:6]
    assert asked == [
        *("#SBATCH --nodes=1", "#SBATCH --partition=cpu", "#SBATCH --time=1:00:00"),
        *("#SBATCH --mem=50M", "#SBATCH --hold"),
        "#SBATCH --job-name=hyperherd_x",
    ]
    job = cluster.submit(batch)
    shown = cluster.run("scontrol", "show", "job", str(job.job_id))
    assert "Partition=cpu" in shown and "TimeLimit=01:00:00" in shown
    assert cluster.launcher.cancel(job, [0]) == {}


def test_what_the_launcher_asks_for_is_checked_before_submitting(cluster: Cluster, workspace: Path) -> None:
    launcher = SlurmLauncher(client=Client.of_environment(cluster.environment), partition="nowhere")
    batch = batch_in(workspace)
    assert [*launcher.check(batch)] == ["slurm.partition: there is no partition 'nowhere'"]
    assert launcher.check(replace(batch, request=native().request({"partition": "gpu"}))) == {}


ROOMS = {
    "hyperherd.launchers.direct": "hyperherd.launchers.slurm",
    "hyperherd.launchers.slurm": "hyperherd.launchers.direct",
    "hyperherd.launchers.dynamic": "hyperherd.launchers.slurm",
    "hyperherd": "hyperherd.engine",
}


@pytest.mark.parametrize("wanted", ROOMS)
def test_who_wants_one_launcher_does_not_load_the_others(wanted: str) -> None:
    code = (
        f"import sys, {wanted}; print([name for name in sys.modules if name.startswith({ROOMS[wanted]!r})])"
    )
    source = str(Path(hyperherd.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": source}, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_public_names_are_there() -> None:
    from hyperherd import launchers

    assert dir(launchers) == sorted(launchers.__all__)
    assert launchers.SlurmLauncher is SlurmLauncher and launchers.SlurmOptions is SlurmOptions
    assert set(hyperherd.__all__) >= {"Task", "experiment"} and hyperherd.experiment and hyperherd.Task  # type: ignore[truthy-function]
    with pytest.raises(ImportError, match="Nobody"):
        exec("from hyperherd.launchers import Nobody")
