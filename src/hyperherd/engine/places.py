"""Which launchers there are here, and the words for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hyperherd.errors import UsageError, nearest
from hyperherd.launchers import shipped
from hyperherd.launchers.base import Launcher

WORDS = ("auto", "local", "slurm", "direct")


class Here(Mapping[str, Launcher]):
    """The launchers that there are here, by name: those that are shipped, and each other one that is asked for.

    Nothing is asked of anybody by making them. A sweep asks for what its YAML names alone: not even for one node.
    """

    def __init__(self) -> None:
        self._made: dict[str, Launcher] = {}

    def __getitem__(self, name: str) -> Launcher:
        if name not in self._made:
            if not shipped.is_here(name):
                raise KeyError(name)
            self._made[name] = shipped.made(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(names())

    def __len__(self) -> int:
        return len(names())


def launchers() -> Mapping[str, Launcher]:
    """The launchers that there are here, by name; each is loaded when it is used."""
    return Here()


def names() -> tuple[str, ...]:
    """The names of those that are shipped; the first is what runs trials where nothing else is said."""
    return tuple(name for name in shipped.SHIPPED if shipped.is_here(name))


def cluster(names: Iterable[str]) -> str:
    """Of these launchers the first one that runs on other machines; "" where there is none."""
    return next((name for name in names if shipped.traits(name).elsewhere), "")


def machine(names: Iterable[str]) -> str:
    """Of these launchers the one that runs on this machine."""
    return next(name for name in names if not shipped.traits(name).elsewhere)


def kind(word: str) -> str:
    """The launcher that ``--on WORD`` names; "" for any. Raises `UsageError` for a word that names none."""
    if word not in WORDS and word not in shipped.others():
        words, names = (*WORDS, *shipped.others()), ("local", "slurm", *shipped.others())
        raise UsageError(
            f"--on {word}: no such place", hint=nearest(word, words) or f"{', '.join(names)} or auto"
        )
    return {"auto": "", "direct": "local"}.get(word, word)
