"""A batch in pieces that its launcher takes, and the numbers of their elements. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
    """As few as the limits allow, in order. Raises `LauncherError` for an element that no piece can hold."""
    if limits == Limits():
        yield tuple(elements)
        return
    piece: list[Element] = []
    table_bytes = list_bytes = 0
    for element in elements:
        size = len(script.entry(element, element.index).encode()) + 1
        word = len(str(element.index)) + 1
        if _is_over(size, limits.table_bytes):
            raise LauncherError(
                f"trial {element.index} alone is too large for a script of this cluster ({size} bytes)",
                hint="put long values into a file, and its name into the sweep",
            )
        full = _is_over(table_bytes + size, limits.table_bytes) or _is_over(
            list_bytes + word, limits.list_bytes
        )
        if piece and (full or len(piece) == limits.elements):
            yield tuple(piece)
            piece, table_bytes, list_bytes = [], 0, 0
        piece.append(element)
        table_bytes, list_bytes = table_bytes + size, list_bytes + word
    if piece:
        yield tuple(piece)


def _is_over(size: int, limit: int | None) -> bool:
    return limit is not None and size > limit


def numbers(elements: Sequence[Element], limits: Limits) -> dict[int, int]:
    """Trial index -> number in its piece: the index where the launcher takes it, else the place.

    >>> two = [Element(7, 1, "", ()), Element(9, 1, "", ())]
    >>> numbers(two, Limits(number=10)), numbers(two, Limits(number=9))
    ({7: 7, 9: 9}, {7: 0, 9: 1})
    """
    indices = [element.index for element in elements]
    if limits.number is None or max(indices, default=0) < limits.number:
        return {index: index for index in indices}
    return {index: place for place, index in enumerate(indices)}
