"""Which GPU a name means, and this machine's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperherd.errors import ConfigError
from hyperherd.launcherfinder import gpu_names
from hyperherd.launchers.direct import cores
from hyperherd.launchers.direct.survey import survey

TABLE = gpu_names.read()


def this_machine(environ: dict[str, str] | None = None) -> dict[str, Any]:
    return dict(survey(TABLE, environ).hosts["this-machine"])


GIB = 2**30


@pytest.mark.parametrize(
    ("kind", "features", "model", "memory_gib"),
    [
        ("v100", "", "v100", 16),
        ("v100-32gb", "", "v100", 32),
        ("v100l", "", "v100", 32),
        ("tesla_v100-sxm2-32gb", "", "v100", 32),
        ("V100_SXM2", "gpu_mem:32GB", "v100", 32),
        ("p100", "", "p100", 12),
        ("p100l", "", "p100", 16),
        ("t4", "", "t4", 16),
        ("a10", "", "a10", 24),
        ("a30", "", "a30", 24),
        ("a40", "mem40g", "a40", 48),
        ("a100", "", "a100", 40),
        ("a100l", "", "a100", 80),
        ("a100_80gb", "", "a100", 80),
        ("nvidia_a100-sxm4-80gb", "", "a100", 80),
        ("A100", "A100-80GB", "a100", 80),
        ("h100", "", "h100", 80),
        ("h100_94", "", "h100_94", 94),
        ("nvidia_h100_80gb_hbm3", "", "h100", 80),
        ("h200", "", "h200", 141),
        ("gh200", "", "gh200", 96),
        ("b200", "", "b200", 180),
        ("l4", "", "l4", 24),
        ("l40", "", "l40", 48),
        ("l40s", "", "l40s", 48),
        ("rtx3090", "", "rtx3090", 24),
        ("3090", "", "rtx3090", 24),
        ("nvidia_geforce_rtx_3090", "", "rtx3090", 24),
        ("nvidia_geforce_rtx_2080_ti", "", "rtx2080ti", 11),
        ("rtx_8000", "", "rtx8000", 48),
        ("rtx6000", "", "rtx6000", 24),
        ("rtx_6000_ada", "", "rtx6000_ada", 48),
        ("a6000", "", "rtx_a6000", 48),
        ("nvidia_rtx_a6000", "", "rtx_a6000", 48),
        ("titan_xp", "", "titan_xp", 12),
        ("titan_rtx", "", "titan_rtx", 24),
        ("mi250", "", "mi250", 64),
        ("amd_instinct_mi300x", "", "mi300x", 192),
        ("1g.10gb", "", "1g.10gb", 10),
        ("a100_1g.5gb", "", "a100_1g.5gb", 5),
        ("nvidia_a100_80gb_pcie_3g.40gb", "", "a100_3g.40gb", 40),
        ("1g.10gb.me", "", "1g.10gb.me", 10),
        ("", "rack3,a100,ib", "a100", 40),
        ("", "gpu_gen:hopper,gpu_model:h100", "h100", 80),
        ("tesla", "v100,gpu32gb", "v100", 32),
        ("xyz900", "a100", "xyz900", None),
        ("", "rack3,l3cache", "", None),
        ("", "vram24", "", 24),
    ],
)
def test_names_as_sites_write_them(kind: str, features: str, model: str, memory_gib: int | None) -> None:
    found = TABLE.known(kind, features.split(","))
    assert (found.model, found.memory and found.memory / GIB) == (model, memory_gib)


@pytest.mark.parametrize(
    ("kind", "of"), [("mi210", "gpu"), ("pvc", "gpu"), ("a100", "cuda"), ("unheard_of", "cuda")]
)
def test_what_is_no_nvidia_is_no_cuda(kind: str, of: str) -> None:
    assert TABLE.known(kind, ()).kind == of


def test_of_a_model_in_two_sizes_the_smaller_is_taken_and_the_other_told() -> None:
    found = TABLE.known("a100", ())
    assert (found.memory, found.others) == (40 * GIB, (80 * GIB,))
    assert TABLE.known("a100l", ()).others == ()


@pytest.mark.parametrize("name", TABLE.models)
def test_each_name_of_the_table_means_itself(name: str) -> None:
    found = TABLE.model(name)
    assert found is not None
    assert found.name == name


@given(st.text(), st.lists(st.text()))
def test_any_name_has_an_answer(kind: str, features: list[str]) -> None:
    assert TABLE.known(kind, features).kind in ("cuda", "gpu")


def test_a_table_of_ones_own_adds_to_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "gpus.yaml").write_text("cuda: {xyz900: 99, a100: 80}\nnames: {fat: xyz900}\n")
    table = gpu_names.read(tmp_path / "gpus.yaml")
    assert [table.known(name, ()).memory for name in ("xyz900", "fat", "a100", "t4")] == [
        size * GIB for size in (99, 99, 80, 16)
    ]
    assert gpu_names.read(tmp_path / "none.yaml") == TABLE


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("cuda: {a100: much}", "cuda.a100"),
        ("cuda: {a100: []}", "cuda.a100"),
        ("cuda: {a100: [40, x]}", "cuda.a100"),
        ("cuda: {a100: -4}", "cuda.a100"),
        ("cuda: {a100: true}", "cuda.a100"),
        ("cuda: [a100]", "no list of models"),
        ("- a", "no list of models"),
        ("cuda: {", "cannot be read"),
        ("gpu: {mi250: .nan}", "gpu.mi250"),
    ],
)
def test_a_table_that_is_wrong_is_said_where(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "gpus.yaml").write_text(text)
    with pytest.raises(ConfigError, match=fault):
        gpu_names.read(tmp_path / "gpus.yaml")


# --- this machine ----------------------------------------------------------------------------------------------------

NVIDIA_SMI = """#!/bin/sh
if [ "$1" = -L ]; then
  echo "GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-aa)"
  echo "GPU 1: NVIDIA A100-SXM4-80GB (UUID: GPU-bb)"
  echo "  MIG 3g.40gb     Device  0: (UUID: MIG-cc)"
  echo "GPU 2: NVIDIA L4 (UUID: GPU-dd)"
