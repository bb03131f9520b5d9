"""The launcher ``local``: trials run on this machine, under a supervisor of each submission."""

from __future__ import annotations

import contextlib
import copy
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from signal import Signals

import hyperherd
from hyperherd import fsio
from hyperherd.attempts import claims, listing, notes, registers, variables
from hyperherd.attempts.claims import Claim
from hyperherd.attempts.filenames import Outcome
from hyperherd.attempts.listing import Attempt
from hyperherd.attempts.registers import VOID
from hyperherd.connectors.connector import Connector
from hyperherd.connectors.local import LocalConnector
from hyperherd.errors import SubmissionRefusedError, SubmissionUnknownError, WorkspaceError
from hyperherd.fsio import processes
from hyperherd.fsio.processes import Identity
from hyperherd.jobs import Batch, Job, NativeValue, Offer, Phase, Request, Share, State, Usage
from hyperherd.launchers.base import Launcher, Stray
from hyperherd.launchers.direct import capacity, process_trees, states, stored
from hyperherd.launchers.direct.living import Living
from hyperherd.launchers.direct.process_trees import Process
from hyperherd.launchers.direct.spawning import DIALECT
from hyperherd.launchers.direct.supervisor import TO_LOOK_AGAIN
from hyperherd.launchers.direct.traits import TRAITS
from hyperherd.launchers.node.script import script

# Not `python -m`: that looks for modules in the current folder first, where a user's json.py may lie.
_START = """
import sys
sys.path[:] = [folder for folder in sys.path if folder] + [sys.argv.pop()]
from hyperherd.launchers.direct.supervisor import main
sys.exit(main())
"""

_ROUNDS = 3
"""How often `cancel` looks again for what a trial has left that shows nothing of whose it is."""

_PACKAGES = str(Path(hyperherd.__file__).parent.parent.absolute())


