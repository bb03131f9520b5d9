"""A ``launchers.py`` that was written for experimaestro works once its import lines are changed.

The seven in ``brought/`` were written from experimaestro's documents, before this project's code was looked at. What is
expected of them is what experimaestro 2.7 answered to the same files, but for `gpu()`: `SITES` says where it errs.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from eventually import DEADLINE_S

from hyperherd import Task
from hyperherd.errors import ChoiceError, HerdError
from hyperherd.launcherfinder import find_launcher
from hyperherd.launchers import DirectLauncher, DynamicLauncher, SlurmLauncher

from .conftest import on_the_fake_slurm

BROUGHT = Path(__file__).parent / "brought"

SMALL = "duration=2h & cpu(mem=10GiB, cores=4)"
LONG = "duration=30h & cpu(mem=10GiB, cores=4)"
TWO = "duration=2h & cpu(mem=10GiB, cores=4) & cuda(mem=20GiB) * 2"
ONE = "duration=30h & cpu(cores=2) & cuda(mem=12GiB)"
BIG = "duration=2h & cpu(cores=4) & cuda(mem=60GiB) * 2"
MAC = "cuda(mem=100GiB) * 8 | cpu(cores=2) & mps(mem=20GiB)"
ANY = "cpu(cores=2) & gpu(mem=8GiB)"

HERE, NOBODY = "this machine", "nobody"
SITES: dict[str, dict[str, str]] = {
    "generated_partitions": {
        SMALL: "--nodes=1 --time=2:0:0 --account=vision --qos=normal --partition=gpu --mem=10240M --cpus-per-task=4",
        TWO: "--nodes=1 --time=2:0:0 --account=vision --qos=normal --partition=gpu --mem=10240M --cpus-per-task=4 "
        "--gpus=2",
        ANY: "--nodes=1 --account=vision --qos=normal --partition=gpu --cpus-per-task=2 --gpus=1",
        BIG: NOBODY,
    },
    "national_centre": {
        SMALL: "--nodes=1 --time=2:0:0 --account=abc@cpu --partition=cpu_p1 --cpus-per-task=4",
        TWO: "--nodes=1 --time=2:0:0 --account=abc@v100 --qos=qos_gpu-t3 --constraint=v100-32g --cpus-per-task=4 "
        "--gpus-per-node=2",
        ONE: "--nodes=1 --time=30:0:0 --account=abc@v100 --qos=qos_gpu-t4 --constraint=v100-16g --cpus-per-task=2 "
        "--gpus-per-node=1",
        BIG: "--nodes=1 --time=2:0:0 --account=abc@a100 --constraint=a100 --cpus-per-task=4 --gpus-per-node=2",
        # There `cuda_gpus` is empty for gpu(), and nobody is found.
        ANY: "--nodes=1 --account=abc@v100 --qos=qos_gpu-t3 --constraint=v100-16g --cpus-per-task=2 "
        "--gpus-per-node=1",
        MAC: NOBODY,
    },
    "lab_machines": {
        SMALL: "--nodes=1 --partition=owners,shared --constraint=(rtx8000&gpu2)|(a6000&gpu4) --gpus-per-node=0",
        TWO: "--nodes=1 --partition=owners,shared --constraint=(rtx8000&gpu2)|(a6000&gpu4) --gpus-per-node=2",
        # There it asks for no GPU at all.
        ANY: "--nodes=1 --partition=owners,shared --constraint=(rtx8000&gpu2)|(a6000&gpu4) --gpus-per-node=1",
        MAC: NOBODY,
    },
    "workstation": dict.fromkeys((SMALL, TWO, MAC), HERE),
    "mixed_hardware": {
        SMALL: HERE,
        TWO: "--partition=nvidia --mem-per-gpu=24G --ntasks-per-node=1 --gpus-per-node=2",
        MAC: HERE,
        ANY: "--partition=nvidia --mem-per-gpu=24G --ntasks-per-node=1 --gpus-per-node=1",
        BIG: NOBODY,
    },
    "watched_queues": {
        SMALL: "--nodes=1 --time=24:00:00 --partition=day",
        LONG: "--nodes=1 --time=168:00:00 --partition=week",
        BIG: "--nodes=1 --time=24:00:00 --partition=day",
        MAC: NOBODY,
    },
    "first_pages": {
        "duration=2h & cpu(cores=4) & cuda(mem=8GiB) * 2": "--nodes=1 --gpus-per-node=2",
        SMALL: NOBODY,
    },
}


@pytest.fixture
def bring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration folder."""
    monkeypatch.setenv("HYPERHERD_CONFIG_DIR", str(tmp_path))
    return tmp_path


def install(folder: Path, site: str) -> None:
    shutil.copy(BROUGHT / f"{site}.py", folder / "launchers.py")


def test_each_file_that_was_brought_is_tried() -> None:
    assert sorted(SITES) == sorted(path.stem for path in BROUGHT.glob("*.py"))


