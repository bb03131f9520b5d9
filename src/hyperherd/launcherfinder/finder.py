"""WHICH machine: every kind of machine that is described, against what is required."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from hyperherd.errors import ChoiceError
from hyperherd.jobs import Request
from hyperherd.launcherfinder import hosts
from hyperherd.launcherfinder.hosts import Host
from hyperherd.requirements import HostRequirement, HostSimpleRequirement
from hyperherd.requirements.matching import assigned


@dataclass(frozen=True)
class Reach:
    """What can be reached from here: launcher -> why it cannot be used; ``cluster`` is Slurm's name of this one."""

    absent: Mapping[str, str] = field(default_factory=dict)
    cluster: str = ""

    def refusal(self, host: Host) -> str:
        if why := self.absent.get(host.launcher):
            return why
        if host.cluster and self.cluster and host.cluster != self.cluster:
            return f"is on cluster {host.cluster}, this is {self.cluster}"
        return ""


@dataclass(frozen=True)
class Verdict:
    """One kind of machine and a requirement. ``refusals`` say why it does not fit, one for each alternative;
    ``meets`` is the alternative that it meets, the ``place``-th, and ``request`` what would be asked for there.
    """

    host: Host
    refusals: Sequence[str] = ()
    meets: HostSimpleRequirement | None = None
    place: int = 0
    request: Request = field(default_factory=Request)


def judge(
    requirement: HostRequirement, described: Sequence[Host], reach: Reach, tags: Collection[str] = ()
) -> list[Verdict]:
    """Every host in the order in which it would be chosen: those that fit, the best first, then the others.

    The first alternative that any host meets wins; then priority, then the host that wastes least accelerator memory
    on it, then the order of their description.
    """
    verdicts = [_verdict(requirement, host, reach, frozenset(tags)) for host in described]
    return sorted(verdicts, key=_rank)


def find(verdicts: Sequence[Verdict], requirement: HostRequirement) -> Verdict:
    """The one that is chosen. Raises `ChoiceError` that says of each host what it lacks."""
    if verdicts and verdicts[0].meets:
        return verdicts[0]
    width = max((len(verdict.host.name) for verdict in verdicts), default=0)
    lines = [f"\n  {v.host.name:<{width}}  {'; or '.join(v.refusals)}" for v in verdicts]
    raise ChoiceError(
        f"no machine that is described here has what is required: {requirement}{''.join(lines)}",
        hint="ask for less, or describe more machines: herd launchers detect"
        if verdicts
        else "describe your machines first: herd launchers detect",
    )


def _verdict(requirement: HostRequirement, host: Host, reach: Reach, tags: frozenset[str]) -> Verdict:
    if why := reach.refusal(host):
        return Verdict(host, [why])
    if missing := tags - host.tags:
        return Verdict(host, [f"has no tag {' and no tag '.join(sorted(missing))}"])
    for place, alternative in enumerate(requirement.requirements):
        if match := alternative.match(host.specification):
            request = hosts.filled(host, match.requirement)
            return Verdict(host, meets=match.requirement, place=place, request=request)
    return Verdict(host, requirement.refusals(host.specification))


def _rank(verdict: Verdict) -> tuple[bool, int, float, int]:
    has, spare = verdict.host.specification, 0
    if verdict.meets:
        asked = verdict.meets.accelerators
        places = assigned(has, verdict.meets) if asked else range(len(has.accelerators))
        spare = sum(has.accelerators[place].memory for place in places)
    return (verdict.meets is None, verdict.place, -has.priority, spare)
