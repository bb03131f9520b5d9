"""Which launchers there are here, and which one a run goes to."""

from __future__ import annotations

import shutil

from hyperherd.errors import LauncherError, UsageError, nearest
from hyperherd.launchers.base import Launcher
from hyperherd.launchers.direct import DirectLauncher
from hyperherd.launchers.slurm import SlurmLauncher
from hyperherd.sweep.description import SweepSpec
from hyperherd.workspace import layout, submissions
from hyperherd.workspace.folder import Workspace

WORDS = ("auto", "local", "slurm", "direct")

OF_A_CLUSTER = ("partition", "account", "qos", "reservation")
"""Options that mean nothing but on a cluster, and mostly on one."""


def launchers() -> dict[str, Launcher]:
    """The launchers that there are here, by name. Nothing is asked by making them.

    A sweep asks for what its YAML names alone: not even for one node.
    """
    return {"local": DirectLauncher(), **({"slurm": SlurmLauncher(nodes=None)} if slurm_is_here() else {})}


def slurm_is_here() -> bool:
    """Whether Slurm's commands are installed; whether it answers is another question."""
    return shutil.which("sbatch") is not None


def choose(word: str, workspace: Workspace, spec: SweepSpec) -> tuple[str, str]:
    """The launcher's name for ``--on WORD``, and a sentence for people where herd chose.

    Slurm that is installed but does not answer is never a reason to start trainings on a login node: submitting to it
    will fail in words. Nor is one whose module is not loaded, where the sweep shows that it was meant for Slurm.
    Raises `UsageError`, `LauncherError`.
    """
    if word not in WORDS:
        raise UsageError(f"--on {word}: no such place", hint=nearest(word, WORDS) or "local, slurm or auto")
    if word in ("local", "direct"):
        return "local", ""
    if slurm_is_here():
        chosen = "Slurm is here, so it runs there (--on local for this machine)."
        return "slurm", "" if word == "slurm" else chosen
    if word == "slurm":
        raise LauncherError(
            "Slurm's sbatch is not on PATH",
            hint="log in to a machine of the cluster, load its module, or run here: herd run --on local",
        )
    if sign := _sign_of_a_cluster(workspace, spec):
        raise LauncherError(
            f"this is a sweep for Slurm ({sign}), and Slurm's sbatch is not on PATH",
            hint="load its module or log in to a machine of the cluster; or run it on this machine: "
            "herd run --on local",
        )
    return "local", "No Slurm here, so it runs on this machine."


def _sign_of_a_cluster(workspace: Workspace, spec: SweepSpec) -> str:
    """What says that the sweep belongs on a cluster; empty where nothing does."""
    if any(record.launcher == "slurm" and record.state != "void" for record in submissions.read(workspace)):
        return "it has trials there"
    named = [key for key in OF_A_CLUSTER if spec.slurm.get(key)]
    return f"{layout.CONFIG} names its {' and '.join(named)}" if named else ""
