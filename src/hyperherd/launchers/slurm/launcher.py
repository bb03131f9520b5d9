"""Slurm as a launcher: an array job for each piece of a batch, one squeue and one sacct for all jobs."""

from __future__ import annotations

import copy
import getpass
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from hyperherd import units
from hyperherd.attempts import claims, registers
from hyperherd.connectors.connector import Completed, Connector
from hyperherd.errors import SchedulerSilentError
from hyperherd.jobs import Batch, Forecast, Job, Phase, Request, State, Usage
from hyperherd.jobs import NativeValue as Value
from hyperherd.launchers.base import Launcher, Stray
from hyperherd.launchers.node import script
from hyperherd.launchers.slurm import (
    batch_check,
    directives,
    element_states,
    job_identity,
    job_options,
    options,
    parse,
    site,
    state_words,
    translation,
)
from hyperherd.launchers.slurm.client import Client
from hyperherd.launchers.slurm.job_options import DIALECT
from hyperherd.launchers.slurm.option_table import TALK
from hyperherd.launchers.slurm.options import SlurmOptions
from hyperherd.launchers.slurm.traits import TRAITS
from hyperherd.launchers.splitting import Limits

_ARRAY_EXPRESSION_BYTES = 64 * 1024
"""Well below the megabyte that Slurm takes as a submit line."""


