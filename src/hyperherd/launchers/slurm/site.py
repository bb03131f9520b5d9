"""What a cluster is made of, as Slurm's commands print it: partitions, nodes, generic resources, accounts, QOS.

Pure. Lines of other programs around the rows and keys that are not known here are passed over; what a row does
not say is None or the value that forbids nothing.
Sources: man scontrol, sacctmgr, slurm.conf and gres.conf of 22.05 to 24.05, and recorded answers (tests/recorded).
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from hyperherd import units
from hyperherd.launchers.slurm import parse

ASSOCIATION_FIELDS = "account,partition,qos,defaultqos,maxwall"
QOS_FIELDS = "name,maxwall,mintres"

_MIB = 2**20


@dataclass(frozen=True)
class Allowed:
    """A list of who may: ``only`` None is everybody; ``never`` are those denied by name."""

    only: frozenset[str] | None = None
    never: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        return name not in self.never and (self.only is None or name in self.only)

    @property
    def everybody(self) -> bool:
        return self.only is None and not self.never


@dataclass(frozen=True)
class Partition:
    """``limit_s`` is the longest time limit it takes, ``default_s`` what a job that names none gets: inf for any,
    None where unknown. ``max_nodes`` and ``min_nodes`` are of one job (None: any number), ``max_cpus`` and
    ``max_memory`` (bytes) of one job on one node. ``qos`` is its own QOS, whose limits hold for every job in it.
    """

    name: str
    default: bool = False
    state: str = "UP"
    limit_s: float | None = None
    default_s: float | None = None
    accounts: Allowed = Allowed()
    groups: Allowed = Allowed()
    allowed_qos: Allowed = Allowed()
    qos: str = ""
    min_nodes: int | None = None
    max_nodes: int | None = None
    max_cpus: int | None = None
    max_memory: int | None = None
    tier: int = 1
    preempt: str = "OFF"
    shared: str = "NO"
    root_only: bool = False
    reservation_only: bool = False


@dataclass(frozen=True)
class Gres:
    """A generic resource of one node: ``gpu:a100:4(S:0-1)`` is Gres("gpu", "a100", 4)."""

    name: str
    type: str
    count: int


@dataclass(frozen=True)
class Node:
    """``cpus`` is what a job can have (Slurm's CPUs, hyper-threads where the site counts those), ``memory`` likewise,
    in bytes: without what is reserved for the system.
    """

    name: str
    cpus: int
    memory: int
    gres: tuple[Gres, ...]
    features: tuple[str, ...]
    states: frozenset[str]
    partitions: tuple[str, ...]

    @property
    def planned(self) -> bool:
        """It is written down and not there."""
        return "FUTURE" in self.states

    @property
    def usable(self) -> bool:
        """It takes jobs, or will when it wakes."""
        return not self.states & _OUT_OF_USE


@dataclass(frozen=True)
class Association:
    """What a user may charge; ``partition`` is empty for all, ``default_qos`` where there is none,
    ``limit_s`` None where it sets no limit.
    """

    account: str
    partition: str = ""
    qos: tuple[str, ...] = ()
    default_qos: str = ""
    limit_s: float | None = None


@dataclass(frozen=True)
class Qos:
    """``limit_s`` None: it sets no limit. ``min_gpus``: what a job has to ask for at least."""

    name: str
    limit_s: float | None = None
    min_gpus: int = 0


@dataclass(frozen=True)
class Site:
    """A cluster as one user sees it.

    ``associations`` and ``qos`` are None where Slurm's accounting does not answer or there is none, which
    ``accounting`` tells; ``enforced`` are the words of AccountingStorageEnforce.
    """

    cluster: str
    partitions: tuple[Partition, ...]
    nodes: tuple[Node, ...]
    user: str
    groups: frozenset[str]
    accounting: bool = False
    enforced: frozenset[str] = frozenset()
    preempt_by_tier: bool = False
    associations: tuple[Association, ...] | None = None
    default_account: str = ""
    qos: tuple[Qos, ...] | None = None


_OUT_OF_USE = frozenset(
    {"DOWN", "DRAIN", "DRAINED", "DRAINING", "ERROR", "FAIL", "FAILING", "FUTURE", "INVAL", "INVALID_REG"}
    | {"NOT_RESPONDING", "UNKNOWN"}
)


def partitions(stdout: str) -> tuple[Partition, ...]:
    """``scontrol -o show partition``.

    >>> text = "PartitionName=gpu AllowAccounts=ml,cv Default=YES MaxTime=1-00:00:00 State=UP New=1"
    >>> (found,) = partitions(f"Welcome\\n{text}\\n")
    >>> found.name, found.default, found.limit_s, "ml" in found.accounts, "x" in found.accounts
    ('gpu', True, 86400.0, True, False)
    """
    return tuple(_partition(row) for row in _records(stdout, "PartitionName"))


def _partition(row: Mapping[str, str]) -> Partition:
    return Partition(
        name=row["PartitionName"],
        default=_yes(row, "Default"),
        state=row.get("State", "UP").upper(),
        limit_s=_limit(row.get("MaxTime", "")),
        default_s=_limit(row.get("DefaultTime", "")),
        accounts=_allowed(row, "Accounts"),
        groups=_allowed(row, "Groups"),
        allowed_qos=_allowed(row, "Qos"),
        qos=_word(row, "QoS"),
        min_nodes=_number(row, "MinNodes"),
        max_nodes=_number(row, "MaxNodes"),
        max_cpus=_number(row, "MaxCPUsPerNode"),
        max_memory=_mib(row, "MaxMemPerNode") or None,
        tier=1 if (tier := _number(row, "PriorityTier")) is None else tier,
        preempt=row.get("PreemptMode", "OFF").upper(),
        shared=row.get("OverSubscribe", "NO").upper(),
        root_only=_yes(row, "RootOnly"),
        reservation_only=_yes(row, "ReqResv"),
    )


def nodes(stdout: str) -> tuple[Node, ...]:
    """``scontrol -o show node``.

    CPUEfctv (since 22.05) is without the cores that CoreSpecCount reserves; before, they are taken off here.

    >>> text = "NodeName=n1 CPUTot=64 OS=Linux 5.4 #1 SMP RealMemory=1000 CoreSpecCount=2 MemSpecLimit=200"
    >>> (node,) = nodes(text + " State=MIXED+DRAIN ThreadsPerCore=2 Partitions=gpu,cpu  Reason=bad State=UP [root]")
    >>> node.cpus, node.memory // 2**20, sorted(node.states), node.partitions
    (60, 800, ['DRAIN', 'MIXED'], ('gpu', 'cpu'))
    """
    return tuple(_node(row) for row in _records(stdout, "NodeName"))


def _node(row: Mapping[str, str]) -> Node:
    reserved = (_number(row, "CoreSpecCount") or 0) * (_number(row, "ThreadsPerCore") or 1)
    effective = _number(row, "CPUEfctv")
    cpus = effective if effective is not None else (_number(row, "CPUTot") or 0) - reserved
    memory = (_mib(row, "RealMemory") or 0) - (_mib(row, "MemSpecLimit") or 0)
    return Node(
        name=row["NodeName"],
        cpus=max(cpus, 0),
        memory=max(memory, 0),
        gres=gres(_word(row, "Gres")),
        features=_listed(_word(row, "ActiveFeatures") or _word(row, "AvailableFeatures")),
        states=node_states(row.get("State", "")),
        partitions=_listed(_word(row, "Partitions")),
    )


def node_states(text: str) -> frozenset[str]:
    """The words of a node's state; the sign ``*`` stands for not responding (man sinfo, NODE STATE CODES).

    >>> sorted(node_states("IDLE*+DRAIN+POWERED_DOWN"))
    ['DRAIN', 'IDLE', 'NOT_RESPONDING', 'POWERED_DOWN']
    """
    words = {re.sub(r"\W", "", word) for word in text.upper().split("+")} - {""}
    return frozenset(words | ({"NOT_RESPONDING"} if "*" in text else set()))


def gres(text: str) -> tuple[Gres, ...]:
    """A node's Gres; the same name and type several times (one for each socket, say) are counted together.

    >>> gres("gpu:a100:2(S:0,2),gpu:a100:2(S:1),gpu:1g.10gb:7,shard:16,mps:no_consume:4K")
    (Gres(name='gpu', type='a100', count=4), Gres(name='gpu', type='1g.10gb', count=7), \
Gres(name='shard', type='', count=16), Gres(name='mps', type='', count=4096))
    >>> gres("gpu:4(S:0-1)"), gres("gpu:l4")
    ((Gres(name='gpu', type='', count=4),), (Gres(name='gpu', type='l4', count=1),))
    """
    counts: dict[tuple[str, str], int] = {}
    for item in re.sub(r"\([^)]*\)?", "", text).split(","):
        name, *words = [word.strip() for word in item.split(":") if word.strip() != "no_consume"]
        count = _gres_count(words[-1]) if words else None
        kind = ":".join(words if count is None else words[:-1])
        if name:
            counts[name, kind] = counts.get((name, kind), 0) + (1 if count is None else count)
    return tuple(Gres(name, kind, count) for (name, kind), count in counts.items())


def _gres_count(word: str) -> int | None:
    match = re.fullmatch(r"(\d{1,15})([KMGTP]?)", word, re.IGNORECASE | re.ASCII)
    return int(match[1]) * 1024 ** " KMGTP".index(match[2].upper() or " ") if match else None


def associations(stdout: str) -> tuple[Association, ...]:
    """``sacctmgr -nP show assoc format=`` `ASSOCIATION_FIELDS`.

    >>> associations("Lmod says hello\\nml||normal,long|normal|\\ncv|gpu|normal||12:00:00\\n")
    (Association(account='ml', partition='', qos=('normal', 'long'), default_qos='normal', limit_s=None), \
Association(account='cv', partition='gpu', qos=('normal',), default_qos='', limit_s=43200.0))
    """
    return tuple(
        Association(account, partition, _listed(qos), default, _limit(wall))
        for account, partition, qos, default, wall in _table(stdout, 5)
        if account
    )


def all_qos(stdout: str) -> tuple[Qos, ...]:
    """``sacctmgr -nP show qos format=`` `QOS_FIELDS`.

    >>> all_qos("normal||\\ngpu|2-00:00:00|cpu=1,gres/gpu=2\\n")
    (Qos(name='normal', limit_s=None, min_gpus=0), Qos(name='gpu', limit_s=172800.0, min_gpus=2))
    """
    return tuple(
        Qos(
            name,
            _limit(wall),
            int(gpus[1]) if (gpus := re.search(r"\bgres/gpu=(\d{1,15})(?!\d)", least)) else 0,
        )
        for name, wall, least in _table(stdout, 3)
        if name
    )


def default_account(stdout: str) -> str:
    """``sacctmgr -nP show user name=.. format=user,defaultaccount``; empty where there is none.

    >>> default_account("ann|ml\\n"), default_account("")
    ('ml', '')
    """
    return next((account for _, account in _table(stdout, 2)), "")


def site(answers: Mapping[str, str], *, user: str, groups: Collection[str]) -> Site:
    """A cluster out of what its commands answered: ``config``, ``partitions``, ``nodes``, and where the accounting
    answered ``associations``, ``user`` and ``qos``.
    """
    settings = parse.settings(answers.get("config", ""))
    enforced = settings.get("AccountingStorageEnforce", "").lower().split(",")
    return Site(
        cluster=settings.get("ClusterName", ""),
        partitions=partitions(answers.get("partitions", "")),
        nodes=nodes(answers.get("nodes", "")),
        user=user,
        groups=frozenset(groups),
        accounting=settings.get("AccountingStorageType", "").endswith("slurmdbd"),
        enforced=frozenset(enforced) - {"none", ""},
        preempt_by_tier=settings.get("PreemptType", "").endswith("partition_prio"),
        associations=associations(answers["associations"]) if "associations" in answers else None,
        default_account=default_account(answers.get("user", "")),
        qos=all_qos(answers["qos"]) if "qos" in answers else None,
    )


def _records(stdout: str, first: str) -> Iterator[dict[str, str]]:
    """The rows of ``scontrol -o show``: ``Key=value`` with blanks between, and in some values.

    The first of two equal keys holds: a node's Reason comes last, and people write what they like there.
    """
    for line in stdout.split("\n"):
        if not line.startswith(f"{first}="):
            continue
        row: dict[str, str] = {}
        for pair in re.split(r"\s+(?=[A-Za-z][\w/:]*=)", line):
            key, _, value = pair.partition("=")
            row.setdefault(key, value.strip())
        if row[first]:
            yield row


def _table(stdout: str, width: int) -> Iterator[list[str]]:
    for line in stdout.split("\n"):
        fields = [field.strip() for field in line.split("|")]
        if len(fields) == width:
            yield fields


def _yes(row: Mapping[str, str], key: str) -> bool:
    return row.get(key, "NO").upper() == "YES"


def _word(row: Mapping[str, str], key: str) -> str:
    word = row.get(key, "")
    return "" if word in ("(null)", "N/A") else word


def _listed(text: str) -> tuple[str, ...]:
    return tuple(word for word in (word.strip() for word in text.split(",")) if word)


def _allowed(row: Mapping[str, str], what: str) -> Allowed:
    only, never = _word(row, f"Allow{what}"), _word(row, f"Deny{what}")
    everybody = not only or only.upper() == "ALL"
    return Allowed(None if everybody else frozenset(_listed(only)), frozenset(_listed(never)))


def _number(row: Mapping[str, str], key: str) -> int | None:
    text = row.get(key, "")
    return int(text) if re.fullmatch(r"\d{1,15}", text, re.ASCII) else None


def _mib(row: Mapping[str, str], key: str) -> int | None:
    """Bytes of a number of MiB."""
    number = _number(row, key)
    return None if number is None else number * _MIB


def _limit(text: str) -> float | None:
    """Seconds of a time limit; None for none said (``NONE``, empty)."""
    try:
        return units.seconds_of_limit(text)
    except (ValueError, OverflowError):
        return None


def finite(limit_s: float | None) -> bool:
    """Whether a time limit really limits."""
    return limit_s is not None and not math.isinf(limit_s)
