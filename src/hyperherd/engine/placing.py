"""Where the trials of a run go.

What the user typed (``--on``, ``--compute``) decides, then what a trial requires, then the sweep's preset; else Slurm
where there is one, else this machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from hyperherd.engine import launchers_here
from hyperherd.errors import LauncherError
from hyperherd.jobs import NativeValue, Request
from hyperherd.launchers import shipped
from hyperherd.launchers.base import Launcher
from hyperherd.requirements import HostRequirement
from hyperherd.sweep.plan import Described
from hyperherd.sweep.spec import SweepSpec
from hyperherd.sweep.trial import Trial
from hyperherd.workspace import layout, submissions
from hyperherd.workspace.folder import Workspace

if TYPE_CHECKING:
    from hyperherd.launcherfinder.choice import Chooser
    from hyperherd.launcherfinder.configuration import Sources
    from hyperherd.launcherfinder.hosts import Host


@dataclass(frozen=True)
class Wish:
    """What the user typed about where to run: a word that `launchers_here.kind` knows, a preset, options."""

    on: str = "auto"
    compute: str = ""
    options: Mapping[str, NativeValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where trials go. ``host`` is the preset or the kind of machine, ``requires`` what was asked for, ``why`` a
    sentence for people, ``grown`` what is asked for more than before; each is "" where there is nothing to say. There
    is room for ``at_once``; None: nobody counts.
    """

    launcher: Launcher
    request: Request = field(default_factory=Request)
    host: str = ""
    requires: str = ""
    why: str = ""
    at_once: int | None = None
    grown: str = ""


@dataclass(frozen=True)
class Placer:
    """Finds the place of each trial of a sweep."""

    workspace: Workspace
    spec: SweepSpec
    launchers: Mapping[str, Launcher]
    wish: Wish

    def groups(
        self, trials: Sequence[Trial], described: Sequence[Described]
    ) -> list[tuple[Place, Sequence[Trial]]]:
        """The trials by where they go, each group in their order.

        Raises `HerdError` where nobody has what is required, `LauncherError` where a launcher is not here.
        """
        if self.wish.compute:  # typed by hand: it stands above what the sweep requires
            return [(self.usual(), trials)]
        required = {one.hash: one.requires for one in described if one.requires}
        by_need: dict[HostRequirement | None, list[Trial]] = {}
        for trial in trials:
            by_need.setdefault(required.get(trial.hash), []).append(trial)
        return [
            (self.usual() if need is None else self.required(need), group) for need, group in by_need.items()
        ]

    def check(self) -> None:
        """Read the preset, also where nothing is to be submitted. Raises `HerdError`, `ConfigError`."""
        if self._preset():
            _ = self._host

    def usual(self) -> Place:
        """For trials that require nothing: by the preset, and what is typed and written."""
        if not self._preset():
            launcher, why = self._launcher("")
            asked = self._asked(self._yours if shipped.traits(launcher).elsewhere else Request())
            return Place(self.launchers[launcher], asked, why=why)
        host = self._host
        launcher, why = self._launcher(host.launcher)
        is_cluster = shipped.traits(launcher).elsewhere and host.cluster
        where = self.launchers[launcher].where() if is_cluster else ""
        if where and where != host.cluster:
            why = f"The preset {host.name} is for the cluster {host.cluster}, and this is {where}."
        return Place(self.launchers[launcher], self._asked(host.request), host=host.name, why=why)

    def required(self, need: HostRequirement) -> Place:
        """For trials that require something: the machine that has it."""
        found = self._chooser.choose(need)
        return Place(
            found.launcher,
            self._asked(found.request),
            host=found.host,
            requires=str(need),
            why=found.why,
            at_once=found.at_once,
        )

    def _preset(self) -> str:
        return self.wish.compute or self.spec.compute

    @cached_property
    def _chooser(self) -> Chooser:
        from hyperherd.launcherfinder.choice import Chooser

        return Chooser(self._sources(), self.launchers, launchers_here.kind(self.wish.on))

    @cached_property
    def _host(self) -> Host:
        from hyperherd.launcherfinder import presets  # loads YAML readers, for those who use presets

        return presets.load(self._preset(), self._sources()).host

    @cached_property
    def _yours(self) -> Request:
        """What ``user.yaml`` asks for. A script asks for what it says itself."""
        if self.workspace.script or not self._sources().user_files():
            return Request()
        from hyperherd.launcherfinder import presets

        return presets.of_user_alone(self._sources())

    def _asked(self, of_host: Request) -> Request:
        """A description's request, the sweep's options over it, and what was typed over both."""
        native = shipped.native()
        options = native.merged(native.merged(of_host.native, self.spec.slurm), self.wish.options)
        return native.request(options, self.spec.extra_args)

    def _launcher(self, of_preset: str) -> tuple[str, str]:
        """A launcher's name, and a sentence for people where herd chose.

        Slurm that is installed but does not answer is never a reason to start trainings on a login node: submitting to
        it will fail in words. Nor is one whose module is not loaded, where the sweep shows that it was meant for Slurm.
        """
        wanted = launchers_here.kind(self.wish.on)
        if not wanted and of_preset and not shipped.traits(of_preset).elsewhere:
            wanted = of_preset
        if wanted in self.launchers:
            return wanted, ""
        cluster = shipped.traits(wanted or launchers_here.cluster(shipped.SHIPPED))
        absent = f"{cluster.title}'s {cluster.program} is not on PATH"
        if wanted:
            raise LauncherError(
                absent,
                hint="log in to a machine of the cluster, load its module, or run here: herd run --on local",
            )
        if here := launchers_here.cluster(self.launchers):
            title = shipped.traits(here).title
            return here, f"{title} is here, so it runs there (--on local for this machine)."
        if sign := self._sign_of_a_cluster(of_preset):
            raise LauncherError(
                f"this is a sweep for {cluster.title} ({sign}), and {absent}",
                hint="load its module or log in to a machine of the cluster; or run it on this machine: "
                "herd run --on local",
            )
        return launchers_here.machine(self.launchers), f"No {cluster.title} here, so it runs on this machine."

    def _sign_of_a_cluster(self, of_preset: str) -> str:
        """What says that the sweep belongs on a cluster; empty where nothing does."""
        records = submissions.read(self.workspace)
        if any(shipped.traits(record.launcher).elsewhere and record.state != "void" for record in records):
            return "it has trials there"
        if of_preset:
            return f"its compute preset {self._preset()} is for one"
        named = [key for key in shipped.native().signs if self.spec.slurm.get(key)]
        return f"{layout.CONFIG} names its {' and '.join(named)}" if named else ""

    def _sources(self) -> Sources:
        from hyperherd.launcherfinder.configuration import Sources

        return Sources(self.workspace.root)
