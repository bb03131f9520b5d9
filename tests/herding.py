"""``herd`` from outside: in a folder, with an environment, to its end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import preloaded
from eventually import DEADLINE_S

import hyperherd

HERD = (sys.executable, "-m", "hyperherd")
ANEW = ("env",)
"""Before `HERD`: it starts as where a user types it."""
PRELOADED = os.environ.get("HYPERHERD_TEST_PRELOADED", "1") == "1"
"""Whether tests may run herd without its start-up."""

Process = subprocess.Popen[str] | preloaded.Started


def ran(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
    code: int | None = 0,
    limit_s: float = DEADLINE_S,
    errors: str = "strict",
) -> subprocess.CompletedProcess[str]:
    """A program to its end; ``code`` is the exit code that it must have, None for any.

    ``herd`` itself runs without its start-up where that makes no difference (`preloaded`).
    """
    words = list(map(str, argv))
    whole = os.environ if env is None else env
    if _may_be_loaded(words, whole):
        where = str(folder or os.getcwd())
        done = preloaded.run(words[len(HERD) :], env=whole, folder=where, limit_s=limit_s, errors=errors)
    else:
        done = subprocess.run(
            words, cwd=folder, env=env, capture_output=True, text=True, errors=errors, timeout=limit_s
        )
    assert code is None or done.returncode == code, f"exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def started(argv: Sequence[str], *, env: Mapping[str, str], output: int) -> Process:
    """A program in the background, which says all to this descriptor; ``herd`` itself as in `ran`."""
    if _may_be_loaded(argv, env):
        return preloaded.Started(argv[len(HERD) :], env, os.getcwd(), [output, output])
    return subprocess.Popen(argv, env=env, stdout=output, stderr=output, text=True)


def _may_be_loaded(argv: Sequence[str], env: Mapping[str, str]) -> bool:
    return tuple(argv[: len(HERD)]) == HERD and PRELOADED and preloaded.fits(env)


def herd(
    *words: str | Path,
    before: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
    code: int | None = 0,
    limit_s: float = DEADLINE_S,
) -> subprocess.CompletedProcess[str]:
    """``herd WORDS``, behind the words ``before`` it; a traceback is never an answer."""
    done = ran([*before, *HERD, *words], env=env, folder=folder, code=code, limit_s=limit_s)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def environment(base: Mapping[str, str], folder: Path) -> dict[str, str]:
    """This checkout's herd, which finds nothing of its user's: what it keeps for itself is in the folder."""
    inherited = {name: value for name, value in base.items() if not name.startswith("HYPERHERD_")}
    return {
        **inherited,
        "PYTHONPATH": str(Path(hyperherd.__file__).parents[1]),
        "HYPERHERD_SLOTS_DIR": str(folder / "slots"),
        "HYPERHERD_CONFIG_DIR": str(folder / "configuration"),
        "HYPERHERD_POLL_S": "0.1",
    }
