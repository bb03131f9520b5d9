"""Which launchers there are here, and the words for them."""

from __future__ import annotations

import shutil

from hyperherd.errors import UsageError, nearest
from hyperherd.launchers import shipped
from hyperherd.launchers.base import Launcher

WORDS = ("auto", "local", "slurm", "direct")


def launchers() -> dict[str, Launcher]:
    """The launchers that there are here, by name. Nothing is asked by making them.

    A sweep asks for what its YAML names alone: not even for one node.
    """
    # Loading them takes 40 ms, where their names do not do.
    slurm = {"slurm": shipped.load("slurm")(nodes=None)} if slurm_is_here() else {}
    return {"local": shipped.load("local")(), **slurm}


def names() -> tuple[str, ...]:
    """Their names."""
    return ("local", "slurm") if slurm_is_here() else ("local",)


def slurm_is_here() -> bool:
    """Whether Slurm's commands are installed; whether it answers is another question."""
    return shutil.which("sbatch") is not None


def kind(word: str) -> str:
    """The launcher that ``--on WORD`` names; "" for any. Raises `UsageError` for a word that is none of `WORDS`."""
    if word not in WORDS:
        raise UsageError(f"--on {word}: no such place", hint=nearest(word, WORDS) or "local, slurm or auto")
    return {"auto": "", "direct": "local"}.get(word, word)
