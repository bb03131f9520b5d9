"""What users of today's launcher finder get for an input is what they get here, but for its faults.

The data are answers of experimaestro 2.7.0 to inputs of ours; a row with ``bug`` says what is right instead.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hyperherd.errors import RequirementError
from hyperherd.requirements.parser import parse
from hyperherd.requirements.requirement import HostRequirement
from hyperherd.requirements.specification import (
    AcceleratorSpecification,
    CPUSpecification,
    CudaSpecification,
    HostSpecification,
    MPSSpecification,
)

DATA = json.loads((Path(__file__).parent / "data/requirements.json").read_text())
KINDS = {one.kind: one for one in (AcceleratorSpecification, CudaSpecification, MPSSpecification)}

ACCEPTED = {
    "duration=5minutes": "duration=5m",
    "duration=5minute": "duration=5m",
    "duration=30s": "duration=30s",
    "duration=3H": "duration=3h",
    "cpu()": "cpu(cores=1)",
    "cuda()": "cuda(mem=0G)",
    "mps()": "mps(mem=0G)",
    "cpu(mem=4G,)": "cpu(mem=4G)",
    "cpu(mem=4 G)": "cpu(mem=4G)",
    "cuda(mem=4GB)": "cuda(mem=4G)",
    "cuda(mem=4T)": "cuda(mem=4000G)",
    "cuda(mem=1.5G)": "cuda(mem=1500M)",
    "cuda(model=A100)": 'cuda(mem=0G, model="A100")',
    "2 * cuda(mem=4G)": "cuda(mem=4G) * 2",
}
"""What today's grammar refuses and this one reads, and what it means."""


def plain(requirement: HostRequirement) -> list[dict[str, Any]]:
    return [
        {
            "duration_s": one.duration,
            "cpu_mem": one.cpu.memory,
            "cpu_cores": one.cpu.cores,
            "accelerators": [[each.kind, each.memory] for each in one.accelerators],
        }
        for one in requirement.requirements
    ]


def host(name: str) -> HostSpecification:
    row = DATA["hosts"][name]
    return HostSpecification(
        cpu=CPUSpecification(*row.get("cpu", (0, 0))),
        accelerators=[KINDS[kind](memory, min_memory=least) for kind, memory, least in row.get("acc", ())],
        max_duration=row.get("max_duration", 0),
        min_gpu=row.get("min_gpu", 0),
        priority=row.get("priority", 0),
    )


@pytest.mark.parametrize("row", DATA["parse"], ids=lambda row: row["spec"])
def test_a_text_means_what_it_means_today(row: dict[str, Any]) -> None:
    if "error" not in row:
        assert plain(parse(row["spec"])) == row["alternatives"]
    elif row["spec"] in ACCEPTED:
        assert row.get("may_accept")
        assert parse(row["spec"]) == parse(ACCEPTED[row["spec"]])
    else:
        with pytest.raises(RequirementError):
            parse(row["spec"])


@pytest.mark.parametrize("row", DATA["match"], ids=lambda row: f"{row['host']}:{row['spec']}")
def test_a_machine_meets_what_it_meets_today(row: dict[str, Any]) -> None:
    machine, requirement = host(row["host"]), parse(row["spec"])
    match, refusals = requirement.match(machine), requirement.refusals(machine)
    right = row["bug"].startswith("match") if "bug" in row else row["match"]
    assert (match is not None) is right
    if match:
        alternative = row.get("alternative", 0)
        assert match.requirement == requirement.requirements[alternative]
        assert match.score == row.get("score", 0)
        assert all(refusals[:alternative])
        assert refusals[alternative] == ""
    else:
        assert all(refusals)


@pytest.mark.parametrize(
    "row", DATA["multiply_duration"], ids=lambda row: f"{row['spec']} * {row['coefficient']}"
)
def test_durations_are_multiplied_as_today(row: dict[str, Any]) -> None:
    multiplied = parse(row["spec"]).multiply_duration(row["coefficient"])
    assert [one.duration for one in multiplied.requirements] == row["durations"]


def found(requirement: HostRequirement) -> tuple[str | None, list[str] | None]:
    """What the `find_launcher` of experimaestro's documentation answers: its hosts, in its order."""
    gib = 1024**3
    cluster = HostSpecification(
        max_duration=100 * 3600,
        cpu=CPUSpecification(cores=32, memory=129 * gib),
        cuda=[CudaSpecification(memory=24 * gib) for _ in range(8)],
    )
    apple = HostSpecification(
        cpu=CPUSpecification(cores=8, memory=32 * gib), accelerators=[MPSSpecification(memory=32 * gib)]
    )
    if requirement.match(HostSpecification(accelerators=[])):
        return "DirectLauncher", None
    if (match := requirement.match(cluster)) and len(match.requirement.accelerators) > 0:
        return "SlurmLauncher", ["--nodes=1", f"--gpus-per-node={len(match.requirement.accelerators)}"]
    return ("DirectLauncher", None) if requirement.match(apple) else (None, None)


@pytest.mark.parametrize("row", DATA["find_seed_launchers_py"], ids=lambda row: row["spec"])
def test_the_documented_launchers_file_chooses_as_today(row: dict[str, Any]) -> None:
    assert found(parse(row["spec"])) == (row["launcher"], row["args"])
