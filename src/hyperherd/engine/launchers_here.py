"""Which launchers there are here, and the words for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hyperherd.errors import LauncherError, UsageError, nearest
from hyperherd.launchers import shipped
from hyperherd.launchers.base import Launcher

_OTHER_WORDS = {"auto": "", "direct": "local"}


class Here(Mapping[str, Launcher]):
    """The launchers that there are here, by name: those that are shipped, and each other one that is asked for.

    One from outside that cannot be loaded is not here. Nothing is asked of anybody by making them. A sweep asks for
    what its YAML names alone: not even for one node.
    """

    def __init__(self) -> None:
        self._made: dict[str, Launcher] = {}

    def __getitem__(self, name: str) -> Launcher:
        if name not in self._made:
            if not shipped.is_here(name):
                raise KeyError(name)
            try:
                self._made[name] = shipped.made(name)
            except LauncherError as error:
                if name in shipped.SHIPPED:
                    raise
                raise KeyError(name) from error
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
    """The launcher that ``--on WORD`` names; "" for any.

    Raises `UsageError` for a word that names none, `LauncherError` for one of another package that cannot be used.
    """
    if word in _OTHER_WORDS or word in shipped.SHIPPED:
        return _OTHER_WORDS.get(word, word)
    if word not in shipped.others():
        names = (*sorted(shipped.SHIPPED), *shipped.others())
        near = nearest(word, (*_OTHER_WORDS, *names))
        raise UsageError(f"--on {word}: no such place", hint=near or f"{', '.join(names)} or auto")
    shipped.made(word)
    return word
