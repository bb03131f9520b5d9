"""The blocks of docs/launchers.md run, one after the other, as on a user's cluster."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from .conftest import on_slurm

PAGE = Path(__file__).parents[2] / "docs/launchers.md"


@on_slurm
@pytest.mark.usefixtures("surroundings")
def test_the_blocks_of_the_guide_run() -> None:
    Path("train.py").write_text("print('trained')")
    Path("evaluate.sh").write_text("echo $CUDA_VISIBLE_DEVICES")
    Path("my table.csv").write_text("name,loss\n")
    names: dict[str, Any] = {}
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), names)
    assert names["task"].stdout.read_text().endswith("trained\n")
    assert names["first"].stdout.read_text().endswith("====\n0\n")
    assert names["second"].stdout.read_text().endswith("====\nNAME,LOSS\n")
    assert names["large"].options.given()["mem"] == "8G"