class DirectLauncher(Launcher):
    """This machine: as many trials and tasks at once as it has cores (and GPUs), whoever has started them.

    ``connector`` starts the supervisors (None: this machine's), ``priority`` is for a `DynamicLauncher`. By keyword,
    in sbatch's words, what each job has for itself: ``cpus_per_task=4``, ``gpus_per_node=1``, ``time="1:00:00"``. Who
    names no cores gets one slot, who names no GPUs sees all of them, who names no time may take as long as he likes.
    ``grace_s`` lies between SIGTERM and SIGKILL, ``settle_s`` is what a supervisor may take to start.

    Raises `OptionError`.
    """

    name = "local"
    traits = TRAITS

    def __init__(
        self,
        connector: Connector | None = None,
        *,
        priority: float = 0,
        grace_s: float = 10.0,
        settle_s: float = 60.0,
        **by_name: capacity.Value,
    ) -> None:
        self.connector = connector or LocalConnector.instance()
        self.priority = priority
        self._grace_s = grace_s
        self._settle_s = settle_s
        self._options = capacity.named(by_name)

    def config(
        self, *, connector: Connector | None = None, priority: float | None = None, **by_name: capacity.Value
    ) -> DirectLauncher:
        """A copy that holds other things; what is not named stays as it is, None takes one away. Raises
        `OptionError`.
        """
        changed = copy.copy(self)
        changed.connector = connector or self.connector
        changed.priority = self.priority if priority is None else priority
        changed._options = {**self._options, **capacity.named(by_name)}
        return changed

    def asking(self, request: Request) -> DirectLauncher:
        """Itself: what it holds for each job is a `Share`."""
        return self

    def asked_for(self, request: Request) -> dict[str, NativeValue]:
        """It has no options of its own for a request."""
        return dict(request.native)

    def requiring(self, share: Share) -> DirectLauncher:
        """A copy that holds this much for each job, but for what it says itself."""
        made = self.config()
        made._options = capacity.options(self._share.over(share))
        return made

    @property
    def _share(self) -> Share:
        return capacity.share(self._options)

    def __repr__(self) -> str:
        priority = {"priority": self.priority} if self.priority else {}
        said = {**{name: value for name, value in self._options.items() if value is not None}, **priority}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in said.items())})"

    def where(self) -> str:
        """This host's name."""
        return processes.me().host

    def script(self, batch: Batch) -> str:
        """As a supervisor runs it, but that it gives each bash its own trial's part of the table."""
        return script(batch, DIALECT)

    def submit(self, batch: Batch) -> None:
        """Start a supervisor, and return when it has settled the register (or found it settled).

        Raises `SubmissionRefusedError`, and `SubmissionUnknownError` where the supervisor does not get that
        far in time.
        """
        batch = self._asked(batch)
        faults = self.check(batch)
        if faults:
            text = "; ".join(faults)
            raise SubmissionRefusedError(
                f"this machine cannot run it: {text}", hint="; ".join(faults.values())
            )
        log = stored.log_path(batch)
        try:
            stored.store(batch, stored.batch_path(batch))
            fsio.make_folders(log.parent)
            pid = self.connector.spawn(
                [sys.executable, "-c", _START, str(stored.batch_path(batch)), _PACKAGES],
                env={**os.environ, variables.SUPERVISOR: batch.token},
                output=log,
            )
        except (OSError, WorkspaceError) as error:
            raise SubmissionRefusedError(f"no supervisor can be started: {error}") from error
        self._await_register(batch, pid, log)

    def _asked(self, batch: Batch) -> Batch:
        """The batch with what this launcher holds, where it says nothing itself."""
        return replace(batch, share=batch.share.over(self._share))

    def _await_register(self, batch: Batch, pid: int, log: Path) -> None:
        deadline = time.monotonic() + self._settle_s
        while not batch.files.register.exists():
            if processes.started(pid) is None and not batch.files.register.exists():
                raise SubmissionRefusedError(
                    f"the supervisor ended at once: {_last_words(log)}", where=str(log)
                )
            if time.monotonic() > deadline:
                raise SubmissionUnknownError(
                    f"the supervisor (process {pid}) has not begun within {self._settle_s:g} s",
                    where=str(log),
                    hint="`herd status` will show whether it has",
                )
            time.sleep(0.003)

    def poll(self, jobs: Sequence[Job]) -> dict[str, dict[int, State]]:
        """Token -> element -> state; see `states.poll`."""
        return states.poll(jobs)

    def cancel(self, job: Job, elements: Sequence[int]) -> dict[int, str]:
        """Stop these elements, waiting or running, with all of their processes; return when those are dead, and the
        supervisor too where it has no other.
        """
        if job.where not in ("", self.where()):
            return dict.fromkeys(elements, f"it is kept by {job.where}: type the same there")
        refused = self._cancel(job, {number: job.offers[number] for number in elements})
        _await_supervisor(job)
        return refused

    def _cancel(self, job: Job, offers: Mapping[int, Offer]) -> dict[int, str]:
        folder, units = job.files.attempts, {unit for unit, _ in offers.values()}
        listed = listing.read([folder], units)
        attempts = {n: (unit, listed.newest_since(unit, first)) for n, (unit, first) in offers.items()}
        begun, unheld = {}, {}
        for n, attempt in attempts.items():
            try:
                if not claims.cancel(folder, *attempt, job.token):
                    begun[n] = attempt
            except WorkspaceError as error:  # a full disk: what runs is ended all the same
                unheld[n] = f"{error.where}: {error.what}"
        if len(begun) < len(attempts):
            _tell_supervisor(job)
        ended = listing.read([folder], units).outcomes
        running = {n: (a, claims.read(folder, *a)) for n, a in begun.items() if a not in ended}
        afar = {n: states.afar(claim.owner) for n, (_, claim) in running.items() if claim and _is_afar(claim)}
        refused = {n: f"it runs on {place}: type the same there" for n, place in afar.items()}
        refused |= self._end(job, {n: found for n, found in running.items() if n not in afar})
        after = listing.read([folder], units)
        followed = {
            n: Offer(unit, number)
            for n, (unit, number) in begun.items()
            if n not in refused and after.newest_since(unit, number) > number
        }
        refused |= unheld
        return refused | self._cancel(job, followed) if followed else refused

    def _end(self, job: Job, claimed: Mapping[int, tuple[Attempt, Claim | None]]) -> dict[int, str]:
        running = {n: (a, c) for n, (a, c) in claimed.items() if c is None or not c.cancelled}
        others = {n: states.another_user(job, attempt) for n, (attempt, _) in running.items()}
        refused = {n: f"it is {user}'s, who can stop it" for n, user in others.items() if user}
        running = {n: found for n, found in running.items() if n not in refused}
        if not running:
            return refused
        trees = {n: self._tree(job, attempt, claim) for n, (attempt, claim) in running.items()}
        left = set(process_trees.end(process_trees.joined(trees.values()), self._grace_s))
        loose = self._loose(job, running)
        for _ in range(_ROUNDS):
            if not loose:
                break
            # It may have started another such process meanwhile.
            again = [self._tree(job, *running[n]) for n in loose]
            left |= set(process_trees.end(process_trees.joined(again), self._grace_s))
            loose = self._loose(job, running)
        for number, (attempt, _) in running.items():
            if mine := left.intersection(trees[number].living(left)):
                refused[number] = f"process {min(p.pid for p in mine)} cannot be killed"
            elif number in loose:
                pid = loose[number].pid
                refused[number] = f"process {pid} may be its, and shows nothing of whose it is: see ps {pid}"
            else:
                with contextlib.suppress(WorkspaceError):  # a full disk: it is dead, which anybody can see
                    notes.write(job.files.attempts, *attempt, Outcome(137, terminated=True))
        return refused

    def _loose(self, job: Job, ended: Mapping[int, tuple[Attempt, Claim | None]]) -> dict[int, Process]:
        """Of the attempts whose processes were ended, one that is, or may be, left."""
        living = Living.now()
        found = {
            n: living.of(claim, states.mark(job, claim.token, attempt))
            for n, (attempt, claim) in ended.items()
            if claim is not None and processes.of_this_boot(claim.owner)
        }
        return {n: left[0] for n, left in found.items() if left}

    def _tree(self, job: Job, attempt: Attempt, claim: Claim | None) -> process_trees.Trees:
        """The attempt's processes; where its script is dead, also those that show nothing of whose they are.

        A claim may be forged (somebody else's workspace): nothing is ended on its word alone. Its process counts where
        that carries the mark; what shows nothing counts where a slot, which only this user can take, is held for it.
        """
        mark = states.mark(job, claim.token if claim else job.token, attempt)
        if claim is None or not processes.of_this_boot(claim.owner):
            return process_trees.Trees([mark])
        leader = claim.owner.pid, claim.owner.start
        if processes.alive(claim.owner):
            return process_trees.Trees(
                [mark], [leader] if process_trees.mark_of(claim.owner.pid) == mark else []
            )
        living = Living.now()
        if mark not in living.held.values():
            return process_trees.Trees([mark])
        return process_trees.Trees([mark], [leader], {(p.pid, p.start) for p in living.of(claim, mark)})

    def strays(self, state: Path, generation: str) -> list[Stray]:
        """By the marks of this user's processes."""
        found: dict[str, list[Process]] = {}
        for process in process_trees.scan():
            token = process.supervisor or process.mark.rpartition("/")[0]
            if token and not process.zombie and _shows(process, token, state, generation):
                found.setdefault(token, []).append(process)
        return [
            Stray(
                token,
                f"process {min(p.pid for p in mine)} of this machine",
                any(p.mark for p in mine),
                tuple(f"{p.pid}:{p.start}" for p in mine),
            )
            for token, mine in found.items()
        ]

    def cancel_strays(self, strays: Sequence[Stray]) -> dict[Stray, str]:
        refused = {}
        for stray in strays:
            known = {(int(pid), int(start)) for pid, _, start in (word.partition(":") for word in stray.ids)}
            if left := process_trees.end(process_trees.Trees((), (), known), self._grace_s):
                refused[stray] = f"process {left[0].pid} cannot be killed"
        return refused

    def tell(self, job: Job, element: int, signal: str) -> str:
        """To the bash that has claimed its newest attempt."""
        folder, (unit, first) = job.files.attempts, job.offers[element]
        attempt = unit, listing.read([folder], [unit]).newest_since(unit, first)
        claim = claims.read(folder, *attempt)
        mark = states.mark(job, claim.token if claim else job.token, attempt)
        if (
            claim is None
            or not processes.alive(claim.owner)
            or process_trees.mark_of(claim.owner.pid) != mark
        ):
            return f"trial {unit} does not run on {self.where()}"
        if signal == "KILL":
            process_trees.kill(self._tree(job, attempt, claim).living(process_trees.scan()))
            return ""
        try:
            os.kill(claim.owner.pid, Signals[f"SIG{signal}"])
        except (ProcessLookupError, PermissionError) as error:
            return f"process {claim.owner.pid} cannot be sent SIG{signal}: {error.strerror}"
        return ""

    def usage(self, jobs: Sequence[Job]) -> dict[str, dict[int, Usage]]:
        """What the supervisors have measured; an attempt that outlived its supervisor is not among it."""
        return {
            job.token: {
                number: used
                for number, used in stored.read(stored.journal_path(job.files.script)).items()
                if number in job.offers
            }
            for job in jobs
        }

    def check(self, batch: Batch) -> Mapping[str, str]:
        """More GPUs or nodes than there are. What means nothing here (a partition, a time limit) is passed over."""
        return capacity.faults(self._asked(batch), os.environ)