else
  echo "GPU-aa, NVIDIA A100-SXM4-80GB, 81920"
  echo "GPU-bb, NVIDIA A100-SXM4-80GB, 81920"
  echo "GPU-dd, NVIDIA L4, 23034"
fi
"""


@pytest.fixture
def nvidia(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A driver's program that lists two whole GPUs and a slice."""
    program = tmp_path / "nvidia-smi"
    program.write_text(NVIDIA_SMI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return program


def test_this_machine_tells_its_cores_memory_and_gpus(nvidia: Path) -> None:
    host = this_machine()
    assert (host["launcher"], host["cores"]) == ("local", len(cores.usable()))
    assert host["accelerators"] == [
        {"kind": "cuda", "model": "a100", "memory": "80GiB", "count": 1},
        {"kind": "cuda", "model": "3g.40gb", "memory": "40GiB", "count": 1},
        {"kind": "cuda", "model": "l4", "memory": "24GiB", "count": 1},
    ]


def test_of_this_machines_gpus_those_count_that_may_be_used(nvidia: Path) -> None:
    host = this_machine({"CUDA_VISIBLE_DEVICES": "2"})
    assert host["accelerators"] == [{"kind": "cuda", "model": "l4", "memory": "24GiB", "count": 1}]
    assert "accelerators" not in this_machine({"CUDA_VISIBLE_DEVICES": ""})


def test_a_machine_whose_driver_is_broken_has_no_gpus(nvidia: Path) -> None:
    nvidia.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed because it could not communicate'; exit 9\n")
    assert "accelerators" not in this_machine()
