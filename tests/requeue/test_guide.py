"""docs/survive-time-limits.md: its first sweep runs as written, but sooner over; its keys are read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from exactly_once.sweeps import Sweep

from hyperherd.config import parse

PAGE = (Path(__file__).parents[2] / "docs/survive-time-limits.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> list[str]:
    return [text for name, text in BLOCKS if name == kind]


def test_the_first_sweep_goes_on_at_its_time_limits_where_it_was(here: Sweep) -> None:
    yaml, script = blocks("yaml")[0], blocks("bash")[0]
    hours = "time: 04:00:00\nrequeue: true"
    assert hours in yaml
    here.write(
        yaml.replace(hours, 'time: "0:03"\nrequeue: {signal: USR2@2}').replace(
            "name: long", f"name: {here.name}"
        )
    )
    (here.root / "launch.sh").write_text(script.replace("1000", "200"))
    here.herd("run")
    out = (here.root / ".hyperherd/logs/0.out").read_text()
    trial = here.trials()[0]
    begun = [int(step) for step in re.findall(r"begins at step (\d+)", out)]
    assert begun[0] == 0
    assert begun == sorted(set(begun))
    assert out.count("ends at step 200") == 1
    assert trial["interruptions"] == {"timeout": len(begun) - 1}
    assert trial["attempt"] == len(begun) > 1
    row = f"completed attempt {len(begun)}, {len(begun) - 1} time limit"
    assert row in here.herd("status", "-a").stdout


@pytest.mark.parametrize("number", range(len(blocks("yaml"))))
def test_every_yaml_of_the_guide_is_read(number: int) -> None:
    text = blocks("yaml")[number]
    base = "" if "parameters:" in text else "name: x\nlauncher: launch.sh\ngrid: all\nparameters: {lr: [1]}\n"
    assert parse.spec(base + text).requeue is not None
