"""What a launcher calls its own options: the words that users write for it, which nobody else knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from hyperherd.jobs import NativeValue, OwnScript, Request

Options: TypeAlias = "Mapping[str, NativeValue]"
"""By name, as a user wrote them; None and False ask for nothing."""

Told: TypeAlias = "tuple[str, str] | None"
"""What is wrong, and what would be right; None where nothing is."""

Found: TypeAlias = "tuple[tuple[str | int, ...], str, str]"
"""Where below the launcher's key (``("extra_args", 0)``), what is wrong, and what would be right."""


class Native(Protocol):
    """The options of one launcher: judged, read into a `Request`, and written out of one.

    ``signs``         options that show that a sweep was meant for this launcher
    ``raw``           the key of raw lines beside options
    ``job_name``      the option that names a job
    ``queue``         the option that names the part of a cluster to which jobs go
    ``described_by``  options that may stand in the description of a machine by the same name
    ``written_as``    options that have other names there
    """

    signs: Sequence[str]
    raw: str
    job_name: str
    queue: str
    described_by: Sequence[str]
    written_as: Mapping[str, tuple[str, ...]]

    def faults(self, given: Mapping[str, object], *, requeues: bool = False) -> Iterable[Found]:
        """All that is wrong with what stands under the launcher's key, raw lines included, where a sweep ``requeues``
        its trials itself.
        """

    def fault(self, name: str, value: object) -> Told:
        """What is wrong with one option, wherever it stands."""

    def request(self, native: Options, lines: tuple[str, ...] = ()) -> Request:
        """What these options, and raw lines behind them, ask for."""

    def options(self, asked: Request) -> dict[str, NativeValue]:
        """All that a request asks for, as options: its user's own word for word."""

    def merged(self, under: Options, over: Options) -> dict[str, NativeValue]:
        """Options where ``over`` wins, also over those that ask for the same in other words."""

    def of_tasks(self, native: Options) -> dict[str, NativeValue]:
        """Of the options those that say how many processes a job is."""

    def lines(self, asked: Request, name: str = "") -> list[str]:
        """The lines of a script that ask for it; ``name`` is the job's, where its options do not say another."""

    def start(self, asked: Request) -> str:
        """The bash words before the command of a job, which start as many processes of it as are asked for."""

    def brief(self, asked: Request) -> Request:
        """The same for a job that looks and ends: without what says when it starts, or what comes before its end. What
        raw lines say of its time is left out, too.
        """

    def of_script(self, text: str) -> OwnScript:
        """What a user's own script asks for. Raises `ScriptError` for what no sweep can keep."""

    def described(self, values: Mapping[str, Any]) -> dict[str, NativeValue]:
        """The options that the checked values of a machine's description ask for."""

    def filled(self, under: Request, asked: Request, gpus: Mapping[str, int] | None) -> Request:
        """A description's request, with what a job asks of one such machine over it: time, memory, CPUs (of all tasks
        together), and so many ``gpus`` by what the launcher calls them; None where it asks for none.
        """

    def gpu_name(self, gres: str) -> str:
        """What the launcher calls the one type of GPU that an option asks for; "" for none, or several."""
