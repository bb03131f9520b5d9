"""On what terms a user may use a partition: account, QOS, the longest time, how many GPUs at least. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hyperherd.launchers import survey
from hyperherd.launchers.slurm.site import Association, Partition, Site, finite
from hyperherd.requirements import amounts


@dataclass(frozen=True)
class Terms:
    """On what terms a user may use a partition. Empty: nothing need be named; ``limit_s`` None: no limit."""

    account: str = ""
    qos: str = ""
    limit_s: float | None = None
    min_gpus: int = 0
    remarks: tuple[str, ...] = ()


class ClosedError(Exception):
    """The user may not use a partition; the text says why."""


def check_open(partition: Partition, site: Site) -> None:
    """Raises `ClosedError` for a partition that takes no job of this user."""
    if partition.state != "UP":
        raise ClosedError(f"its state is {partition.state}; detect again when it is UP")
    if partition.root_only:
        raise ClosedError("only root may use it (RootOnly)")
    if not partition.groups.everybody and not any(group in partition.groups for group in site.groups):
        raise ClosedError("you are in none of its groups (AllowGroups)")
    if partition.max_nodes == 0:
        raise ClosedError("it takes no jobs (MaxNodes=0)")
    if (partition.min_nodes or 0) > 1:
        raise ClosedError("it takes only jobs of several nodes (MinNodes)")
    if partition.reservation_only:
        raise ClosedError(
            "it takes only jobs in a reservation (ReqResv): add it by hand, with 'reservation:'"
        )


def of(partition: Partition, site: Site, *, with_gpus: bool) -> Terms:
    """Raises `ClosedError` where no account, or no QOS, of the user is allowed here."""
    if not site.associations:
        limit = _least(partition.limit_s, _limit(partition, site, "", ()))
        return Terms(limit_s=limit, min_gpus=_min_gpus(partition, site, "", with_gpus))
    usable = [
        association
        for association in site.associations
        if _concerns(association, partition, site.associations)
    ]
    if not usable:
        raise ClosedError("none of your accounts may use it (AllowAccounts, DenyAccounts)")
    account, others = _account(usable, site, with_gpus)
    mine = [association for association in usable if association.account == account]
    qos, written, choice = _qos(partition, site, mine)
    remarks = [f"account: or {survey.listed(others)}"] if others else []
    if len(choice) > 1:
        told = survey.listed([f"{name} ({_wall(name, site)})" for name in choice])
        remarks.append(f"qos: {qos} unless said; to choose from: {told}" if qos else f"qos: one of {told}")
    return Terms(
        account="" if not others and account == site.default_account else account,
        qos=qos if written else "",
        limit_s=_least(partition.limit_s, _limit(partition, site, qos, mine)),
        min_gpus=_min_gpus(partition, site, qos, with_gpus),
        remarks=tuple(remarks),
    )


def _concerns(one: Association, partition: Partition, those: Sequence[Association]) -> bool:
    """Whether an association may be charged here; one for this partition alone comes before that for all."""
    own = {other.account for other in those if other.partition == partition.name}
    where = partition.name if one.account in own else ""
    return one.partition == where and one.account in partition.accounts


def _account(usable: Sequence[Association], site: Site, with_gpus: bool) -> tuple[str, list[str]]:
    """The account to name, and the others: the default one first, then by name.

    Where names end in ``_gpu`` and ``_cpu`` (one budget for each) the fitting ones come before the others.
    """
    wrong = "_cpu" if with_gpus else "_gpu"
    names = {association.account for association in usable}
    ordered = sorted(names, key=lambda name: (name.endswith(wrong), name != site.default_account, name))
    return ordered[0], [name for name in ordered[1:] if not name.endswith(wrong)]


def _qos(partition: Partition, site: Site, mine: Sequence[Association]) -> tuple[str, bool, list[str]]:
    """The QOS that a job gets (empty: unknown), whether it has to name it, and all that it may name.

    Without a default one it is the only one, or ``normal``, which Slurm makes at first (man sacctmgr).
    """
    have = list(dict.fromkeys(name for association in mine for name in association.qos))
    if not have:
        return "", False, []
    allowed = [name for name in have if name in partition.allowed_qos]
    if not allowed:
        raise ClosedError("none of your QOS may use it (AllowQos, DenyQos)")
    default = next((association.default_qos for association in mine if association.default_qos), "")
    default = default or (have[0] if len(have) == 1 else "normal" if "normal" in have else "")
    if default in allowed:
        return default, False, allowed
    if not default and partition.allowed_qos.everybody:
        return "", False, allowed
    longest = sorted(allowed, key=lambda name: (-(_wall_s(name, site) or math.inf), name))[0]
    return longest, True, allowed


def _limits_hold(site: Site) -> bool:
    """Whether QOS and associations limit jobs at all (man slurm.conf, AccountingStorageEnforce)."""
    return bool(site.enforced & {"limits", "safe", "all"})


def _limit(partition: Partition, site: Site, qos: str, mine: Sequence[Association]) -> float | None:
    """The limit of time of those that may set one: the partition's own QOS, else the job's, else the association.

    https://slurm.schedmd.com/resource_limits.html
    """
    if not _limits_hold(site):
        return None
    walls = [_wall_s(partition.qos, site), _wall_s(qos, site), _least(*(one.limit_s for one in mine))]
    return next((limit for limit in walls if limit is not None), None)


def _wall_s(qos: str, site: Site) -> float | None:
    return next((known.limit_s for known in site.qos or () if known.name == qos), None)


def _wall(qos: str, site: Site) -> str:
    limit = _wall_s(qos, site)
    return (
        amounts.duration(math.ceil(limit)) if limit is not None and finite(limit) else "no limit of its own"
    )


def _min_gpus(partition: Partition, site: Site, qos: str, with_gpus: bool) -> int:
    """What the QOS asks every job to ask for; nothing can be asked of a machine without GPUs."""
    if not with_gpus or not _limits_hold(site):
        return 0
    return max((known.min_gpus for known in site.qos or () if known.name in (partition.qos, qos)), default=0)


def _least(*limits: float | None) -> float | None:
    return min((limit for limit in limits if limit is not None), default=None)
