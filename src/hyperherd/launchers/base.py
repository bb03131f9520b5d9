"""What a launcher is. The engine talks to these protocols and to nothing below them.

A class of its own inherits `Launcher` and says ``name`` and ``traits``; it writes ``script``, ``submit``, ``poll`` and
``cancel``, with ``limits`` where there are some, and ``find`` where its jobs have ids. The rest has defaults.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MethodType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast, runtime_checkable

from hyperherd.errors import LauncherError
from hyperherd.jobs import Batch, Forecast, Job, NativeValue, Request, Share, State, Usage
from hyperherd.launchers.splitting import Limits
from hyperherd.launchers.traits import Traits

if TYPE_CHECKING:
    from typing import TypeGuard


@runtime_checkable
class Candidate(Protocol):
    """A launcher, or several of them to choose from: what a task can be submitted to.

    Of several the one with the highest ``priority`` is preferred; it may be assigned at any time.
    """

    priority: float

    def chosen(self) -> Launcher:
        """The launcher to use this time: itself, but for one that stands for several."""

    def requiring(self, share: Share) -> Candidate:
        """The same, which holds this much of this machine for each job, but for what it says itself."""


def is_candidate(value: object) -> TypeGuard[Candidate]:
    """Whether it can be asked for a launcher, as far as that can be seen."""
    return hasattr(value, "chosen") and not isinstance(value, type)


def candidate(value: object) -> Candidate | None:
    """What can be asked for a launcher; one whose class does not inherit `Launcher` is completed. None: it is neither.

    Raises `LauncherError` for one that lacks what has no default.
    """
    if is_candidate(value):
        return value
    return complete(value) if hasattr(value, "submit") and not isinstance(value, type) else None


def class_name(launcher: Launcher) -> str:
    """Of the class that its author wrote."""
    return type(launcher._found if isinstance(launcher, _Completed) else launcher).__name__


def requiring(candidate: Candidate, share: Share) -> Candidate:
    """`Candidate.requiring`, of which a class of the user's own need not know."""
    return candidate.requiring(share) if hasattr(candidate, "requiring") else candidate


class Stray(NamedTuple):
    """A living job that shows a state folder, or a life of it (see `Launcher.strays`).

    ``job`` is what people call it by (``job 17``), ``runs`` whether anything of it runs already; ``ids`` are the
    launcher's own, to cancel it by.
    """

    token: str
    job: str
    runs: bool
    ids: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.job} ({'running' if self.runs else 'waiting'}), submission {self.token}"


