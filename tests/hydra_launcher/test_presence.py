"""The plugin where nobody uses it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import hyperherd

from .applications import Application

WITHOUT_HYDRA = """\
import sys
sys.modules.update(hydra=None, omegaconf=None)
import hyperherd
for name in hyperherd.__all__:
    getattr(hyperherd, name)
from hyperherd.cli.main import main
sys.argv = ["herd", "expand", "lr=1,2"]
main()
"""

STARTED = """\
import json
import sys
from pathlib import Path

import hyperherd
import sys
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
found = {plugin.__name__ for plugin in Plugins.instance().discover(Launcher)}
loaded = sorted(name for name in sys.modules if name.startswith("hyperherd"))
print(json.dumps({"plugins": sorted(found), "loaded": loaded}))
"""


def test_without_hydra_everything_else_is_as_it_was(here: Application) -> None:
    assert here.run("-c", WITHOUT_HYDRA).stdout.split() == ["lr=1", "lr=2"]


def test_hydra_finds_it_and_loads_nothing_more_of_herd(here: Application) -> None:
    told = json.loads(here.run("-c", STARTED).stdout)
    assert "HyperHerdLauncher" in told["plugins"]
    assert told["loaded"] == ["hyperherd", "hyperherd.hydra", "hyperherd.hydra.launcher"]


def test_installed_without_what_it_needs_it_says_what_is_missing(here: Application) -> None:
    (here.root / "msgspec.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'msgspec'\", name='msgspec')\n"
    )
    ended = here.sweep("lr=0.1,0.2", code=1)
    assert f"herd needs msgspec, which this environment does not have: {sys.prefix}\n" in ended.stderr
    assert f"-m pip install {Path(hyperherd.__file__).parents[2]}\n" in ended.stderr
    assert "uv pip install --python " in ended.stderr
    assert "Traceback" not in ended.stderr
