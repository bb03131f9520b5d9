"""``herd launchers`` and ``herd compute``, as they are typed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import herding
import pytest

from hyperherd.config import document

from .conftest import here, on_the_fake_slurm
from .herd import Herd

HOSTS = """\
hosts:
  small: {partition: gpu, cores: 8, memory: 64GiB, tags: [old], accelerators: {model: a10, memory: 24GiB, count: 4}}
  big: {partition: gpu, cores: 64, memory: 400GiB, accelerators: {model: a100, count: 4, memory: 80GiB, gres: gpu:a100}}
"""


def configuration(herd: Herd) -> Path:
    folder = Path(herd.env["HYPERHERD_CONFIG_DIR"])
    folder.mkdir(exist_ok=True)
    return folder


def typed(herd: Herd, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """A command line in the workspace's folder; its exit code is as it must be."""
    done = herding.ran([*herding.HERD, *words], folder=herd.root, env=herd.env, code=code)
    assert 'File "' not in done.stderr or "launchers.py" in done.stderr, done.stderr
    return done


def told(herd: Herd, *words: str, code: int = 0) -> Any:
    return json.loads(typed(herd, *words, "--json", code=code).stdout)


@pytest.fixture
def described(herd: Herd) -> Herd:
    """Two kinds of machines."""
    (configuration(herd) / "launchers.yaml").write_text(HOSTS)
    return herd


# --- list, find, explain ---------------------------------------------------------------------------------------------


@on_the_fake_slurm
def test_list_shows_what_is_described(described: Herd) -> None:
    shown = typed(described, "launchers").stdout
    assert shown == typed(described, "launchers", "list").stdout
    assert "4 x a100 80 GiB" in shown
    small, big = told(described, "launchers", "list")["hosts"]
    assert (small["name"], small["cores"], small["memory_bytes"], small["tags"]) == (
        "small",
        8,
        64 * 2**30,
        ["old"],
    )
    assert big["accelerators"] == [
        {"kind": "cuda", "model": "a100", "memory_bytes": 80 * 2**30, "count": 4, "gres": "gpu:a100"}
    ]
    assert big["source"].endswith("launchers.yaml:3: hosts.big")


@on_the_fake_slurm
def test_find_says_who_and_what_slurm_would_be_asked_for(described: Herd) -> None:
    found = typed(described, "launchers", "find", "duration=4h & cuda(mem=40GiB) * 2")
    assert found.stdout.splitlines() == [
        "#SBATCH --partition=gpu",
        "#SBATCH --time=04:00:00",
        "#SBATCH --gres=gpu:a100:2",
    ]
    assert "big" in found.stderr
    chosen = told(described, "launchers", "find", "cuda(mem=4GiB)")
    assert (chosen["host"], chosen["launcher"], chosen["options"]["gpus_per_node"]) == ("small", "slurm", 1)


@on_the_fake_slurm
def test_find_and_explain_end_with_1_where_nobody_has_it_and_say_of_each_why(described: Herd) -> None:
    refused = typed(described, "launchers", "find", "cuda(mem=99GiB)", code=1)
    assert refused.stdout == ""
    assert "\n  small  " in refused.stderr and "\n  big    " in refused.stderr
    assert "99 GiB" in typed(described, "launchers", "explain", "cuda(mem=99GiB)", code=1).stdout
    document_ = told(described, "launchers", "explain", "cuda(mem=40GiB)")
    assert [(one["host"], one["fits"]) for one in document_["hosts"]] == [("big", True), ("small", False)]
    assert document_["hosts"][1]["refusals"]
    assert not any(
        one["fits"] for one in told(described, "launchers", "explain", "gpu() * 9", code=1)["hosts"]
    )


@on_the_fake_slurm
def test_tags_and_on_leave_machines_out(described: Herd) -> None:
    assert told(described, "launchers", "find", "gpu()", "--tag", "old")["host"] == "small"
    assert "has no tag new" in typed(described, "launchers", "find", "gpu()", "--tag", "new", code=1).stderr
    assert told(described, "launchers", "find", "cpu(cores=1)", "--on", "local")["launcher"] == "local"
    assert "--on nowhere" in typed(described, "launchers", "find", "gpu()", "--on", "nowhere", code=2).stderr


@on_the_fake_slurm
def test_a_requirement_that_cannot_be_read_has_a_caret_under_its_fault(described: Herd) -> None:
    for command in ("find", "explain"):
        said = typed(described, "launchers", command, "cuda(mem=4GiB) & cpuu(cores=1)", code=1).stderr
        line, caret = said.splitlines()[1:3]
        assert line[caret.index("^") :].startswith("cpuu")
        assert "cpu" in said