def _is_afar(claim: Claim) -> bool:
    return not claim.cancelled and processes.alive(claim.owner) is None


def _shows(process: Process, token: str, state: Path, generation: str) -> bool:
    """Whether its token is of this life of the state folder, or its script lies in it."""
    if generation and registers.generation_of(token) == generation:
        return True
    results = process_trees.environment(process.pid).get(variables.RESULTS, "")
    if results:
        return os.path.dirname(os.path.dirname(results)) == str(state)
    return any(word.startswith(f"{state}/jobs/") for word in process_trees.words(process.pid))


def _tell_supervisor(job: Job) -> None:
    """That trials which wait have been claimed."""
    if supervisor := _supervisor(job):
        # Ended meanwhile, or another user's: that one sees the claims by itself.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(supervisor.pid, TO_LOOK_AGAIN)


def _await_supervisor(job: Job) -> None:
    """Until it has ended, as it does by itself once none of its trials is left: it writes into their folder till then.

    One that takes long is left alone.
    """
    deadline = time.monotonic() + process_trees.KILL_WAIT_S
    while _supervisor(job) and time.monotonic() < deadline:
        if any(
            state.phase in (Phase.QUEUED, Phase.RUNNING) for state in states.poll([job])[job.token].values()
        ):
            return
        time.sleep(0.02)


def _supervisor(job: Job) -> Identity | None:
    """None where it need not be there any more, or is not for us to tell anything: a register may be forged."""
    try:
        supervisor = Identity.parse(registers.settled(job.files.register) or VOID)
    except ValueError:
        return None
    if not processes.alive(supervisor):
        return None
    return supervisor if [p.supervisor for p in process_trees.read([supervisor.pid])] == [job.token] else None


def _last_words(log: Path) -> str:
    try:
        return log.read_text(encoding="utf-8", errors="replace").strip()[-2000:] or "it said nothing"
    except OSError:
        return "it left no log"
