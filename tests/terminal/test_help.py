"""Help that helps: each command says what it is for, its examples work, shells complete; nothing starts slowly."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import herding
import pytest
from exactly_once.sweeps import environment
from fakeslurm.fixture import FakeSlurm

from hyperherd.cli.main import ALSO, COMMANDS

from .conftest import Home

HEAVY = {"pydantic", "ruamel", "rich", "psutil"}
LOOK = """
import sys
from hyperherd.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print("loaded", *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def loaded(home: Home, *words: str) -> set[str]:
    """The packages that a command has loaded when it ends."""
    argv = [sys.executable, "-c", LOOK, *words]
    done = subprocess.run(
        argv, env=home.env, cwd=home.folder, capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stderr.splitlines()[-1].split()[1:])


@pytest.fixture
def typed(home: Home, fake_slurm: FakeSlurm) -> Iterator[Home]:
    """Where the examples of the help are typed: in a workspace of six trials, with two others inside."""
    env = environment(fake_slurm.env, home.folder)
    root = home.sweep("[1]", "exit 0\n", "here")
    home = Home(root, env)
    for folder in (root, root / "my_sweep", root / "other"):
        folder.mkdir(exist_ok=True)
        (folder / "hyperherd.yaml").write_text(
            "name: s\nlauncher: launch.sh\ngrid: all\n"
            "parameters: {lr: [0.01, 0.05, 0.1], optimizer: [sgd, adam]}\nmetric: accuracy\nrepeat: {seed: 1}\n"
        )
        (folder / "launch.sh").write_text(RESULT)
        (folder / "launch.sh").chmod(0o755)
    (root / "sbatch.sh").write_text("#!/bin/bash\n" + "#\n" * 10 + "./launch.sh\n")
    yield home


RESULT = """#!/bin/bash
mkdir -p "$HYPERHERD_RESULTS/final" "$HYPERHERD_RESULTS/stream"
echo '{"step": 1, "value": 0.5, "ts": 1}' >"$HYPERHERD_RESULTS/stream/accuracy.jsonl"
echo '{"name": "accuracy", "value": 0.5, "ts": 1}' >"$HYPERHERD_RESULTS/final/here-1.jsonl"
"""


def examples(text: str) -> list[str]:
    """The commands under ``Example:`` or ``Examples:``."""
    found = re.search(r"^  Examples?:\n((?:    .+\n?)+)", text, flags=re.MULTILINE)
    return [line.strip() for line in found[1].splitlines()] if found else []


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_says_what_it_is_for_and_its_examples_work(typed: Home, command: str) -> None:
    text = typed.run(command, "--help").stdout
    purpose = text.split("\n\n")[1]
    assert purpose.strip().endswith(".")
    assert max(map(len, text.splitlines())) <= 80
    shown = examples(text)
    assert shown or command == "completion"
    if command not in ("init", "completion"):
        for folder in [".", "my_sweep"] if any("my_sweep" in example for example in shown) else ["."]:
            herding.herd("run", folder, "--on", "local", env=typed.env, folder=typed.folder, code=None)
    for example in shown:
        words = shlex.split(example)
        assert words.pop(0) == "herd"
        words = words[: next((i for i, word in enumerate(words) if word in ("|", ">")), None)]
        if command == "init":
            shutil.rmtree(typed.folder / "my_sweep")
            (typed.folder / "my_sweep").mkdir()
            words += ["my_sweep"] if "--config" in words else []
        done = typed.run(*words, *(["--yes"] if command in ("stop", "clean") else []))
        refused = example in (
            "herd test",
            "herd test 3",
            "herd test --on slurm",
        )  # it has run: its checkpoints are in use
        if command == "drill":  # these trials end at once: mostly before they can be cut short
            cut_short = "it resumes" in done.stdout
            assert done.returncode == (not cut_short), f"{example}\n{done.stdout}{done.stderr}"
        else:
            assert done.returncode == refused, f"{example}\n{done.stdout}{done.stderr}"


def test_every_command_is_in_the_help(home: Home) -> None:
    text = home.run("--help").stdout
    assert [
        name for name in COMMANDS if not re.search(rf"^  {name} +[A-Z].*\.$", text, flags=re.MULTILINE)
    ] == []
    assert home.run("-h").stdout == text


def test_no_command_names_the_nearest(home: Home) -> None:
    answer = home.run("stauts")
    assert answer.returncode == 2
    assert "no command 'stauts'" in answer.stderr
    assert "did you mean" in answer.stderr


@pytest.mark.parametrize(("word", "meant"), ALSO.items())
def test_words_that_people_type_find_their_command(home: Home, word: str, meant: str) -> None:
    assert (
        home.run(word, "--help").stdout.replace(f"herd {word} ", f"herd {meant} ")
        == home.run(meant, "--help").stdout
    )


@pytest.mark.parametrize("slip", ["statsu", "sttaus", "statuss", "satus"])
def test_letters_that_changed_places_name_the_command_that_was_meant(home: Home, slip: str) -> None:
    assert "did you mean 'status'?" in home.run(slip).stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_one_that_its_shell_reads(home: Home, shell: str) -> None:
    script = home.run("completion", shell).stdout
    assert "_HERD_COMPLETE" in script
    if shutil.which(shell):
        done = subprocess.run([shell, "-n"], input=script, text=True, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr


def test_help_loads_click_and_nothing_else(home: Home) -> None:
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*{m.partition('.')[0] for m in sys.modules})"],
        env=home.env, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    foreign = loaded(home, "--help") - set(bare) - sys.stdlib_module_names
    assert foreign <= {"click", "hyperherd", "colorama"}


@pytest.mark.parametrize("words", [("status", "-b"), ("status",), ("res",), ("tail", "0"), ("show", "0")])
def test_looking_loads_nothing_heavy(home: Home, words: tuple[str, ...]) -> None:
    root = home.sweep("[1]", "exit 0\n")
    assert home.run("run", root, "--on", "local").returncode == 0
    assert loaded(home, "-C", str(root), *words) & HEAVY == set()


def test_the_reader_of_a_pipe_may_leave(home: Home) -> None:
    root = home.sweep('"range(0,3000)"', "exit 0\n")
    command = f"{shlex.join([sys.executable, '-m', 'hyperherd', 'ls', str(root)])} | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env=home.env, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_the_examples_of_the_front_page_of_the_help_work(home: Home) -> None:
    text = home.run("--help").stdout
    lines = re.search(r"^  Start here:\n((?:    .+\n?)+)", text, flags=re.MULTILINE)
    assert lines
    env = environment({**home.env, "PATH": _without_slurm(home.folder)}, home.folder)
    here = Home(home.folder, env)
    for line in lines[1].splitlines():
        words = re.split(r"  +", line.strip())[0].split()
        assert words.pop(0) == "herd"
        done = here.run(*words)
        one_fails = words[0] == "run"  # so that every view has something to show
        assert done.returncode == (3 if one_fails else 0), f"{line}\n{done.stderr}"


def _without_slurm(folder: Path) -> str:
    """A PATH with the programs that a sweep on this machine needs."""
    programs = folder / "programs"
    programs.mkdir()
    for name in ("bash", "git", "mkdir", "date"):
        if there := shutil.which(name):
            (programs / name).symlink_to(there)
    return str(programs)
