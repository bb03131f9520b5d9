"""Names in a checkpoint folder: ``checkpoint-<step>``, and what a saver that was killed may leave; pure."""

from __future__ import annotations

from dataclasses import dataclass

from hyperherd.errors import CheckpointError

DEFAULT = "checkpoint-{step}"
_STEP = "{step}"
_LONGEST = 80
"""Bytes of a name: of 255, the rest is for its owner (a host's name has 64, a boot id 36)."""

SAVING = "saving"
REPLACED = "replaced"
REMOVING = "removing"


@dataclass(frozen=True)
class Owner:
    """The process that makes a change, in words of `hyperherd.fsio.liveness`; no comma is in any."""

    host: str
    boot: str
    space: str
    pid: int
    start: str


@dataclass(frozen=True)
class Owned:
    """A hidden folder of a save: one being written, the old one of two, or one on its way out."""

    step: int
    kind: str
    owner: Owner


class Names:
    """The names that a pattern such as ``checkpoint-epoch-{step}`` stands for. Raises `CheckpointError`.

    >>> names = Names("checkpoint-epoch-{step}")
    >>> names.of(7), names.step("checkpoint-epoch-12"), names.step("checkpoint-12"), names.step("checkpoint-epoch-07")
    ('checkpoint-epoch-7', 12, None, None)
    """

    def __init__(self, pattern: str) -> None:
        self._prefix, step, self._suffix = pattern.partition(_STEP)
        hint = "write name='checkpoint-{step}'"
        if not step or _STEP in self._suffix:
            raise CheckpointError(f"the name {pattern!r} has to hold {{step}} once", hint=hint)
        if not pattern.isprintable() or "/" in pattern or pattern.startswith("."):
            raise CheckpointError(
                f"the name {pattern!r} is not that of one visible folder",
                hint="leave out '/' and a leading dot",
            )
        if len(pattern.encode()) > _LONGEST:
            raise CheckpointError(f"the name {pattern!r} is longer than {_LONGEST} bytes", hint=hint)

    def of(self, step: int) -> str:
        if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step < 10**18:
            raise CheckpointError(
                f"a step is a whole number from 0 up, not {step!r}", hint="count the steps that are done"
            )
        return f"{self._prefix}{step}{self._suffix}"

    def step(self, entry: str) -> int | None:
        """The step of a folder's name; None for names of other patterns."""
        if not (entry.startswith(self._prefix) and entry.endswith(self._suffix)):
            return None
        digits = entry[len(self._prefix) : len(entry) - len(self._suffix)]
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 18 or str(int(digits)) != digits:
            return None
        return int(digits)

    def owned(self, step: int, kind: str, owner: Owner, token: str) -> str:
        """A hidden name that says whose it is. ``token`` tells several of one process apart.

        >>> me = Owner("node1.cluster", "b00t", "402", 77, "9001")
        >>> name = Names(DEFAULT).owned(5, SAVING, me, "a1")
        >>> name
        '.checkpoint-5,node1.cluster,b00t,402,77,9001,a1.saving'
        >>> Names(DEFAULT).read_owned(name) == Owned(5, SAVING, me)
        True
        """
        words = (self.of(step), owner.host, owner.boot, owner.space, str(owner.pid), owner.start, token)
        return f".{','.join(words)}.{kind}"

    def read_owned(self, entry: str) -> Owned | None:
        """What `owned` has written; None for anything else."""
        body, _, kind = entry.rpartition(".")
        words = body.rsplit(",", 6)
        if kind not in (SAVING, REPLACED, REMOVING) or len(words) != 7 or not words[4].isdecimal():
            return None
        step = self.step(words[0].removeprefix("."))
        if step is None or not words[0].startswith("."):
            return None
        return Owned(step, kind, Owner(words[1], words[2], words[3], int(words[4]), words[5]))