class Launcher(Candidate, Protocol):
    """Who runs jobs: this machine (``local``), a cluster (``slurm``), or another that is installed, by its name.

    Tasks that are waited for are asked about every ``interval_s`` seconds; None: as often as its `Traits` say.
    """

    name: str
    traits: Traits
    priority: float = 0
    interval_s: float | None = None

    def limits(self, batch: Batch) -> Limits:
        """How large a piece of this batch may be. Raises `SchedulerSilentError`."""
        return Limits()

    @abstractmethod
    def script(self, batch: Batch) -> str:
        """The bash that runs a piece, as it would be submitted; a pure function of the batch and the limits."""

    @abstractmethod
    def submit(self, batch: Batch) -> str | None:
        """Hand over a piece whose script is already written; return the job's id, None where jobs have none.

        Raises `SubmissionRefusedError` (surely not submitted) or `SubmissionUnknownError` (nobody can say).
        """

    def find(self, jobs: Sequence[Job]) -> dict[str, str]:
        """Token -> job id of those jobs without a known id that the scheduler has in its queue.

        Not found is never "not submitted". Raises `SchedulerSilentError`.
        """
        return {}

    @abstractmethod
    def poll(self, jobs: Sequence[Job]) -> dict[str, dict[int, State]]:
        """Token -> element -> state, for every element of every job asked about. Asks once for all.

        Raises `SchedulerSilentError` where the scheduler did not answer.
        """

    @abstractmethod
    def cancel(self, job: Job, elements: Sequence[int]) -> dict[int, str]:
        """Cancel these elements; return those that it refused to cancel, each with its own words."""

    # Optional

    def strays(self, state: Path, generation: str) -> list[Stray]:
        """This user's living jobs that show a script of the state folder ``state``, or this life of it.

        Raises `SchedulerSilentError`.
        """
        return []

    def cancel_strays(self, strays: Sequence[Stray]) -> dict[Stray, str]:
        """Cancel what `strays` has found; return what was refused, with words."""
        return {}

    def where(self) -> str:
        """Who keeps the jobs: the cluster's name, or this host's. Jobs of another place are not judged here.

        Raises `SchedulerSilentError`.
        """
        return self.name

    @classmethod
    def of_sweeps(cls) -> Launcher:
        """One for the trials of sweeps, whose YAML says what they ask for."""
        return cls()

    def chosen(self) -> Launcher:
        """Itself."""
        return self

    def requiring(self, share: Share) -> Launcher:
        """As of a `Candidate`: itself for a scheduler's, whose options ask."""
        return self

    def asking(self, request: Request) -> Launcher:
        """A copy whose every job asks for this; itself, where a `Share` says it all. Raises `OptionError`."""
        return self

    def asked_for(self, request: Request) -> Mapping[str, NativeValue]:
        """All that a job of this request asks for here, in the words of `hyperherd.launchers.native`."""
        return request.native

    def check(self, batch: Batch) -> Mapping[str, str]:
        """What of the batch this launcher would refuse: fault -> what to do. Submits nothing.

        Unless it says otherwise, all that nobody but a launcher can hold: what it did not know of would be lost without
        a word. One that holds some of it refuses the rest. Raises `SchedulerSilentError`.
        """
        return dict(_not_held(self.traits.title, batch))

    def foresee(self, batch: Batch) -> Forecast:
        """What would become of a batch in which `check` finds nothing wrong. Submits nothing, but asks whoever decides.

        A scheduler that does not answer is no error here: it will be asked again when the batch is submitted.
        """
        return Forecast()

    def switched_off(self, batch: Batch, job_id: str) -> str:
        """What the scheduler has taken from a batch that it has accepted under this id, in words; else nothing."""
        return ""

    def tell(self, job: Job, element: int, signal: str) -> str:
        """Send an element's running script a signal (``USR2``), as at its time limit: to its shell, which passes it on.

        ``KILL`` ends it and all that it has started, as in a crash (on a cluster those of a batch with ``requeue``).
        Return the words of a refusal, or nothing.
        """
        return f"{self.traits.title} sends no signals"

    def hasten(self, job: Job, element: int) -> str:
        """Begin an element that was queued again soon, if it need not wait. Return the words of a refusal, if any."""
        return ""

    def usage(self, jobs: Sequence[Job]) -> dict[str, dict[int, Usage]]:
        """Token -> element -> what its newest attempt used. Raises `SchedulerSilentError`."""
        return {}


def _not_held(title: str, batch: Batch) -> Iterator[tuple[str, str]]:
    if batch.requeue:
        yield f"{title} queues no trial again", "leave requeue out, or run with --no-requeue"
    if batch.after:
        yield f"{title} waits for no other trials", "leave --after out, and run it once they have completed"
    if batch.at_once:
        yield f"{title} holds no limit of trials at once", "leave -j and slurm.max_concurrent out"


_NEEDED = ("name", "traits", "script", "submit", "poll", "cancel")


def complete(found: object) -> Launcher:
    """The launcher, with the defaults of `Launcher` for what a class that does not inherit it leaves out.

    Raises `LauncherError` for one that lacks what has no default.
    """
    if Launcher in type(found).__mro__:
        return cast("Launcher", found)
    if missing := [name for name in _NEEDED if not hasattr(found, name)]:
        raise LauncherError(
            f"{found!r} is no launcher: it has no {', no '.join(missing)}",
            hint="let its class inherit hyperherd.launchers.base.Launcher, and write these",
        )
    return cast("Launcher", _Completed(found))


class _Completed:
    def __init__(self, found: object) -> None:
        self._found = found

    def __getattr__(self, name: str) -> Any:
        if name == "_found":  # not yet, while a copy is made
            raise AttributeError(name)
        if hasattr(self._found, name):
            return getattr(self._found, name)
        default = getattr(Launcher, name)
        return MethodType(default, self) if callable(default) else default

    def __repr__(self) -> str:
        return repr(self._found)
