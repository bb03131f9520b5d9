"""What a trainer needs is read from its files: nothing of it is imported, and what it can do without is told apart."""

from __future__ import annotations

import ast
import inspect
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hyperherd.bash import training
from hyperherd.doctor import probe, sees

from .conftest import venv

TRAINER = """\
from __future__ import annotations
import contextlib, json, os.path
import needed.sub as n
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import for_types
try:
    import fast_one
except ImportError:
    import slow_one
with contextlib.suppress(ImportError):
    import nice_to_have
def main():
    import later
if os.environ.get("X"):
    import sometimes
from package import module, name
from local import *
if __name__ == "__main__":
    import for_the_program
"""


def told(python: Path | str, folder: Path, *words: str) -> dict[str, Any]:
    program = f"{inspect.getsource(sees)}\ntell('@mark')\n"
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    argv = [str(python), "-c", program, *words]
    done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=True)
    mark, word, document = done.stdout.strip().split(" ", 2)
    assert (mark, word) == ("@mark", "python")
    found: dict[str, Any] = json.loads(document)
    return found


def files(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = folder / (name.replace("__in__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_trainers_packages_are_those_of_its_file_and_its_own_modules(tmp_path: Path) -> None:
    files(
        tmp_path,
        train=TRAINER,
        local="import by_local\nfrom package import module\n",
        package__in____init__="from . import module\nfrom .sub import deep\n",
        package__in__module="import by_module\n",
        package__in__sub__in__deep="import by_deep\nfrom ..module import x\nraise SystemExit('imported')\n",
        package__in__unused="import by_unused\n",
    )
    found = told(sys.executable, tmp_path, "train.py", "lr=1")["packages"]
    needed = {name for name, one in found.items() if one["needed"]}
    everywhere = {"contextlib", "json", "os", "typing"}
    assert needed - everywhere == (
        {"needed", "package", "local", "by_local", "by_module", "by_deep", "for_the_program"}
    )
    assert set(found) - needed == {"fast_one", "slow_one", "nice_to_have", "later", "sometimes"}
    assert {name for name, one in found.items() if one["origin"] is not None} - everywhere == {
        "package",
        "local",
    }


def test_a_module_is_looked_for_as_python_dash_m_does(tmp_path: Path) -> None:
    files(
        tmp_path,
        pkg__in____init__="",
        pkg__in__train="import by_train\nfrom . import other\n",
        pkg__in__other="import by_other\n",
    )
    seen = told(sys.executable, tmp_path, "-m", "pkg.train", "lr=1")
    assert set(seen["packages"]) == {"pkg", "by_train", "by_other"}
    assert seen["module"] == "pkg.train"
    gone = told(sys.executable, tmp_path, "-m", "pgk.train")
    assert gone["packages"]["pgk"] == {"origin": None, "version": "", "needed": True}


@pytest.mark.parametrize(
    "words", ["/x/torchrun --nproc-per-node 2", "accelerate launch", "-m torch.distributed.run --standalone"]
)
def test_a_module_that_a_launcher_starts_is_looked_for(tmp_path: Path, words: str) -> None:
    files(tmp_path, pkg__in____init__="", pkg__in__train="import by_train\n")
    seen = told(sys.executable, tmp_path, *words.split(), "-m", "pkg.train", "-m", "resnet")
    assert seen["module"] == "pkg.train"
    assert set(seen["packages"]) - {"torch"} == {"pkg", "by_train"}


def test_a_trainers_own_option_m_is_no_module(tmp_path: Path) -> None:
    files(tmp_path, pkg__in____init__="", pkg__in__train="", train="")
    assert set(told(sys.executable, tmp_path, "-m", "pkg.train", "-m", "resnet")["packages"]) == {"pkg"}
    assert told(sys.executable, tmp_path, "torchrun", "train.py", "-m", "resnet")["packages"] == {}


def test_versions_are_the_distributions(tmp_path: Path) -> None:
    python = venv(tmp_path / "env", some_package="1.2rc1")
    files(tmp_path, train="import some_package\n")
    seen = told(python, tmp_path, "train.py")
    assert seen["packages"]["some_package"]["version"] == "1.2rc1"
    assert seen["executable"] == str(python)
    assert seen["prefix"] == str(tmp_path / "env")


def test_a_trainer_in_another_folder_finds_its_own_modules(tmp_path: Path) -> None:
    files(tmp_path, code__in__train="import beside\n", code__in__beside="import by_beside\n")
    seen = told(sys.executable, tmp_path, "--nproc=2", "code/train.py", "data=x.py")
    assert seen["file"] == "code/train.py"
    assert seen["packages"]["beside"]["origin"] == str(tmp_path / "code/beside.py")
    assert "by_beside" in seen["packages"]


def test_a_trainer_that_changes_its_path_may_find_what_is_not_found(tmp_path: Path) -> None:
    files(tmp_path, train="import beside\nimport elsewhere\n", beside="import sys\nsys.path.append('..')\n")
    found = told(sys.executable, tmp_path, "train.py")["packages"]
    assert found["elsewhere"] == {"origin": None, "version": "", "needed": False}


def test_a_file_that_python_cannot_read_is_told(tmp_path: Path) -> None:
    files(tmp_path, train="import os\nthis is no Python\n")
    seen = told(sys.executable, tmp_path, "train.py")
    assert "train.py" in seen["unreadable"]
    assert told(sys.executable, tmp_path, "gone.py")["file_found"] is False


def test_python_3_6_can_read_what_it_is_given() -> None:
    ast.parse(inspect.getsource(sees), feature_version=(3, 6))


OLD = ("python2.7", "python3.5", "python3.6", "python3.7", "python3.8", "python3.9")


def version(python: str) -> str:
    """Its version; "" of a program that is no Python, or does not start."""
    asked = [python, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"]
    return subprocess.run(asked, capture_output=True, text=True, timeout=60).stdout.strip()


def test_every_python_tells_its_version_if_nothing_else(tmp_path: Path) -> None:
    files(tmp_path, train="import json\n")
    env = {**os.environ, "HYPERHERD_WORKSPACE": str(tmp_path)}
    found = [sys.executable, *filter(None, map(shutil.which, OLD))]
    for python, known in [(python, version(python)) for python in found if version(python)]:
        script = probe.text(training.find(f"{python} train.py"), None, "@mark", outside=True)
        argv = ["sh", "-c", script]
        done = subprocess.run(
            argv, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=True
        )
        facts, seen = probe.read(done.stdout, "@mark")
        assert seen is not None, done.stderr
        assert seen["version"] == known
        assert bool(seen.get("too_old")) == (tuple(map(int, known.split("."))) < (3, 6))
        assert facts["exit"] == ("0",)
