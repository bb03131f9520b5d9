"""However an application is started, its jobs are started in the same way."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from .applications import HERD, Application


@pytest.fixture
def package(here: Application) -> Application:
    """The application as a package as well, ``pkg.train`` and ``pkg``."""
    folder = here.root / "pkg"
    shutil.copytree(here.root / "conf", folder / "conf")
    for where in (folder, folder / "conf", folder / "conf/db"):
        (where / "__init__.py").touch()
    shutil.copy(here.root / "app.py", folder / "train.py")
    (folder / "__main__.py").write_text("from pkg.train import main\n\nmain()\n")
    return here


def test_as_a_file_from_another_folder(here: Application, tmp_path: Path) -> None:
    here.run(f"{here.root.name}/app.py", *here.words("lr=2"), cwd=tmp_path)
    assert '"lr": 2' in (tmp_path / "facts").read_text()
    assert (tmp_path / "out put/0/.hydra").is_dir()


@pytest.mark.parametrize("module", ["pkg.train", "pkg"])
def test_as_a_module(package: Application, module: str) -> None:
    package.run("-m", module, *package.words("lr=2"))
    assert [facts["config"]["lr"] for facts in package.facts()] == [2]


def test_as_an_installed_command(package: Application) -> None:
    command = package.root / "bin" / "train"
    command.parent.mkdir()
    command.write_text(f"#!{sys.executable}\nimport sys\nfrom pkg.train import main\nsys.exit(main())\n")
    command.chmod(0o755)
    root = package.root
    env = {**package.env, "PYTHONPATH": f"{package.env['PYTHONPATH']}:{root}"}
    Application(root, env, "local").run(str(command), *package.words("lr=2"))
    assert [facts["config"]["lr"] for facts in package.facts()] == [2]


def test_with_another_configuration_and_one_more_folder_of_them(here: Application) -> None:
    shutil.move(here.root / "conf", here.root / "elsewhere")
    more = here.root / "more" / "db"
    more.mkdir(parents=True)
    (more / "sqlite.yaml").write_text("host: a file\n")
    where = ["--config-path", "elsewhere", "--config-name=watched", "--config-dir", "more"]
    here.run("app.py", *where, *here.words("db=sqlite,mysql"))
    assert [facts["config"]["db"]["host"] for facts in here.facts()] == ["a file", "here"]


def test_an_application_whose_own_configuration_says_so_is_swept_once(here: Application) -> None:
    done = here.run("app.py", "--config-name=herd")
    assert [facts["config"]["lr"] for facts in here.facts()] == [1, 2]
    assert "2 jobs completed, 0 not" in done.stdout
    assert len(list(here.root.rglob("*.herd"))) == 1


def test_options_of_the_launcher_in_the_applications_files_do_not_trouble_its_jobs(here: Application) -> None:
    own = "defaults: [config, _self_]\nhydra:\n  launcher: {wait: true, place: local, slurm: {mem: 1G}}\n"
    (here.root / "conf/own.yaml").write_text(own)
    here.run("app.py", "-m", "--config-name=own", HERD, "lr=3")
    assert [facts["config"]["lr"] for facts in here.facts()] == [3]


def test_what_no_other_process_could_start_is_refused(package: Application) -> None:
    done = package.run("-c", "import pkg.train; pkg.train.main()", *package.words("lr=1,2"), code=1)
    assert "jobs cannot be started with '-c'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not package.facts()
