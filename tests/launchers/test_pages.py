"""docs/machines.md and docs/from-experimaestro.md are followed from top to bottom, and what they say is so."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from fakeslurm.fixture import FakeSlurm

from hyperherd.config import parse
from hyperherd.launcherfinder import configuration, gpu_names, hosts, parser
from hyperherd.launchers.slurm import option_check
from hyperherd.requirements.amounts import BYTES, SECONDS

from .conftest import on_slurm
from .pages import DOCS, Teller, blocks

MACHINES, EXPERIMAESTRO = "machines.md", "from-experimaestro.md"
TEXT = (DOCS / MACHINES).read_text()

every_page = pytest.mark.parametrize("page", [MACHINES, EXPERIMAESTRO])


@pytest.fixture
def teller(tmp_path: Path, surroundings: FakeSlurm | None, monkeypatch: pytest.MonkeyPatch) -> Teller:
    """Ada, in the folder of a sweep, with herd on PATH."""
    home = tmp_path / "home"
    program = home / "bin/herd"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m hyperherd "$@"\n')
    program.chmod(0o755)
    Path("launch.sh").write_text('#!/bin/bash\necho "$1"\n')
    Path("launch.sh").chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USER", "ada")
    monkeypatch.setenv("LOGNAME", "nobody")  # who has one account, whoever runs the tests
    if surroundings is not None:
        surroundings.knobs(user="nobody", accounts=["main"])
    for name in ("XDG_CONFIG_HOME", "HYPERHERD_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    return Teller(home, "fake" if surroundings else "mini")


@on_slurm
@every_page
def test_the_commands_of_a_page_print_what_it_says(teller: Teller, page: str) -> None:
    wrong = [said for said in teller.follow(page) if not said.true]
    assert wrong == [], "\n".join(f"$ {said.command}\n{said.printed}" for said in wrong)


@pytest.mark.in_step
def test_every_requirement_of_the_page_is_read() -> None:
    (block,) = (block for block in blocks(MACHINES) if block.language == "requirement")
    inline = re.findall(r"`((?:\d \* )?(?:duration=|(?:cpu|cuda|mps|gpu)\()[^`]*)`", TEXT)
    shown = [words.replace("\\|", "|") for words in inline if "..." not in words]
    assert len(shown) > 10
    for text in (*block.text.splitlines(), *shown):
        assert parser.parse(text)


@pytest.mark.in_step
def test_every_sweep_of_the_page_is_read() -> None:
    sweeps = [block.text for block in blocks(MACHINES) if block.file == "hyperherd.yaml"]
    assert sweeps
    for text in sweeps:
        assert parse.spec(text, file="hyperherd.yaml", native=option_check.faults).requires


@pytest.mark.in_step
def test_every_key_of_a_machine_and_of_a_preset_is_explained() -> None:
    named = {*hosts.KEYS, *hosts.ACCELERATOR_KEYS, *hosts.ACCELERATORS}
    assert sorted(key for key in named if f"`{key}`" not in TEXT) == []


@pytest.mark.in_step
def test_the_files_of_the_configuration_folder_are_named() -> None:
    names = (configuration.HOSTS, configuration.PYTHON, configuration.USER, gpu_names.NAME)
    assert [name for name in names if name not in TEXT] == []
    assert "Thirteen for the clusters" in TEXT and len(list(configuration.SHIPPED.glob("*/*.yaml"))) == 13


@pytest.mark.in_step
def test_the_units_of_the_page_are_units() -> None:
    (durations,) = (line for line in TEXT.splitlines() if line.startswith("- **Durations**"))
    (sizes,) = (line for line in TEXT.splitlines() if line.startswith("- **Sizes**"))
    assert {"s", "m", "min", "h", "d", "w"} <= SECONDS.keys()
    assert all(f"`{unit}`" in durations for unit in ("s", "m", "min", "h", "d", "w"))
    assert all(f"`{unit}`" in sizes for unit in BYTES if not unit.endswith("B") or "i" in unit)
