"""The faults of one document, as they are found, and as they are told: in the order of its lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hyperherd.config.document import Document, Path
from hyperherd.errors import ConfigError, Fault, HerdError, nearest
from hyperherd.sweep.trial import Value


class Faults:
    """Collects faults by the path at which they are. ``written`` tells where a value was written, if not
    where it is now.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.written: dict[Path, Path] = {}
        self._found: list[tuple[int, Path, Fault]] = []

    def add(self, path: Path, what: str, hint: str = "") -> None:
        """One fault; ``what`` says what is wrong, ``hint`` what would be right."""
        written = self._as_written(path)
        fault = Fault(self.document.where(written), what, hint)
        self._found.append((self.document.line(written), path, fault))

    def add_error(self, path: Path, error: HerdError) -> None:
        """An error that was raised about what stands at ``path``."""
        self.add(path, error.what.replace("\n  ", "\n    "), error.hint)

    def usable(self, path: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
        """What of the mapping at ``path`` has no faults."""
        return {key: value for key, value in entry.items() if not self.at((*path, key))}

    def where(self, path: Path) -> str:
        return self.document.where(self._as_written(path))

    def at(self, path: Path) -> bool:
        """Whether something at or below ``path`` is wrong, so that it cannot be used."""
        return any(found[: len(path)] == path for _, found, _ in self._found)

    def raise_any(self) -> None:
        """Raise `ConfigError` with all faults in the order of their lines, if there are any."""
        if self._found:
            raise ConfigError([fault for _, _, fault in sorted(self._found, key=lambda found: found[0])])

    def _as_written(self, path: Path) -> Path:
        for length in (2, 1):
            if path[:length] in self.written:
                return (*self.written[path[:length]], *path[length:])
        return path


def shown(value: Value) -> str:
    """A value as the user would recognise it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"'{value}'" if len(value) <= 40 else f"'{value[:37]}...'"
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "a mapping"
    return repr(value)


def listed(words: Iterable[str]) -> str:
    """``'a', 'b' or 'c'``."""
    quoted = [f"'{word}'" for word in words]
    return " or ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]])) if quoted else "nothing"


def nearest_or_all(word: str, allowed: Iterable[str]) -> str:
    """The nearest allowed word as a question; where none is near, all of them."""
    known = list(allowed)
    return nearest(word, known) or (f"known are {', '.join(known)}" if known else "")


def quotes_hint(value: Value) -> str:
    """How to write a number or a constant as text."""
    return f'for text: "{shown(value)}"' if isinstance(value, (bool, int, float)) else ""
