"""A batch in pieces that its launcher takes, and the numbers of their elements. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from hyperherd.errors import LauncherError
from hyperherd.jobs import Element
from hyperherd.launchers.node import script


@dataclass(frozen=True)
class Limits:
    """How large a batch may be; None: there is no limit.

    ``elements``     so many
    ``number``       its elements are numbered below this
    ``table_bytes``  what tells its elements apart in the script
    ``list_bytes``   their numbers, written one after the other
    """

    elements: int | None = None
    number: int | None = None
    table_bytes: int | None = None
    list_bytes: int | None = None


def pieces(elements: Sequence[Element], limits: Limits) -> Iterator[tuple[Element, ...]]:
    """As few as the limits allow, in order, each with its elements numbered (see `numbered`).

    Raises `LauncherError` for an element that no piece can hold.
    """
    return (numbered(piece, limits) for piece in _pieces(elements, limits))


def _pieces(elements: Sequence[Element], limits: Limits) -> Iterator[Sequence[Element]]:
    if limits == Limits():
        yield elements
        return
    piece: list[Element] = []
    table_bytes = list_bytes = 0
    for element in elements:
        size = len(script.entry(element).encode()) + 1
        word = len(str(element.number)) + 1
        if _is_over(size, limits.table_bytes):
            raise LauncherError(
                f"trial {element.unit} alone is too large for a script of this cluster ({size} bytes)",
                hint="put long values into a file, and its name into the sweep",
            )
        full = _is_over(table_bytes + size, limits.table_bytes) or _is_over(
            list_bytes + word, limits.list_bytes
        )
        if piece and (full or len(piece) == limits.elements):
            yield piece
            piece, table_bytes, list_bytes = [], 0, 0
        piece.append(element)
        table_bytes, list_bytes = table_bytes + size, list_bytes + word
    if piece:
        yield piece


def _is_over(size: int, limit: int | None) -> bool:
    return limit is not None and size > limit


def numbered(elements: Sequence[Element], limits: Limits) -> tuple[Element, ...]:
    """The elements with their numbers in one job: those of their trials (or tasks) where the launcher takes these, else
    their places.

    >>> from hyperherd.attempts.filenames import Unit
    >>> two = [Element(7, Unit(7), 1, ""), Element(9, Unit(9), 1, "")]
    >>> [[one.number for one in numbered(two, Limits(number=most))] for most in (10, 9)]
    [[7, 9], [0, 1]]
    """
    own = [element.unit.number for element in elements]
    fits = limits.number is None or max(own, default=0) < limits.number
    numbers = own if fits else range(len(own))
    return tuple(
        element if element.number == number else replace(element, number=number)
        for element, number in zip(elements, numbers, strict=True)
    )