@on_the_fake_slurm
def test_faults_of_the_file_are_told_by_every_command_with_nothing_on_stdout(herd: Herd) -> None:
    (configuration(herd) / "launchers.yaml").write_text("hosts:\n  a: {cores: x}\n  b: {memroy: 4GiB}\n")
    for words in (["list"], ["find", "gpu()"], ["explain", "gpu()"], ["list", "--json"]):
        done = typed(herd, "launchers", *words, code=1)
        assert done.stdout == ""
        assert (
            "launchers.yaml:2: hosts.a.cores" in done.stderr
            and "launchers.yaml:3: hosts.b.memroy" in done.stderr
        )


@on_the_fake_slurm
def test_nobody_is_described_at_first_and_the_next_step_is_said(herd: Herd) -> None:
    assert "herd launchers detect --write" in typed(herd, "launchers").stderr
    assert told(herd, "launchers", "list") == {"hosts": []}
    assert "herd launchers detect --write" in typed(herd, "launchers", "find", "gpu()", code=1).stderr


@here
def test_without_slurm_this_machine_is_one(herd: Herd) -> None:
    alone = Herd(herd.root, {**herd.env, "PATH": str(herd.root)}, herd.on, herd.name)
    (host,) = told(alone, "launchers", "list")["hosts"]
    assert host["launcher"] == "local" and host["cores"] > 0
    assert told(alone, "launchers", "find", "cpu(cores=1)")["launcher"] == "local"
    assert typed(alone, "launchers", "find", "cpu(cores=1)").stdout == ""


@on_the_fake_slurm
def test_python_has_the_first_word_and_its_faults_are_told(described: Herd) -> None:
    file = configuration(described) / "launchers.py"
    file.write_text(
        "from hyperherd.launchers import *\ndef find_launcher(requirements, tags=set()):\n"
        "    return SlurmLauncher(options=SlurmOptions(partition='preempt', time='1:00:00'))\n"
    )
    found = typed(described, "launchers", "find", "cpu(cores=1)")
    assert "#SBATCH --partition=preempt" in found.stdout
    assert "launchers.py" in typed(described, "launchers", "list").stderr
    file.write_text("def find_launcher(:\n")
    said = typed(described, "launchers", "find", "cpu(cores=1)", code=1).stderr
    assert "launchers.py" in said and "SyntaxError" in said and "Traceback" not in said


BY_LINE = """\
from hyperherd.launcherfinder import CudaSpecification, HostSpecification
from hyperherd.launchers import SlurmLauncher

def find_launcher(requirements, tags=set()):
    for memory in (16, 48):
        host = HostSpecification(cuda=[CudaSpecification(memory * 2**30)])
        if match := requirements.match(host):
            return SlurmLauncher(partition=f"gpu{memory}", gpus=len(match.requirement.accelerators))
"""


@on_the_fake_slurm
def test_explain_tells_what_a_launchers_py_has_tried_and_chosen(described: Herd) -> None:
    (configuration(described) / "launchers.py").write_text(BY_LINE)
    explained = typed(described, "launchers", "explain", "cuda(mem=24GiB)")
    assert explained.stdout.splitlines() == [
        "SlurmLauncher  chosen  SlurmLauncher(nodes=1, partition='gpu48', gpus=1)",
        "line 7         no      asks 1 CUDA GPU of 24 GiB, has 1 of 16 GiB",
        "line 7         fits    cuda(mem=24GiB)",
        "",
        "#SBATCH --nodes=1",
        "#SBATCH --partition=gpu48",
        "#SBATCH --gpus=1",
    ]
    assert "launchers.py chooses" in explained.stderr
    refused = typed(described, "launchers", "explain", "cuda(mem=80GiB)", code=1).stdout
    assert refused.count("line 7  no ") == 2 and "small" not in refused
    document_ = told(described, "launchers", "explain", "cuda(mem=80GiB)", code=1)
    assert (document_["chosen"], [one["fits"] for one in document_["hosts"]]) == (None, [False, False])
    assert told(described, "launchers", "explain", "gpu()")["chosen"]["options"]["partition"] == "gpu16"
    assert "small" in typed(described, "launchers", "explain", "cuda()", "--on", "local", code=1).stdout


# --- detect ----------------------------------------------------------------------------------------------------------


@on_the_fake_slurm
def test_detect_prints_a_file_that_every_command_reads(herd: Herd) -> None:
    printed = typed(herd, "launchers", "detect").stdout
    assert not configuration(herd).joinpath("launchers.yaml").exists()
    assert "wrote" in typed(herd, "launchers", "detect", "--write").stderr
    written = configuration(herd) / "launchers.yaml"
    assert written.read_text() == printed
    names = list(document.read(printed, file="x").value["hosts"])  # type: ignore[index,call-overload,arg-type]
    assert [host["name"] for host in told(herd, "launchers", "list")["hosts"]] == names != []


