"""Which of this host's processes belong to an attempt, also where they show nothing of it: the evidence that it lives.

A trainer may overwrite its environment (setproctitle), drop it (``env -i``), and lead a session of its own. So what
counts is its mark; else its group, which is its script's; a slot that it holds; a session, or a parent, that is its
supervisor's. One that has left all of these behind, and whose script and supervisor are dead, is any other process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from hyperherd.attempts.claims import Claim
from hyperherd.fsio import processes
from hyperherd.fsio.processes import Identity
from hyperherd.launchers.direct import process_trees, slots
from hyperherd.launchers.direct.process_trees import Process


@dataclass(frozen=True)
class Living:
    """The processes of this host, and the slots that are held: path -> the mark that its holder has written."""

    processes: Sequence[Process]
    held: Mapping[str, str]

    @classmethod
    def now(cls) -> Living:
        """As they are. The slots are this user's."""
        return cls([p for p in process_trees.scan() if not p.zombie], slots.held(os.environ))

    @cached_property
    def marks(self) -> frozenset[str]:
        """Of attempts."""
        return frozenset(p.mark for p in self.processes if p.mark)

    @cached_property
    def supervisors(self) -> frozenset[str]:
        """The tokens of supervisors, and of what they have forked but not yet turned into a trial."""
        return frozenset(p.supervisor for p in self.processes if p.supervisor)

    @cached_property
    def _by_pid(self) -> Mapping[int, Process]:
        return {process.pid: process for process in self.processes}

    def of(self, claim: Claim, mark: str) -> list[Process]:
        """The processes that are, or may be, those of an attempt whose script is dead."""
        mine = [path for path, holder in self.held.items() if holder == mark]
        others = frozenset(self.held).difference(mine)
        supervisor = (
            claim.supervisor if claim.supervisor and processes.of_this_boot(claim.supervisor) else None
        )
        return [
            p
            for p in self.processes
            if p.mark == mark
            or (not p.mark and self._is_of_group(p, claim.owner))
            or (
                not p.mark
                and p.start >= (claim.owner.start or 0)
                and mine
                and process_trees.has_open(p.pid, mine)
            )
            or (
                supervisor
                and self._is_loose(p, claim, supervisor)
                and not process_trees.has_open(p.pid, others)
            )
        ]

    def _is_of_group(self, process: Process, script: Identity) -> bool:
        """A group's number is not given away while one of its members lives."""
        leader = self._by_pid.get(script.pid)
        return process.group == script.pid and (leader is None or leader.start == script.start)

    def _is_loose(self, process: Process, claim: Claim, supervisor: Identity) -> bool:
        """Whether it shows nothing, and the supervisor's session or hand."""
        now = self._by_pid.get(supervisor.pid)
        if process.mark or process.pid == supervisor.pid or process.start < (claim.owner.start or 0):
            return False
        if now is not None and now.start != supervisor.start:
            return False  # the number is another process's now
        leader = self._by_pid.get(process.group)
        of_another = leader is not None and leader.mark != ""
        return not of_another and supervisor.pid in (process.session, process.parent)
