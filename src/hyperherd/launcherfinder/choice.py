"""Who runs what is required: the user's own ``launchers.py``, or the best of the machines that are described."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from hyperherd.errors import ChoiceError, HerdError, RequirementError
from hyperherd.jobs import Request, Share
from hyperherd.launcherfinder import configuration, finder, hosts, layers, registry
from hyperherd.launcherfinder.configuration import Sources
from hyperherd.launcherfinder.finder import Reach, Verdict
from hyperherd.launcherfinder.hosts import Host
from hyperherd.launcherfinder.registry import Answer
from hyperherd.launchers import shipped
from hyperherd.launchers.base import Candidate, Launcher, class_name, complete, requiring
from hyperherd.requirements import (
    HostRequirement,
    HostSimpleRequirement,
    HostSpecification,
    RequirementUnion,
)
from hyperherd.requirements.matching import dedicated
from hyperherd.requirements.parser import parse


@dataclass(frozen=True)
class Chosen:
    """Who was chosen: ``request`` is what a batch asks of it, ``host`` is its name in the description, ``why`` a
    sentence for people. ``at_once`` is how many such jobs the cores of this machine are enough for; None on others,
    whose scheduler sees to that.
    """

    launcher: Launcher
    request: Request = field(default_factory=Request)
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
        if answer := self.asked(need):
            return self.answered(answer)
        verdicts = self.judge(need)
        best = finder.find(verdicts, need)
        fitting = sum(verdict.meets is not None for verdict in verdicts)
        why = (
            f"the best of {fitting} kinds of machines that have it" if fitting > 1 else "the one that has it"
        )
        launcher = self.launchers[best.host.launcher].requiring(_share(best))
        return Chosen(launcher, best.request, best.host.name, why, _at_once(best))

    def asked(self, need: HostRequirement) -> Answer | None:
        """What the user's ``launchers.py`` answers; None where there is none, or where this machine was asked for."""
        path = None if _is_here(self.kind) else registry.python_file()
        return registry.ask(path, need, frozenset(self.tags)) if path else None

    def answered(self, answer: Answer) -> Chosen:
        """Who runs it by a ``launchers.py``. Raises `ChoiceError` for nobody, `HerdError` for one that was left out."""
        launcher = complete(answer.chosen())
        launcher = launcher.requiring(_share_asked(answer, launcher))
        if self.kind and launcher.name != self.kind:
            raise HerdError(
                f"find_launcher chose {launcher.name}, and --on {self.kind} was typed",
                where=str(answer.path),
                hint=f"leave --on {self.kind} out",
            )
        return Chosen(launcher, Request(), class_name(launcher), f"chosen by {answer.path}")

    def judge(self, need: HostRequirement) -> list[Verdict]:
        """Every machine that is described, and this one where it counts; those that fit come first, the best ahead."""
        if not self._described:
            raise ChoiceError(
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
    if not _is_here(best.host.launcher) or not cores:
        return None
    return max(1, best.host.specification.cpu.cores // cores)


def _is_here(launcher: str) -> bool:
    """Whether a launcher runs its jobs on this machine; none does where none is named."""
    return bool(launcher) and not shipped.traits(launcher).elsewhere


def candidates(sources: Sources, launchers: Collection[str], kind: str = "") -> list[Host]:
    """The machines that are described; and this one where the user asks for it, or where there is no cluster and no
    machine like it is described. ``launchers`` are the names of those that there are here.
    """
    described = registry.described(sources)
    has_local = any(_is_here(host.launcher) for host in described)
    if not has_local and (_is_here(kind) or all(map(_is_here, launchers))):
        described.append(_this_machine())
    return described


def _reach(described: Sequence[Host], launchers: Mapping[str, Launcher], kind: str) -> Reach:
    named = {host.launcher: shipped.traits(host.launcher) for host in described}
    absent = {
        name: f"{traits.title}'s {traits.program} is not on PATH here"
        for name, traits in named.items()
        if name not in launchers
    }
    if kind:
        absent |= {name: f"left out by --on {kind}" for name in named if name != kind}
    of_clusters = {host.launcher for host in described if host.cluster and not _is_here(host.launcher)}
    asked = sorted(of_clusters - absent.keys())
    return Reach(absent, launchers[asked[0]].where() if asked else "")


def _share(best: Verdict) -> Share:
    """What this machine holds for a job, where that was chosen."""
    if not _is_here(best.host.launcher) or best.meets is None:
        return Share()
    return _share_of(best.host.specification, best.meets)


def _share_asked(answer: Answer, chosen: Candidate) -> Share:
    """The same where a ``launchers.py`` has chosen: by the machine that it has tried, else by this one."""
    traits = getattr(chosen, "traits", None)
    if traits is not None and traits.elsewhere:
        return Share()
    if look := answer.decided():
        return _share_of(look.host, look.meets or answer.need.requirements[0])
    here = _this_machine().specification
    meets = next((one for one in answer.need.requirements if one.match(here)), None)
    return _share_of(here if meets else None, meets or answer.need.requirements[0])


def _share_of(host: HostSpecification | None, asked: HostSimpleRequirement) -> Share:
    gpus = dedicated(host, asked) if host else sum(not one.unified_memory for one in asked.accelerators)
    return Share(asked.cpu.cores or None, gpus, asked.duration or None)


def _this_machine() -> Host:
    from hyperherd.launcherfinder import gpu_names  # 10 ms, where this machine is none of the described ones

    name = next(filter(_is_here, shipped.SHIPPED))
    (described,) = shipped.survey(name)(gpu_names.read()).hosts.values()
    return hosts.host("this machine", layers.Layered(described))


def find_launcher(*specs: HostRequirement | str, tags: Collection[str] = ()) -> Candidate:
    """See `hyperherd.launcherfinder.find_launcher`."""
    needs = [_need(spec, place) for place, spec in enumerate(specs)]
    wanted = frozenset({tags} if isinstance(tags, str) else tags)
    if not needs:
        raise RequirementError(
            "nothing is required", hint='such as find_launcher("duration=4h & cpu(cores=4)")'
        )
    if path := registry.python_file():
        return _answered(path, needs, wanted)
    return _of_yaml(RequirementUnion(*needs), wanted)


def _need(spec: HostRequirement | str, place: int) -> HostRequirement:
    if isinstance(spec, HostRequirement):
        return spec
    try:
        return parse(spec)
    except RequirementError as error:
        if place == 0:
            raise
        hint = f"{error.hint}\n  where a tag is meant, name it: tags={{'slurm'}}"
        raise RequirementError(error.reason, text=error.text, position=error.position, hint=hint) from None


def _answered(path: Path, needs: Sequence[HostRequirement], tags: frozenset[str]) -> Candidate:
    """Each is asked about alone, as their files are used to."""
    refused = []
    for need in needs:
        answer = registry.ask(path, need, tags)
        try:
            found = answer.found()
            return requiring(found, _share_asked(answer, found))
        except ChoiceError as error:
            refused.append(error)
    if len(refused) == 1:
        raise refused[0]
    raise ChoiceError("\n".join(map(str, refused)))


def _of_yaml(need: HostRequirement, tags: frozenset[str]) -> Candidate:
    reachable: dict[str, Launcher] = {n: shipped.load(n)() for n in shipped.SHIPPED if shipped.is_here(n)}
    best = finder.find(Chooser(Sources(), reachable, tags=tags).judge(need), need)
    priority = best.host.specification.priority
    chosen = shipped.load(best.host.launcher)(priority=priority)
    asking: Candidate = chosen.asking(best.request).requiring(_share(best))
    return asking