class SlurmLauncher(Launcher):
    """The cluster of the machine that it is used on.

    ``options`` (or options by keyword: ``SlurmLauncher(nodes=2)``) are what every job asks for, unless the batch says
    otherwise. ``connector`` runs Slurm's commands (None: on this machine), which lie in ``binpath`` ("": on PATH).
    ``priority`` is for a `DynamicLauncher`; sbatch's own ``--priority`` is `SlurmOptions`'s. A task that is waited for
    is asked about every ``interval`` seconds. ``client`` replaces that of this process's environment.

    Raises `OptionError`.
    """

    name = "slurm"
    traits = TRAITS

    def __init__(
        self,
        *,
        options: SlurmOptions | None = None,
        connector: Connector | None = None,
        priority: float = 0,
        binpath: str | Path = "",
        interval: float | None = None,
        client: Client | None = None,
        **by_name: Value,
    ) -> None:
        asked = options or SlurmOptions()
        self.options = (asked.changed(**by_name) if by_name else asked).in_use()
        self.priority = priority
        self.interval_s = interval
        self._client = _reached(client or Client.of_environment(), connector, binpath)

    @property
    def connector(self) -> Connector:
        """What runs Slurm's commands."""
        return self._client.connector

    def config(
        self,
        *,
        connector: Connector | None = None,
        priority: float | None = None,
        binpath: str | Path = "",
        **options: Value,
    ) -> SlurmLauncher:
        """A copy that asks for other options; what is not named stays as it is. Raises `OptionError`."""
        changed = copy.copy(self)
        changed.options = self.options.changed(**options).in_use()
        changed.priority = self.priority if priority is None else priority
        changed._client = _reached(self._client, connector, binpath)
        return changed

    def __copy__(self) -> SlurmLauncher:
        made = object.__new__(type(self))
        vars(made).update(vars(self))
        return made

    def __getstate__(self) -> dict[str, Any]:
        """Whoever reads it asks the cluster anew."""
        return {name: value for name, value in vars(self).items() if name not in ("_cluster", "_limits")}

    def __repr__(self) -> str:
        own = {"binpath": self._client.binpath, "priority": self.priority}
        said = {**self.options.given(), **{name: value for name, value in own.items() if value}}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in said.items())})"

    @classmethod
    def of_sweeps(cls) -> SlurmLauncher:
        """One for the trials of sweeps: it asks for what their YAML names alone, not even for one node."""
        return cls(nodes=None)

    def _asked(self, batch: Batch) -> Batch:
        """The batch with what this launcher asks for, where it says nothing itself, and with its raw lines read: they
        are the last word.
        """
        raw = directives.taken(batch.request.native_lines)
        asked = options.merged(self.asked_for(batch.request), raw.options)
        below = raw.herds.get("chdir") or asked.get("chdir") or ""
        asked.pop("chdir", None)
        request = translation.request(asked, raw.extra)
        return replace(batch, request=request, folder=batch.folder / str(below))

    def asking(self, request: Request) -> SlurmLauncher:
        """A copy that asks for this itself. Raises `OptionError`."""
        made = self.config()
        made.options = self.options.changed(**translation.options(request)).in_use()
        return made

    def asked_for(self, request: Request) -> dict[str, Value]:
        """Its options for a request: what it asks for itself, where that says nothing."""
        return options.merged(self.options.given(), translation.options(request))

    def where(self) -> str:
        return self._cluster

    @cached_property
    def _cluster(self) -> str:
        return self._client.cluster()

    @cached_property
    def _limits(self) -> batch_check.Limits:
        return batch_check.of(self._client.config())

    def limits(self, batch: Batch) -> Limits:
        """What array, script and submit line allow."""
        site = self._limits
        fixed = len(_script(self._asked(batch.only(()))).encode())
        # A fifth is left for what the site's plugins add and for longer array indices.
        room = site.max_script_bytes * 4 // 5 - fixed
        return Limits(site.max_array_tasks, site.max_array_size, room, _ARRAY_EXPRESSION_BYTES)

    def script(self, batch: Batch) -> str:
        return _script(self._asked(batch))

    def submit(self, batch: Batch) -> str | None:
        """Raises also `SubmissionRefusedError` where Slurm is not installed."""
        folder, batch = batch.folder, self._asked(batch)
        # On the command line, where a path needs no quoting; environment variables cannot overrule it there.
        arguments = [f"--output={job_options.output(batch)}"]
        if batch.behind:
            other = batch.request.native.get("dependency") or job_options.after(batch)
            arguments.append(f"--dependency={f'{other},' if other else ''}afterany:{batch.behind}")
        said = job_options.said(batch)
        return self._client.sbatch(batch.files.script, arguments, cwd=folder, options=said)

    def find(self, jobs: Sequence[Job]) -> dict[str, str]:
        tokens = {job.token for job in jobs if job.where == self.where()}
        if not tokens:
            return {}
        rows = parse.standing(self._client.squeue(parse.FIND_FORMAT, user=_owner(jobs)))
        return {token: row.job_id for row in rows for token in job_identity.tokens(row.shown, tokens)}

    def poll(self, jobs: Sequence[Job]) -> dict[str, dict[int, State]]:
        """squeue for all, then sacct for what squeue does not say. Without sacct the rest is ABSENT."""
        answer = {job.token: dict.fromkeys(job.offers, self._not_asked(job)) for job in jobs}
        asked = [job for job in jobs if self._is_ours(job) and job.offers]
        if not asked:
            return answer
        owner = _owner(asked)
        ids = _ids(asked)
        rows = parse.queue(self._client.squeue(parse.QUEUE_FORMAT, user=owner, job_ids=ids), set(ids))
        rows = element_states.with_chains(rows, partial(self._dependent, owner))
        queued = {job.token: element_states.of_queue(job, rows, partial(_registered, job)) for job in asked}
        unsaid = [job for job in asked if element_states.unsaid(job, queued[job.token])]
        accounts = self._accounting(unsaid)
        for job in asked:
            claimed, registered = partial(_claimed, job), partial(_registered, job)
            states = element_states.joined(job, queued[job.token], accounts, claimed, registered)
            hidden = _owner([job]) not in (None, os.getuid())
            answer[job.token] = {i: element_states.hidden(s) if hidden else s for i, s in states.items()}
        return answer

    def _dependent(self, owner: int | None) -> dict[str, parse.Dependent]:
        """The jobs of a user that wait for others; asked for only where one does."""
        user = os.getuid() if owner is None else owner
        return parse.dependents(self._client.squeue(parse.DEPENDENT_FORMAT, user=user))

    def cancel(self, job: Job, elements: Sequence[int]) -> dict[int, str]:
        """What squeue no longer has is not refused: there is nothing left to cancel.

        Slurm uses ids again where its state was lost, so squeue is asked at once before: what shows our token is
        cancelled, also under another id (somebody has submitted the script by hand), and nothing else.
        """
        if not elements or not self._is_ours(job) or job.job_id is None:
            return dict.fromkeys(elements, self._not_asked(job).reason)
        try:
            rows = parse.queue(self._client.squeue(parse.QUEUE_FORMAT, user=_owner([job])))
            refused: dict[int, str] = {}
            others = {row.job_id for row in job_identity.twins(job, rows)} - {_owner_of(job)}
            for job_id in sorted({job.job_id, *others}):
                refused |= self._cancel_of(replace(job, job_id=job_id), rows, elements)
            return refused
        except SchedulerSilentError as error:
            return dict.fromkeys(elements, error.what)

    def _cancel_of(self, job: Job, rows: Sequence[parse.QueueRow], elements: Sequence[int]) -> dict[int, str]:
        queued = element_states.of_queue(job, rows, partial(_registered, job))
        mine = {n: queued[n] for n in elements if n in queued}
        doubtful = {n: state.reason for n, state in mine.items() if state.phase is Phase.UNKNOWN}
        live = [n for n, state in mine.items() if n not in doubtful and state.phase is not Phase.ENDED]
        return doubtful | (self._scancel(job.job_id or "", live) if live else {})

    def strays(self, state: Path, generation: str) -> list[Stray]:
        """One squeue for all of this user's jobs."""
        rows = parse.standing(self._client.squeue(parse.FIND_FORMAT, user=os.getuid()))
        found: dict[str, Stray] = {}
        for row in rows:
            phase = state_words.phase_in_queue(row.word)
            if phase is Phase.ENDED or not (token := job_identity.token_of(row.shown, state, generation)):
                continue
            runs = phase is Phase.RUNNING or (row.job_id in found and found[row.job_id].runs)
            found[row.job_id] = Stray(token, f"job {row.job_id}", runs, (row.job_id,))
        return list(found.values())

    def cancel_strays(self, strays: Sequence[Stray]) -> dict[Stray, str]:
        refused = {}
        for stray in strays:
            try:
                done = self._client.scancel(stray.ids[0])
            except SchedulerSilentError as error:
                refused[stray] = error.what
                continue
            if done.code and not _GONE.search(done.stderr):
                refused[stray] = done.stderr.strip() or f"scancel failed (exit {done.code})"
        return refused

    def _scancel(self, job_id: str, elements: Sequence[int]) -> dict[int, str]:
        """Return what was refused."""
        done = self._client.scancel(f"{job_id}_[{units.folded(elements)}]")
        if done.code and not done.stderr.strip():
            return dict.fromkeys(elements, f"scancel failed (exit {done.code}) and said nothing")
        return _refused(done.stderr, elements, job_id)

    def tell(self, job: Job, element: int, signal: str) -> str:
        """To the batch shell, as ``--signal=B:`` does. SIGKILL would end that alone: it is asked to kill all."""
        sent = script.CRASH_SIGNAL if signal == "KILL" else signal
        return self._of_element(job, element, lambda word: self._client.scancel(word, signal=sent))

    def switched_off(self, batch: Batch, job_id: str) -> str:
        """Requeue, by a rule of the site's (a job_submit plugin), which says nothing of it."""
        if batch.requeue is None or not batch.requeue.queues:
            return ""
        try:
            allowed = self._client.may_be_requeued(job_id)
        except SchedulerSilentError:
            return ""
        return (
            ""
            if allowed
            else f"Slurm has switched requeue off for job {job_id}, as the site or its partition has it"
        )

    def hasten(self, job: Job, element: int) -> str:
        """Slurm lets a job that was queued again wait for two minutes (seen in 22.05: 121 s)."""
        return self._of_element(job, element, self._client.begin_soon)

    def _of_element(self, job: Job, element: int, ask: Callable[[str], Completed]) -> str:
        if not self._is_ours(job):
            return self._not_asked(job).reason
        try:
            rows = parse.queue(self._client.squeue(parse.QUEUE_FORMAT, user=None, job_ids=_ids([job])))
            state = element_states.of_queue(job, rows, partial(_registered, job)).get(element)
            if state is None or state.phase is Phase.UNKNOWN:
                return f"Slurm no longer has job {job.job_id}_{element}"
            done = ask(f"{job.job_id}_{element}")
        except SchedulerSilentError as error:
            return error.what
        return (done.stderr.strip() or f"exit {done.code}") if done.code else ""

    def usage(self, jobs: Sequence[Job]) -> dict[str, dict[int, Usage]]:
        asked = [job for job in jobs if self._is_ours(job) and job.offers]
        if not asked:
            return {}
        ids = _ids(asked)
        answer = self._client.sacct(parse.USAGE_FIELDS, job_ids=ids, since=_since(asked), steps=True)
        rows = parse.usage(answer, set(ids))
        return {job.token: element_states.used(job, rows) for job in asked}

    def check(self, batch: Batch) -> Mapping[str, str]:
        """Raises `SchedulerSilentError` where the controller does not answer."""
        return batch_check.form_faults(batch) or batch_check.faults(
            self._asked(batch), self._client, self._limits, _me()
        )

    def foresee(self, batch: Batch) -> Forecast:
        """Asks ``sbatch --test-only``; of one element, so that a limit on how many wait has little to say."""
        folder, batch = batch.folder, self._asked(batch)
        asked = {name: value for name, value in batch.request.native.items() if name not in TALK}
        raw = [word for text in batch.request.native_lines for word in directives.words(text)]
        arguments = [*options.arguments(asked), *raw, *options.arguments(job_options.own(batch))]
        tried = self._client.test_only(arguments, cwd=folder, options=job_options.said(batch))
        nodes = self._nodes(asked) if tried.verdict is parse.Verdict.SHORT else ()
        asked["dependency"] = asked.get("dependency") or job_options.after(batch)
        return batch_check.forecast(tried, asked, nodes)

    def _nodes(self, asked: Mapping[str, Value]) -> Sequence[site.Node]:
        """Those of the partitions that are asked for; none where the controller does not tell."""
        try:
            usual = [one.name for one in self._client.partitions() if one.default]
            wanted = set(str(asked.get("partition") or ",".join(usual)).split(","))
            return [node for node in self._client.nodes() if wanted & set(node.partitions)]
        except SchedulerSilentError:
            return ()

    def _is_ours(self, job: Job) -> bool:
        return job.job_id is not None and job.where in ("", self.where())

    def _not_asked(self, job: Job) -> State:
        reason = "its job id is not known" if job.job_id is None else f"its job is on cluster {job.where}"
        return State(Phase.UNKNOWN, reason=reason)

    def _accounting(self, jobs: Sequence[Job]) -> element_states.Accounting:
        if not jobs:
            return element_states.Accounting((), "")
        ids = _ids(jobs)
        try:
            answer = self._client.sacct(parse.ACCOUNTING_FIELDS, job_ids=ids, since=_since(jobs), steps=False)
        except SchedulerSilentError as error:
            # A cluster without accounting is an ordinary one: the attempts' own notes say the rest.
            return element_states.Accounting((), error.what)
        return element_states.Accounting(tuple(parse.accounting(answer, set(ids))), "")


