"""Who runs what is required: the user's own ``launchers.py``, or the best of the machines that are described."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Container, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hyperherd.errors import HerdError
from hyperherd.launcherfinder import configuration, finder, hosts, layers, registry
from hyperherd.launcherfinder.configuration import Sources
from hyperherd.launcherfinder.finder import Reach, Verdict
from hyperherd.launcherfinder.hosts import Host
from hyperherd.launchers.base import Candidate, Launcher
from hyperherd.launchers.slurm.options import Value
from hyperherd.requirements import HostRequirement
from hyperherd.requirements.parser import parse


@dataclass(frozen=True)
class Chosen:
    """Who was chosen: ``options`` are what a batch asks of it, ``host`` is its name in the description, ``why`` a
    sentence for people. ``at_once`` is how many such jobs the cores of this machine are enough for; None on others,
    whose scheduler sees to that.
    """

    launcher: Launcher
    options: Mapping[str, Value] = field(default_factory=dict)
    host: str = ""
    why: str = ""
    at_once: int | None = None


@dataclass(frozen=True)
class Chooser:
    """Chooses among the launchers that there are here; ``kind`` (``local``, ``slurm``) leaves the others out, and only
    machines with all of the ``tags`` count. What is described is read once.
    """

    sources: Sources
    launchers: Mapping[str, Launcher]
    kind: str = ""
    tags: Collection[str] = ()

    def choose(self, need: HostRequirement) -> Chosen:
        """Who runs it. Raises `HerdError` that says what every machine lacks, and what is wrong with a description."""
        if (path := registry.python_file()) and self.kind != "local":
            return _of_python(registry.ask(path, need, frozenset(self.tags)), need, self.kind)
        verdicts = self.judge(need)
        best = finder.find(verdicts, need)
        fitting = sum(verdict.meets is not None for verdict in verdicts)
        why = (
            f"the best of {fitting} kinds of machines that have it" if fitting > 1 else "the one that has it"
        )
        return Chosen(self.launchers[best.host.launcher], best.options, best.host.name, why, _at_once(best))

    def judge(self, need: HostRequirement) -> list[Verdict]:
        """Every machine that is described, and this one where it counts; those that fit come first, the best ahead."""
        if not self._described:
            raise HerdError(
                f"no machines are described, so nobody can be found for: {need}",
                where=str(configuration.folder() / configuration.HOSTS),
                hint="have this cluster described: herd launchers detect --write; or run here: --on local",
            )
        reach = _reach(self._described, self.launchers, self.kind)
        return finder.judge(need, self._described, reach, self.tags)

    @cached_property
    def _described(self) -> list[Host]:
        return candidates(self.sources, self.launchers, self.kind)


def _at_once(best: Verdict) -> int | None:
    cores = best.meets.cpu.cores if best.meets else 0
    if best.host.launcher != "local" or not cores:
        return None
    return max(1, best.host.specification.cpu.cores // cores)


def candidates(sources: Sources, launchers: Container[str], kind: str = "") -> list[Host]:
    """The machines that are described; and this one where the user asks for it, or where there is no Slurm and no
    machine like it is described. ``launchers`` are the names of those that there are here.
    """
    described = registry.described(sources)
    has_local = any(host.launcher == "local" for host in described)
    if not has_local and (kind == "local" or "slurm" not in launchers):
        from hyperherd.launcherfinder import here  # 10 ms, where this machine is none of the described ones

        described.append(hosts.host("this machine", layers.Layered(here.this_machine())))
    return described


def _reach(described: Sequence[Host], launchers: Mapping[str, Launcher], kind: str) -> Reach:
    absent = {}
    if "slurm" not in launchers:
        absent["slurm"] = "Slurm's sbatch is not on PATH here"
    if kind:
        absent["local" if kind == "slurm" else "slurm"] = f"left out by --on {kind}"
    asks = "slurm" not in absent and any(host.cluster for host in described if host.launcher == "slurm")
    return Reach(absent, launchers["slurm"].where() if asks else "")


def _of_python(launcher: Launcher | None, need: HostRequirement, kind: str) -> Chosen:
    path = configuration.folder() / configuration.PYTHON
    if launcher is None:
        raise HerdError(
            f"find_launcher knows nobody who has what is required: {need}",
            where=str(path),
            hint="ask for less, or add a machine there",
        )
    if kind and launcher.name != kind:
        raise HerdError(
            f"find_launcher chose {launcher.name}, and --on {kind} was typed",
            where=str(path),
            hint=f"leave --on {kind} out",
        )
    return Chosen(launcher, {}, type(launcher).__name__, f"chosen by {path}")


def find_launcher(
    requirements: HostRequirement | str, tags: Set[str] | str = frozenset()
) -> Candidate | None:
    """See `hyperherd.launcherfinder.find_launcher`."""
    from hyperherd.launchers import (  # 40 ms that looking does without
        DirectLauncher,
        SlurmLauncher,
        SlurmOptions,
    )

    requirements = parse(requirements) if isinstance(requirements, str) else requirements
    tags = frozenset({tags}) if isinstance(tags, str) else tags
    if path := registry.python_file():
        return registry.ask(path, requirements, tags)
    reachable: dict[str, Launcher] = {"local": DirectLauncher()}
    if shutil.which("sbatch"):
        reachable["slurm"] = SlurmLauncher()
    verdicts = Chooser(Sources(), reachable, tags=tags).judge(requirements)
    if not verdicts[0].meets:
        return None
    best = verdicts[0]
    if best.host.launcher == "local":
        return DirectLauncher(priority=best.host.specification.priority)
    options: dict[str, Any] = dict(best.options)
    return SlurmLauncher(options=SlurmOptions(**options), priority=best.host.specification.priority)
