"""Another user: nobody, whom root may become."""

from __future__ import annotations

import os
import site
import subprocess
import sys
from collections.abc import Mapping

import pytest

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


def skip_where_nobody_runs_python(env: Mapping[str, str]) -> None:
    """Where the other user cannot even start Python: it may lie in somebody's home."""
    argv = [*NOBODY, sys.executable, "-c", "import hyperherd.cli.main, click, msgspec"]
    answer = subprocess.run(argv, env=dict(env), cwd="/", capture_output=True, text=True)
    if answer.returncode:
        pytest.skip(f"another user cannot run this Python: {answer.stderr.strip()[-200:]}")


def python_that_starts_others(env: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """A Python that the other user may run also from within it, and an environment in which it has herd. Skips where
    there is none: ours may lie in somebody's home.
    """
    path = os.pathsep.join([env.get("PYTHONPATH", ""), *site.getsitepackages()])
    with_ours = {**env, "PYTHONPATH": path}
    starts = (
        "import sys, shutil, hyperherd.cli.main, click, msgspec; sys.exit(not shutil.which(sys.executable))"
    )
    for python in (sys.executable, "/usr/bin/python3"):
        argv = [*NOBODY, python, "-c", starts]
        if subprocess.run(argv, env=with_ours, cwd="/", capture_output=True).returncode == 0:
            return python, with_ours
    pytest.skip("another user can run no Python that has what herd needs")
