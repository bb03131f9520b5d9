"""Another user: nobody, whom root may become."""

from __future__ import annotations

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
