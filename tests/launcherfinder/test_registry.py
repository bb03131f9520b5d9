"""The user's own ``launchers.py``: what it may answer, and that its faults are shown as theirs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hyperherd.errors import ChoiceError, HerdError, RequirementError
from hyperherd.launcherfinder import configuration, find_launcher, registry
from hyperherd.launcherfinder.choice import Chooser
from hyperherd.launcherfinder.configuration import Sources
from hyperherd.launchers import DirectLauncher, SlurmLauncher
from hyperherd.launchers.base import Launcher
from hyperherd.requirements.parser import parse

from .described import told, write

NEED = parse("cuda(mem=24GiB)")


@pytest.fixture
def file(configuration_folder: Path) -> Path:
    return configuration_folder / "launchers.py"


def answer(file: Path, body: str) -> object:
    """What ``find_launcher`` with this body answers."""
    write(
        file,
        f"from hyperherd.launchers import *\n\ndef find_launcher(requirements, tags=set()):\n    {body}\n",
    )
    return registry.ask(file, NEED).chosen()


def test_a_launcher_is_taken_as_it_is(file: Path) -> None:
    found = answer(file, "return SlurmLauncher(options=SlurmOptions(partition='gpu'), priority=3)")
    assert isinstance(found, SlurmLauncher)
    assert isinstance(answer(file, "return DirectLauncher()"), DirectLauncher)


def test_of_several_one_is_chosen(file: Path) -> None:
    found = answer(file, "return DynamicLauncher([DirectLauncher(priority=2), SlurmLauncher(priority=1)])")
    assert isinstance(found, DirectLauncher)


def test_none_is_nobody(file: Path) -> None:
    parts = (
        "launchers.py: find_launcher knows nobody who has what is required: cuda(mem=24GiB)",
        "add a machine to the file",
    )
    with told(*parts):
        answer(file, "return None")
    with told(*parts):
        Chooser(Sources(), {"local": DirectLauncher()}).choose(NEED)
    with told(*parts):
        find_launcher(NEED)


def test_a_machine_that_has_it_and_was_not_chosen_is_told_too(file: Path) -> None:
    write(
        file,
        """\
        from hyperherd.launcherfinder import CudaSpecification, HostSpecification

        def find_launcher(requirements, tags=set()):
            for memory in (16, 16, 40):
                requirements.match(HostSpecification(cuda=[CudaSpecification(memory * 2**30)]))
        """,
    )
    with told(
        "\n  line 5  asks 1 CUDA GPU of 24 GiB, has 1 of 16 GiB\n  line 5  has it, and was not chosen\n"
    ):
        find_launcher(NEED)


def test_requirements_and_tags_are_handed_over(file: Path) -> None:
    write(
        file,
        """\
        from hyperherd.launchers import DirectLauncher

        def find_launcher(requirements, tags=set()):
            assert type(tags) is set and tags == {"a"} and str(requirements) == "cuda(mem=24GiB)"
            return DirectLauncher(priority=7)
        """,
    )
    found = find_launcher(NEED, tags={"a"})
    assert found and found.priority == 7


def test_it_has_the_first_word_but_not_of_this_machine(file: Path, configuration_folder: Path) -> None:
    write(configuration_folder / "launchers.yaml", "hosts: {desk: {launcher: local, cores: 1}}")
    answer(file, "return SlurmLauncher()")
    both: dict[str, Launcher] = {"local": DirectLauncher(), "slurm": SlurmLauncher()}
    assert Chooser(Sources(), both).choose(NEED).launcher.name == "slurm"
    assert Chooser(Sources(), both, "local").choose(parse("cpu(cores=1)")).host == "desk"


def test_on_slurm_and_a_file_that_chose_this_machine_are_at_odds(file: Path) -> None:
    answer(file, "return DirectLauncher()")
    with told("find_launcher chose local, and --on slurm was typed"):
        Chooser(Sources(), {"local": DirectLauncher()}, "slurm").choose(NEED)


def shown(file: Path, text: str) -> str:
    """The words of the error that this file makes; of it every traceback line is theirs."""
    write(file, text)
    with pytest.raises(HerdError) as caught:
        registry.ask(file, NEED).chosen()
    words = str(caught.value)
    files = re.findall(r'File "(.*?)"', words)
    assert all(Path(each).parent == file.parent for each in files), words
    assert "Traceback" not in words
    assert words.startswith(f"{file}: ")
    return words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\ndef find_launcher(:\n", ["line 2", "def find_launcher(:", "^", "SyntaxError"]),
        ("x = (\n", ["line 1", "SyntaxError"]),
        ("def f():\n\tx\n        y\n", ["line 3", "Error"]),
        (
            "x = 1\nimport no_such_module_here\n",
            ["line 2", "import no_such_module_here", "ModuleNotFoundError"],
        ),
        ("from hyperherd import nobody\n", ["line 1", "ImportError"]),
        ("x = 1\n\nraise RuntimeError('at the top')\n", ["line 3", "RuntimeError: at the top"]),
        (
            "def find_launcher(r, tags):\n    return inner()\ndef inner():\n    return 1 / 0\n",
            ["line 2, in find_launcher", "line 4, in inner", "ZeroDivisionError"],
        ),
        ("def find_launcher(r):\n    pass\n", ["TypeError", "find_launcher()"]),
        ("import sys\ndef find_launcher(r, tags):\n    sys.exit('no')\n", ["line 3", "SystemExit: no"]),
        (
            "from hyperherd.launchers import SlurmOptions\nSlurmOptions(partion='x')\n",
            ["line 2", "did you mean 'partition'?"],
        ),
        (
            "from hyperherd.launchers import *\ndef find_launcher(r, tags):\n    return DynamicLauncher([])\n",
            ["line 3", "without launchers"],
        ),
        (
            "from hyperherd.launchers import *\nclass Mine(DynamicLauncher):\n    def update(self):\n        1 / 0\n"
            "def find_launcher(r, tags):\n    return Mine([DirectLauncher()])\n",
            ["line 4, in update", "ZeroDivisionError"],
        ),
        (
            "class Mine(Exception):\n    def __str__(self):\n        raise ValueError\nraise Mine\n",
            ["line 4"],
        ),
    ],
)
def test_a_fault_is_shown_with_their_lines_and_none_of_ours(file: Path, text: str, words: list[str]) -> None:
    told_ = shown(file, text)
    assert not [part for part in words if part not in told_], told_


def test_a_file_with_a_zero_byte_or_none_that_can_be_read_is_told(file: Path) -> None:
    file.write_bytes(b"x = 1\0\n")
    with told("launchers.py: it failed", "null bytes"):
        registry.ask(file, NEED)
    with told("No such file"):
        registry.ask(file.with_name("gone.py"), NEED)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("return 'slurm'", "returned str"),
        ("return {}", "returned dict"),
        ("return SlurmLauncher", "returned the class SlurmLauncher"),
        ("return True", "returned bool"),
    ],
)
def test_what_is_no_launcher_is_told(file: Path, body: str, what: str) -> None:
    with told("launchers.py: find_launcher", what, "which is no launcher", "return a DirectLauncher()"):
        answer(file, body)


@pytest.mark.parametrize("text", ["", "x = 1\n", "find_launcher = 3\n"])
def test_a_file_without_the_function_is_told(file: Path, text: str) -> None:
    assert "it defines no find_launcher\n  def find_launcher(requirements" in shown(file, text)


def test_ctrl_c_passes(file: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        answer(file, "raise KeyboardInterrupt")


def test_each_question_reads_the_file_anew(file: Path) -> None:
    assert isinstance(answer(file, "return DirectLauncher()"), DirectLauncher)
    assert isinstance(answer(file, "return SlurmLauncher()"), SlurmLauncher)


def test_a_folder_of_that_name_is_no_file(file: Path) -> None:
    file.mkdir()
    assert registry.python_file() is None


def test_dataclasses_work_there_and_what_it_prints_goes_to_stderr(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        file,
        """\
        from __future__ import annotations
        from dataclasses import dataclass
        from typing import ClassVar
        from hyperherd.launchers import DirectLauncher

        @dataclass
        class Site:
            name: str
            all: ClassVar[list] = []

        def find_launcher(requirements, tags=set()):
            print(Site("here"))
            return DirectLauncher()
        """,
    )
    assert isinstance(registry.ask(file, NEED).found(), DirectLauncher)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "Site(name='here')\n")


def test_without_a_home_the_folder_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPERHERD_CONFIG_DIR", "~no_such_user_here/x")
    with told("no configuration folder", "export HYPERHERD_CONFIG_DIR=", folder=Path("/")):
        find_launcher(NEED)


def test_a_launcher_may_be_asked_for_in_words() -> None:
    write(
        configuration.folder() / configuration.HOSTS,
        "hosts: {here: {launcher: local, cores: 4, tags: [desk]}}\n",
    )
    assert isinstance(find_launcher("cpu(cores=2)", tags="desk"), DirectLauncher)
    with pytest.raises(ChoiceError, match="has no tag cloud"):
        find_launcher("cpu(cores=2)", tags="cloud")
    with pytest.raises(RequirementError, match="tags="):
        find_launcher("cpu(cores=2)", "cloud")
    with pytest.raises(RequirementError, match="no unit"):
        find_launcher("cuda(mem=24)")


def test_what_is_described_is_read_once_for_all_that_is_required() -> None:
    path = write(configuration.folder() / configuration.HOSTS, "hosts: {desk: {launcher: local, cores: 4}}\n")
    chooser = Chooser(Sources(), {"local": DirectLauncher()})
    assert chooser.choose(parse("cpu(cores=1)")).host == "desk"
    path.unlink()
    assert chooser.choose(parse("cpu(cores=4)")).host == "desk"
