"""Which launchers there are here, and which one a run goes to."""

from __future__ import annotations

import shutil

from hyperherd.errors import LauncherError, UsageError, nearest
from hyperherd.launchers.base import Launcher
from hyperherd.launchers.direct import Direct
from hyperherd.launchers.slurm.launcher import Slurm

WORDS = ("auto", "local", "slurm", "direct")


def launchers() -> dict[str, Launcher]:
    """The launchers that there are here, by name. Nothing is asked by making them."""
    return {"local": Direct(), **({"slurm": Slurm()} if slurm_is_here() else {})}


def slurm_is_here() -> bool:
    """Whether Slurm's commands are installed; whether it answers is another question."""
    return shutil.which("sbatch") is not None


def choose(word: str) -> tuple[str, str]:
    """The launcher's name for ``--on WORD``, and a sentence for people where herd chose.

    Slurm that is installed but does not answer is never a reason to start trainings on a login node: submitting to it
    will fail in words. Raises `UsageError`, `LauncherError`.
    """
    if word not in WORDS:
        raise UsageError(f"--on {word}: no such place", hint=nearest(word, WORDS) or "local, slurm or auto")
    if word in ("local", "direct"):
        return "local", ""
    if slurm_is_here():
        return (
            "slurm",
            "" if word == "slurm" else "Slurm is here, so it runs there (--on local for this machine).",
        )
    if word == "slurm":
        raise LauncherError(
            "Slurm's sbatch is not on PATH",
            hint="log in to a machine of the cluster, load its module, or run here: herd run --on local",
        )
    return "local", "No Slurm here, so it runs on this machine."
