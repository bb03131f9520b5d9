"""The real Slurm of tools/minislurm, started for the first test that asks for it and shared by all of a run.

The process that the user started owns it: workers of pytest-xdist are told its folder, the first of them that
needs it starts it (a second start is harmless), and the owner takes it down at the end. Should the owner be
killed, the cluster notices and comes down by itself.
"""

from __future__ import annotations

import compileall
import importlib.util
import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest
from fakeslurm.fixture import fake_slurm  # noqa: F401 (a fixture)
from quick import Quick
from real_slurm import Slurm, connect, minislurm
from small_disk import disk  # noqa: F401 (a fixture)

import hyperherd

# Those of the training templates run in an environment of their own: make test-templates
collect_ignore = [] if importlib.util.find_spec("torch") else ["templates"]

PLAIN_SIGNALS: dict[signal.Signals, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGQUIT: signal.SIG_DFL,
}
FOLDER = pytest.StashKey[Path]()
OWNER = pytest.StashKey[int]()
STORY = pytest.StashKey[set[str]]()
TALLY = pytest.StashKey[dict[str, int]]()


@pytest.fixture(scope="session")
def slurm(pytestconfig: pytest.Config) -> Slurm:
    """The real Slurm; skipped where it is not installed, unless HYPERHERD_REQUIRE_SLURM=1 asks for it."""
    folder, story = pytestconfig.stash[FOLDER], pytestconfig.stash[STORY]
    owner = str(pytestconfig.stash[OWNER])
    answer = minislurm("up", "--dir", str(folder), "--user", "nobody", "--ends-with", owner)
    why = answer.stderr.strip()
    if answer.returncode == 3:
        story.add(f"left out: {why}")
        if os.environ.get("HYPERHERD_REQUIRE_SLURM") == "1":
            pytest.fail(why, pytrace=False)
        pytest.skip(why)
    if answer.returncode:
        story.add("it did not start")
        pytest.fail(why, pytrace=False)
    story.add("used")
    return connect(folder)


@pytest.fixture
def tally(pytestconfig: pytest.Config) -> dict[str, int]:
    """What tests with faults count, over all workers; it is told at the end."""
    return pytestconfig.stash[TALLY]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="leave out the tests that start a process")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("quick"):
        config.pluginmanager.register(Quick(), "quick")
    # What the user who runs the tests has described is no part of them.
    os.environ["XDG_CONFIG_HOME"] = str(
        Path(tempfile.gettempdir(), f"hyperherd-no-configuration-{os.getpid()}")
    )
    # Nor are the sweeps that the tests make that user's: nobody can note them there, or keep anything of them.
    os.environ["XDG_STATE_HOME"] = os.environ["XDG_CACHE_HOME"] = os.devnull + "/none"
    # A shell ignores Ctrl-C for what it starts in the background, and nohup SIGHUP; tests send them to what they start.
    for number, handler in PLAIN_SIGNALS.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
    told: dict[str, Any] = getattr(config, "workerinput", {})
    default = Path(tempfile.gettempdir(), f"hyperherd-slurm-{os.getpid()}")
    config.stash[FOLDER] = Path(told.get("slurm_folder", default))
    config.stash[OWNER] = told.get("slurm_owner", os.getpid())
    config.stash[STORY] = set()
    config.stash[TALLY] = dict.fromkeys(("instants", "faults", "doubles", "lies", "losses"), 0)
    if config.stash[OWNER] == os.getpid():
        # As pip leaves it where herd is installed, also under PYTHONDONTWRITEBYTECODE: compiling is a third of a start.
        compileall.compile_dir(Path(hyperherd.__file__).parent, quiet=2)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["slurm_folder"] = str(node.config.stash[FOLDER])
    node.workerinput["slurm_owner"] = node.config.stash[OWNER]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "slurm" in getattr(item, "fixturenames", ()):
            item.add_marker("slurm")
    if os.environ.get("HYPERHERD_TEST_ALL") != "1":
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        told: set[str] = session.config.stash[STORY]
        session.config.workeroutput["slurm_story"] = sorted(told)
        session.config.workeroutput["tally"] = session.config.stash[TALLY]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    told = getattr(node, "workeroutput", {})
    node.config.stash[STORY].update(told.get("slurm_story", ()))
    for word, count in told.get("tally", {}).items():
        node.config.stash[TALLY][word] += count


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    told: set[str] = config.stash[STORY]
    story = ", ".join(sorted(told)) or "no test asked for it"
    terminalreporter.write_line(f"real Slurm: {story}")
    counted = config.stash[TALLY]
    if any(counted.values()):
        terminalreporter.write_line(
            "faults: " + ", ".join(f"{count} {word}" for word, count in counted.items())
        )
    if collect_ignore:
        terminalreporter.write_line("training templates: PyTorch is not here; make test-templates has it")


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.stash[OWNER] == os.getpid() and config.stash[FOLDER].exists():
        answer = minislurm("down", "--dir", str(config.stash[FOLDER]))
        if answer.returncode:
            raise RuntimeError(answer.stderr)