def _reached(client: Client, connector: Connector | None, binpath: str | Path) -> Client:
    return replace(client, connector=connector or client.connector, binpath=str(binpath) or client.binpath)


def _script(batch: Batch) -> str:
    return script.script(batch, DIALECT, directives=job_options.directives(batch))


def _owner(jobs: Sequence[Job]) -> int | None:
    """Whose jobs they are: a colleague may look at them. None where the scripts do not tell."""
    scripts = [job.files.script for job in jobs]
    owners = {path.stat().st_uid for path in scripts if path.exists()}
    return owners.pop() if len(owners) == 1 else None


def _ids(jobs: Sequence[Job]) -> list[str]:
    return sorted({job.job_id for job in jobs if job.job_id})


def _me() -> str:
    """This user's name; the number where the machine has no name for it (a container)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _claimed(job: Job, element: int) -> bool:
    """Whether its first attempt in this submission has begun, or may have: scripts of 0.1.3 claim nothing."""
    unit, first = job.offers[element]
    return first == 0 or claims.exists(job.files.attempts, unit, first)


def _registered(job: Job) -> bool:
    """Whether the job itself has written its id into its register."""
    return _owner_of(job) == job.job_id


def _owner_of(job: Job) -> str | None:
    """The id that its register has."""
    return registers.settled(job.files.register)


def _since(jobs: Sequence[Job]) -> float:
    """An hour before the first submission: clocks differ. The epoch where nobody noted it."""
    return max(min(job.submitted_at for job in jobs) - 3600, 0.0)


_GONE = re.compile(r"already complet|Invalid job id", re.IGNORECASE)


def _refused(stderr: str, elements: Sequence[int], job_id: str) -> dict[int, str]:
    """Element -> Slurm's words; a line that names no element is about all of them."""
    refused: dict[int, str] = {}
    for line in stderr.splitlines():
        if not line.strip() or _GONE.search(line):
            continue
        match = re.search(rf"\b{re.escape(job_id)}_(\[?[\d,\-]+\]?)", line)
        named = set(elements).intersection(parse.indices(match[1])) if match else elements
        refused.update(dict.fromkeys(named, line.strip()))
    return refused