@pytest.mark.parametrize(
    ("site", "asked", "expected"), [(site, *row) for site, rows in SITES.items() for row in rows.items()]
)
def test_a_file_that_was_brought_finds_what_it_finds_there(
    bring: Path, site: str, asked: str, expected: str
) -> None:
    install(bring, site)
    if expected == NOBODY:
        with pytest.raises(ChoiceError, match="find_launcher knows nobody"):
            find_launcher(asked)
        return
    chosen = find_launcher(asked).chosen()
    if expected == HERE:
        assert isinstance(chosen, DirectLauncher)
    else:
        assert isinstance(chosen, SlurmLauncher)
        assert chosen.options.args() == expected.split(" ")


@pytest.mark.parametrize(
    ("site", "asked", "held"),
    [
        ("workstation", TWO, "DirectLauncher(cpus_per_task=4, gpus_per_node=2, time='02:00:00')"),
        ("mixed_hardware", MAC, "DirectLauncher(cpus_per_task=2, gpus_per_node=0, priority=2)"),
        ("mixed_hardware", SMALL, "DirectLauncher(cpus_per_task=4, gpus_per_node=0, time='02:00:00')"),
    ],
)
def test_this_machine_holds_what_was_required_where_the_file_chose_it(
    bring: Path, site: str, asked: str, held: str
) -> None:
    install(bring, site)
    assert repr(find_launcher(asked)).startswith(held)


def test_tags_choose_there_too(bring: Path) -> None:
    install(bring, "national_centre")
    found = find_launcher(SMALL, tags={"prepost"})
    assert isinstance(found, SlurmLauncher) and found.options.partition == "prepost"


def test_of_several_texts_the_first_that_anybody_has_is_run(bring: Path) -> None:
    install(bring, "generated_partitions")
    found = find_launcher(BIG, ANY, tags=["x"])
    assert isinstance(found, SlurmLauncher) and found.options.gpus == 1
    with pytest.raises(ChoiceError, match=r"(?s)60GiB.*100GiB"):
        find_launcher(BIG, "cuda(mem=100GiB)")
    with pytest.raises(ValueError, match=r"(?s)'slurm'.*tags="):
        find_launcher(SMALL, "slurm")


def test_a_dynamic_launcher_of_theirs_chooses_anew_for_each_job(
    bring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(bring, "watched_queues")
    found = find_launcher(SMALL)
    assert isinstance(found, DynamicLauncher)
    assert str(found) == (
        "Watched([SlurmLauncher(nodes=1, time='24:00:00', partition='day'), "
        "SlurmLauncher(nodes=1, time='168:00:00', partition='week')], sample=False)"
    )
    for queue in ("day", "week"):
        monkeypatch.setenv("FREE_QUEUE", queue)
        assert f"partition='{queue}'" in repr(found.chosen())
    monkeypatch.setenv("SMALL_JOB", "duration=1")  # read by the file itself, which catches ValueError
    assert isinstance(find_launcher("cpu(cores=1)", tags={"here"}).chosen(), DirectLauncher)
    assert isinstance(find_launcher(SMALL, tags={"spread"}).chosen(), SlurmLauncher)


def test_a_connector_is_no_launcher_and_the_file_is_told_what_to_return(bring: Path) -> None:
    install(bring, "first_pages")
    with pytest.raises(
        HerdError, match=r"(?s)returned LocalConnector, a connector.*DirectLauncher\(connector\)"
    ):
        find_launcher("duration=2h")


def test_nobody_is_told_with_what_each_machine_lacks_and_where_it_was_tried(bring: Path) -> None:
    install(bring, "national_centre")
    with pytest.raises(ChoiceError) as caught:
        find_launcher("duration=2h & cuda(mem=24GiB)*2 & cpu(cores=70)")
    lines = (BROUGHT / "national_centre.py").read_text().splitlines()
    rows = [row.split("  ", 2)[1:] for row in str(caught.value).splitlines()[1:-1]]
    assert [why for _, why in rows] == [
        "asks 70 cores, has 40; asks 2 CUDA GPUs of 24 GiB, has none",
        "asks 70 cores, has 40; asks 2 CUDA GPUs of 24 GiB, has 4 of 16 GiB",
        "asks 70 cores, has 40",
        "asks 70 cores, has 64",
    ]
    assert all("requirements.match(" in lines[int(where.split()[1]) - 1] for where, _ in rows)


@on_the_fake_slurm
@pytest.mark.usefixtures("surroundings")
def test_slurms_commands_are_looked_for_where_the_file_says(
    bring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(bring, "national_centre")
    programs = Path(shutil.which("sbatch") or "").parent
    path = bring / "launchers.py"
    path.write_text(path.read_text().replace("/opt/site/slurm/current/bin", str(programs)))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    found = find_launcher("cpu(cores=1)")
    assert isinstance(found, SlurmLauncher)
    plain = found.config(account=None, partition=None)
    assert Task("exit 4").submit(plain).wait(DEADLINE_S) == 4
