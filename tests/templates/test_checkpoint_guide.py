"""The trainers of docs/checkpoint.md that stand on a library: killed and told to stop on the way, they end on the same
numbers, and no step is done twice but those since the last checkpoint.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from eventually import until

pytestmark = pytest.mark.xdist_group("checkpoint-guide")

PAGE = Path(__file__).parents[2] / "docs/checkpoint.md"
LOADER, TRAINER, LIGHTNING = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), flags=re.M | re.S)[2:]
SCRIPTS = {
    "a DataLoader": (LOADER, "lr=1e-3 hidden=8192 epochs=3 workers=2", 192),
    "transformers": (TRAINER, "lr=1e-3 steps=60", 60),
    "lightning": (LIGHTNING, "lr=1e-3 hidden=8192 epochs=3 workers=2", 192),
}
DEADLINE_S = 120.0


class Programs:
    """``run(folder, ...)`` runs the train.py there; sends it a signal once it has logged a step, if one is given."""

    def __init__(self) -> None:
        env = {
            name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "HYPERHERD_"))
        }
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("forked.py"))],
            env={**env, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, folder: Path, overrides: str, step: int = 0, told: signal.Signals | None = None) -> int:
        """The exit code."""
        assert self._process.stdin and self._process.stdout
        print(json.dumps([str(folder), overrides]), file=self._process.stdin, flush=True)
        pid = int(self._process.stdout.readline())
        if told:
            seen = (folder / "said").read_text
            until(lambda: max(logged(folder), default=0) >= step, seen, DEADLINE_S, pause_s=0.002)
            os.kill(pid, told)
        return int(self._process.stdout.readline())

    def end(self) -> None:
        """No program runs any more: each was waited for."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def programs() -> Iterator[Programs]:
    made = Programs()
    yield made
    made.end()


def logged(folder: Path) -> Mapping[int, set[float]]:
    """Step -> the values that were logged at it."""
    found: dict[int, set[float]] = {}
    for path in (folder / "stream").glob("*.jsonl"):
        for line in path.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                point = json.loads(line)
                found.setdefault(point["step"], set()).add(point["value"])
    return found


@pytest.mark.parametrize("program, overrides, steps", SCRIPTS.values(), ids=SCRIPTS)
def test_it_ends_on_the_same_numbers(
    programs: Programs, tmp_path: Path, program: str, overrides: str, steps: int
) -> None:
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    for folder in (straight, broken):
        folder.mkdir()
        (folder / "train.py").write_text(program)
    assert programs.run(straight, overrides) == 0, (straight / "said").read_text()
    assert sorted(logged(straight)) == list(range(1, steps + 1))
    said = broken / "said"
    assert programs.run(broken, overrides, steps // 8, signal.SIGUSR2) == 75, said.read_text()
    told_at = max(logged(broken))
    assert programs.run(broken, overrides, steps // 2, signal.SIGKILL) == -signal.SIGKILL, said.read_text()
    assert told_at < max(logged(broken)) < steps
    assert programs.run(broken, overrides) == 0, said.read_text()
    assert logged(broken) == logged(straight)