@on_the_fake_slurm
def test_detect_replaces_nothing_unless_told(described: Herd) -> None:
    written = configuration(described) / "launchers.yaml"
    refused = typed(described, "launchers", "detect", "--write", code=1).stderr
    assert "there is one already" in refused and "-f" in refused
    assert written.read_text() == HOSTS
    typed(described, "launchers", "detect", "--write", "-f")
    assert written.read_text() != HOSTS
    assert [path.name for path in written.parent.iterdir()] == ["launchers.yaml"]
    assert "-f goes with --write" in typed(described, "launchers", "detect", "-f", code=2).stderr


@here
def test_detect_makes_the_folder_and_says_where_it_cannot(herd: Herd) -> None:
    folder = herd.root / "a/b"
    there = Herd(herd.root, {**herd.env, "HYPERHERD_CONFIG_DIR": str(folder)}, herd.on, herd.name)
    typed(there, "launchers", "detect", "--write", "--on", "local")
    assert [path.name for path in folder.iterdir()] == ["launchers.yaml"]
    (herd.root / "file").touch()
    for place in (herd.root / "file", herd.root / "file/deeper", Path("/proc/nowhere")):
        nowhere = Herd(herd.root, {**herd.env, "HYPERHERD_CONFIG_DIR": str(place)}, herd.on, herd.name)
        said = typed(nowhere, "launchers", "detect", "--write", "--on", "local", code=1).stderr
        assert f"{place}/launchers.yaml: cannot be written" in said


@on_the_fake_slurm
def test_detect_of_this_machine_is_asked_for_by_on(herd: Herd) -> None:
    hosts = document.read(typed(herd, "launchers", "detect", "--on", "local").stdout, file="x").value
    (host,) = hosts["hosts"].values()  # type: ignore[index,call-overload,union-attr]
    assert host["launcher"] == "local"  # type: ignore[index,call-overload]


# --- compute ---------------------------------------------------------------------------------------------------------


@here
def test_compute_lists_and_shows_presets(herd: Herd) -> None:
    herd.describe([1])
    shown = typed(herd, "compute").stdout
    assert shown == typed(herd, "compute", "list").stdout
    assert "killarney/h100_8x" in shown and "bon_echo/cpu_1x" in shown
    one = typed(herd, "compute", "show", "killarney/l40s_2x").stdout
    assert "gres: gpu:l40s:2" in one and "#SBATCH --gres=gpu:l40s:2" in one
    document_ = told(herd, "compute", "show", "killarney/l40s_2x")
    assert document_["values"]["gres"] == document_["options"]["gres"] == "gpu:l40s:2"
    assert document_["path"].endswith("killarney/l40s_2x.yaml")
    assert {one["name"] for one in told(herd, "compute", "list")["presets"]} >= {"local", "bon_echo/a40_4x"}


@here
def test_presets_of_the_workspace_are_found_from_its_folders_and_by_name(herd: Herd) -> None:
    herd.describe([1])
    (herd.root / "compute").mkdir()
    (herd.root / "compute/mine.yaml").write_text("nodes: 7\n")
    inside = Herd(herd.root / "compute", herd.env, herd.on, herd.name)
    outside = Herd(herd.root.parent, herd.env, herd.on, herd.name)
    assert "#SBATCH --nodes=7" in typed(herd, "compute", "show", "mine").stdout
    assert "#SBATCH --nodes=7" in typed(inside, "compute", "show", "mine").stdout
    assert "#SBATCH --nodes=7" in typed(outside, "-C", str(herd.root), "compute", "show", "mine").stdout
    assert "no compute preset 'mine'" in typed(outside, "compute", "show", "mine", code=1).stderr


@here
def test_one_broken_preset_hides_no_other(herd: Herd) -> None:
    herd.describe([1])
    (herd.root / "compute").mkdir()
    (herd.root / "compute/broken.yaml").write_text("nodse: 7\n")
    done = typed(herd, "compute", "list", code=1)
    assert "killarney/l40s_1x" in done.stdout
    assert "broken.yaml:1: nodse: unknown key" in done.stderr
    assert "did you mean 'killarney/" not in typed(herd, "compute", "show", "killarney/l40s_1x").stderr
    assert "broken.yaml:1" in typed(herd, "compute", "show", "broken", code=1).stderr


@here
def test_a_preset_that_is_not_there_is_told_with_the_nearest(herd: Herd) -> None:
    done = typed(herd, "compute", "show", "killarney/l40_1x", code=1)
    assert "killarney/l40s_1x" in done.stderr and done.stdout == ""
    assert (
        "no compute preset" in typed(herd, "compute", "show", "../../../etc/passwd", "--json", code=1).stderr
    )
