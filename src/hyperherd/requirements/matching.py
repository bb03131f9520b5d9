"""Whether a machine meets what one job asks, and what is missing where it does not."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Protocol

from hyperherd.requirements.amounts import durations_for_people, sizes_for_people
from hyperherd.requirements.specification import (
    AcceleratorSpecification,
    CPUSpecification,
    Groups,
    HostSpecification,
)

_NAMES = {"gpu": "GPU", "cuda": "CUDA GPU", "mps": "MPS GPU"}


class Asked(Protocol):
    """What one alternative of a requirement asks of a machine: see `requirement.HostSimpleRequirement`."""

    @property
    def duration(self) -> int: ...
    @property
    def cpu(self) -> CPUSpecification: ...
    @property
    def accelerators(self) -> Sequence[AcceleratorSpecification]: ...
    @property
    def groups(self) -> Groups: ...


def meets(host: HostSpecification, asked: Asked) -> bool:
    """Whether the machine has all that is asked."""
    return next(_faults(host, asked), None) is None


def missing(host: HostSpecification, asked: Asked) -> list[str]:
    """What is asked and what the machine has, for each thing that it does not have."""
    return [sentence() for sentence in _faults(host, asked)]


def _faults(host: HostSpecification, asked: Asked) -> Iterator[Callable[[], str]]:
    """For each thing that the machine does not have, what makes the sentence: of 1,000 machines few are told."""
    if 0 < host.max_duration < asked.duration:
        yield partial(_too_long, asked.duration, host.max_duration)
    if asked.cpu.cores > host.cpu.cores:
        yield partial(_too_few_cores, asked.cpu.cores, host.cpu.cores)
    if asked.cpu.memory > host.cpu.memory:
        yield partial(_too_little_memory, asked.cpu.memory, host.cpu.memory)
    if len(asked.accelerators) < host.min_gpu:
        yield partial(_too_few_asked, len(asked.accelerators), host.min_gpu)
    if asked.accelerators:
        shared = least_unified_memory(asked.groups, host.groups)
        if shared is None:
            yield partial(_no_accelerators, asked.groups, host.groups)
        elif asked.cpu.memory <= host.cpu.memory < asked.cpu.memory + shared:
            yield partial(_too_little_unified, asked.cpu.memory + shared, host.cpu.memory)


def _too_long(asked_s: int, most_s: int) -> str:
    asked, most = durations_for_people(asked_s, most_s)
    return f"asks {asked}, at most {most}"


def _too_few_cores(asked: int, had: int) -> str:
    return f"asks {_count(asked, 'core')}, has {had or 'none'}"


def _too_little_memory(asked_bytes: int, had_bytes: int) -> str:
    asked, had = sizes_for_people(asked_bytes, had_bytes)
    return f"asks {asked} of memory, has {had if had_bytes else 'none'}"


def _too_little_unified(asked_bytes: int, had_bytes: int) -> str:
    asked, had = sizes_for_people(asked_bytes, had_bytes)
    return f"asks {asked} for CPU and GPU together, has {had if had_bytes else 'none'} (unified memory)"


def _too_few_asked(asked: int, least: int) -> str:
    return f"asks {_count(asked, 'GPU') if asked else 'no GPU'}, takes only jobs of {_count(least, 'GPU')} or more"


def least_unified_memory(asked: Groups, offered: Groups) -> int | None:
    """The least memory, in bytes, that accelerators of unified memory must give; None where no assignment works.

    A flow of least cost from what is asked to what is offered: what is asked is placed group by group, each time
    on the cheapest path, which may move what was placed before.
    """
    assignment = _assignment(asked, offered)
    return assignment.cost() if assignment else None


def assigned(host: HostSpecification, asked: Asked) -> tuple[int, ...]:
    """The places, among the accelerators of a machine that meets what is asked, of those that are given to it.

    >>> from hyperherd.requirements.parser import parse
    >>> from hyperherd.requirements.specification import CudaSpecification
    >>> small, large = CudaSpecification(16 * 2**30), CudaSpecification(48 * 2**30)
    >>> assigned(HostSpecification(accelerators=[small, small, large]), parse("cuda(mem=20GiB)").requirements[0])
    (2,)
    """
    assignment = _assignment(asked.groups, host.groups)
    taken: list[int] = []
    first = 0
    for count, (_, there) in zip(assignment.taken() if assignment else (), host.groups, strict=False):
        taken += range(first, first + count)
        first += there
    return tuple(taken)


def dedicated(host: HostSpecification, asked: Asked) -> int:
    """How many of the accelerators that are given to it have memory of their own. Others are the machine's: each of
    its programs sees them.
    """
    given = assigned(host, asked) if asked.accelerators else ()
    return sum(not host.accelerators[place].unified_memory for place in given)


def _assignment(asked: Groups, offered: Groups) -> _Assignment | None:
    """The cheapest; None where none works."""
    if sum(count for _, count in asked) > sum(count for _, count in offered):
        return None
    assignment = _Assignment(asked, offered)
    return assignment if all(assignment.place(row) for row in range(len(asked))) else None


class _Assignment:
    """How many of each group that is asked for (a row) are given by each group that is offered (a column)."""

    def __init__(self, asked: Groups, offered: Groups) -> None:
        self._asked = asked
        self._left = [count for _, count in offered]
        self._cost = [
            {
                column: one.memory if other.unified_memory else 0
                for column, (other, _) in enumerate(offered)
                if other.match(one)
            }
            for one, _ in asked
        ]
        self._given: list[dict[int, int]] = [{} for _ in offered]
        """For each column: row -> how many of it are there."""

    def cost(self) -> int:
        return sum(
            self._cost[row][column] * count
            for column, rows in enumerate(self._given)
            for row, count in rows.items()
        )

    def taken(self) -> list[int]:
        """How many of each group that is offered."""
        return [sum(rows.values()) for rows in self._given]

    def place(self, row: int) -> bool:
        """Place all of a row; False where some of it has no place."""
        count = self._asked[row][1]
        while count:
            path = self._cheapest_path(row)
            if not path:
                return False
            count -= self._move(path, count)
        return True

    def _move(self, path: list[tuple[int, int]], count: int) -> int:
        """Give each row of the path its column, taking it from the column before; returns how many could move."""
        taken = [(row, before) for (_, before), (row, _) in pairwise(path)]
        last = path[-1][1]
        count = min(count, self._left[last], *(self._given[column][row] for row, column in taken))
        for row, column in taken:
            self._given[column][row] -= count
            if not self._given[column][row]:
                del self._given[column][row]
        for row, column in path:
            self._given[column][row] = self._given[column].get(row, 0) + count
        self._left[last] -= count
        return count

    def _cheapest_path(self, start: int) -> list[tuple[int, int]]:
        """Rows and the columns they come to, from ``start`` to a column that has some left; empty without one.

        Bellman and Ford's search with a queue: taking a row from a column gives its cost back.
        """
        rows: dict[int, tuple[int, int | None]] = {start: (0, None)}
        columns: dict[int, tuple[int, int]] = {}
        queue = deque([start])
        while queue:
            row = queue.popleft()
            for column, cost in self._cost[row].items():
                total = rows[row][0] + cost
                if column in columns and columns[column][0] <= total:
                    continue
                columns[column] = total, row
                for other in self._given[column]:
                    back = total - self._cost[other][column]
                    if other not in rows or back < rows[other][0]:
                        rows[other] = back, column
                        queue.append(other)
        free = [column for column in columns if self._left[column]]
        return _traced(rows, columns, min(free, key=lambda column: columns[column][0])) if free else []


def _traced(
    rows: dict[int, tuple[int, int | None]], columns: dict[int, tuple[int, int]], last: int
) -> list[tuple[int, int]]:
    path = []
    column: int | None = last
    while column is not None:
        row = columns[column][1]
        path.append((row, column))
        column = rows[row][1]
    return path[::-1]


def _no_accelerators(asked: Groups, offered: Groups) -> str:
    """What is asked, and what there is: kinds and models are named where they make the difference."""
    sizes = [size for one, _ in (*asked, *offered) for size in (one.memory, one.min_memory)]
    shown = dict(zip(sizes, sizes_for_people(*sizes), strict=True))
    kinds = {one.kind for one, _ in asked}
    kind = any({other.kind} != kinds for other, _ in offered)
    model = any(one.model for one, _ in asked)
    wanted = [_described(one, _count(count, _NAMES[one.kind]), one.model, shown) for one, count in asked]
    has = [
        _described(
            other,
            _count(count, _NAMES[other.kind]) if kind else str(count),
            other.model if model else "",
            shown,
        )
        for other, count in offered
    ]
    return f"asks {' and '.join(wanted)}, has {' and '.join(has) or 'none'}"


def _described(one: AcceleratorSpecification, counted: str, model: str, sizes: dict[int, str]) -> str:
    words = [counted, *([model] if model else [])]
    if one.memory:
        words.append(f"of {sizes[one.memory]}")
    if one.min_memory:
        words.append(f"(for those who ask {sizes[one.min_memory]} or more)")
    return " ".join(words)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
