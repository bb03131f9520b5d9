"""Slurm's words: the states of a job, and why one waits.

Sources: man squeue and man sacct of 22.05 (JOB STATE CODES, JOB REASON CODES),
slurm.schedmd.com/job_state_codes.html of 24.11 for the later ones, slurm.schedmd.com/resource_limits.html
for the limits.
"""

from __future__ import annotations

from hyperherd.jobs import Ended, Phase

_SHORT = {
    "BF": "BOOT_FAIL",
    "CA": "CANCELLED",
    "CD": "COMPLETED",
    "CF": "CONFIGURING",
    "CG": "COMPLETING",
    "DL": "DEADLINE",
    "F": "FAILED",
    "NF": "NODE_FAIL",
    "OOM": "OUT_OF_MEMORY",
    "PD": "PENDING",
    "PR": "PREEMPTED",
    "R": "RUNNING",
    "RD": "RESV_DEL_HOLD",
    "RF": "REQUEUE_FED",
    "RH": "REQUEUE_HOLD",
    "RQ": "REQUEUED",
    "RS": "RESIZING",
    "RV": "REVOKED",
    "SI": "SIGNALING",
    "SE": "SPECIAL_EXIT",
    "SO": "STAGE_OUT",
    "ST": "STOPPED",
    "S": "SUSPENDED",
    "TO": "TIMEOUT",
}

_LIVE = {
    Phase.QUEUED: (
        "PENDING CONFIGURING RESV_DEL_HOLD REQUEUE_FED REQUEUE_HOLD REQUEUED SPECIAL_EXIT POWER_UP_NODE"
    ),
    Phase.RUNNING: "RUNNING COMPLETING RESIZING SIGNALING STAGE_OUT STOPPED SUSPENDED EXPEDITING UPDATE_DB",
}
_ENDED = {
    "BOOT_FAIL": Ended.BOOT_FAILURE,
    "CANCELLED": Ended.CANCELLED,
    "COMPLETED": Ended.COMPLETED,
    "DEADLINE": Ended.DEADLINE,
    "FAILED": Ended.FAILED,
    "LAUNCH_FAILED": Ended.LAUNCH_FAILURE,
    "NODE_FAIL": Ended.NODE_FAILURE,
    "OUT_OF_MEMORY": Ended.OUT_OF_MEMORY,
    "PREEMPTED": Ended.PREEMPTED,
    "RECONFIG_FAIL": Ended.SETUP_FAILURE,
    "REVOKED": Ended.REVOKED,
    "TIMEOUT": Ended.TIME_LIMIT,
}
_PHASE_OF = {word: phase for phase, words in _LIVE.items() for word in words.split()} | dict.fromkeys(
    _ENDED, Phase.ENDED
)


def canonical(word: str) -> str:
    """The long form of a state word, however it was printed.

    >>> canonical("CANCELLED by 1000"), canonical("OUT_OF_ME+"), canonical("pd"), canonical("Completed")
    ('CANCELLED', 'OUT_OF_MEMORY', 'PENDING', 'COMPLETED')
    """
    first = word.split(maxsplit=1)[0].upper() if word.strip() else ""
    if first.endswith("+"):
        matches = [known for known in _PHASE_OF if known.startswith(first[:-1])]
        return matches[0] if len(matches) == 1 else first
    return _SHORT.get(first, first)


def ended(word: str) -> Ended | None:
    """What a canonical word says of an end; None for a word that says of none.

    >>> ended("TIMEOUT"), ended("PENDING")
    (<Ended.TIME_LIMIT: 'time limit'>, None)
    """
    return _ENDED.get(word)


def phase_in_queue(word: str) -> Phase:
    """What a canonical word of squeue means; UNKNOWN for a word of a later Slurm.

    A job that is COMPLETING still has processes: it is RUNNING until they are gone.

    >>> phase_in_queue("PENDING"), phase_in_queue("COMPLETING"), phase_in_queue("NEW_WORD")
    (<Phase.QUEUED: 'queued'>, <Phase.RUNNING: 'running'>, <Phase.UNKNOWN: 'unknown'>)
    """
    return _PHASE_OF.get(word, Phase.UNKNOWN)


def phase_in_accounting(word: str) -> Phase:
    """What a canonical word of sacct means for an element that squeue does not have.

    Only an end is believed. A job that was queued again and then cancelled stays REQUEUED for ever, and one
    whose end was never recorded stays RUNNING.

    >>> phase_in_accounting("TIMEOUT"), phase_in_accounting("REQUEUED"), phase_in_accounting("RUNNING")
    (<Phase.ENDED: 'ended'>, <Phase.ABSENT: 'absent'>, <Phase.ABSENT: 'absent'>)
    """
    return Phase.ENDED if _PHASE_OF.get(word) is Phase.ENDED else Phase.ABSENT


_WAITING = {
    "AssocGrp": "a limit of the account is used up",
    "AssocMax": "asks for more than the account may have",
    "AssociationJobLimit": "the account has as many jobs as it may",
    "AssociationResourceLimit": "the account uses as much as it may",
    "AssociationTimeLimit": "the account's time is used up",
    "BadConstraints": "no node has what it asks for",
    "BeginTime": "starts later, such as two minutes after it was queued again",
    "Cleaning": "the attempt before it is being cleaned up",
    "Dependency": "waits for another job",
    "DependencyNeverSatisfied": "the job that it waits for has failed, or will never start",
    "InactiveLimit": "the partition's limit on inactive jobs was reached",
    "InvalidAccount": "there is no such account",
    "InvalidQOS": "there is no such QOS",
    "JobArrayTaskLimit": "as many of the sweep run as it allows at once",
    "JobHeldAdmin": "held by an administrator",
    "JobHeldUser": "held; 'scontrol release' lets it go",
    "JobLaunchFailure": "could not be launched",
    "Licenses": "waits for a licence",
    "MaxJobsPerAccount": "the account has as many jobs as it may",
    "MaxMemPerLimit": "asks for more memory than a job may have",
    "NodeDown": "a node that it needs is down",
    "PartitionDown": "the partition is down",
    "PartitionInactive": "the partition is not in use",
    "PartitionNodeLimit": "asks for more nodes than the partition gives",
    "PartitionTimeLimit": "its time limit is over the partition's",
    "Priority": "others are before it",
    "Prolog": "its node is being prepared",
    "QOSGrp": "a limit of the QOS is used up",
    "QOSJobLimit": "the QOS has as many jobs as it may",
    "QOSMaxWallDurationPerJobLimit": "its time limit is over the QOS's",
    "QOSMax": "asks for more than the QOS gives",
    "QOSMinGRES": "asks for less than the QOS wants",
    "QOSNotAllowed": "the QOS is not allowed here",
    "QOSResourceLimit": "the QOS uses as much as it may",
    "QOSTimeLimit": "the QOS's time is used up",
    "ReqNodeNotAvail": "a node that it needs is reserved or down",
    "Reservation": "its reservation has not begun",
    "Resources": "the nodes are in use",
    "SystemFailure": "Slurm or the network failed",
    "WaitingForScheduling": "the scheduler has not looked at it yet",
}
"""Reason -> words; the longest beginning counts, since families (QOSMaxCpuPerUserLimit, ...) grow."""

NEVER_SATISFIED = "DependencyNeverSatisfied"

_NEVER_ENDS = (
    "AssocMaxWallDurationPerJobLimit",
    "BadConstraints",
    NEVER_SATISFIED,
    "InvalidAccount",
    "InvalidQOS",
    "JobHeld",
    "JobLaunchFailure",
    "MaxMemPerLimit",
    "PartitionNodeLimit",
    "PartitionTimeLimit",
    "QOSMaxWallDurationPerJobLimit",
    "QOSMinGRES",
    "QOSNotAllowed",
)


def never_ends(reason: str) -> bool:
    """Whether a job that waits for this reason waits until somebody acts.

    Reasons of limits per job are meant; the same family's limits per user or account end by themselves.

    >>> [never_ends(r) for r in ("PartitionTimeLimit", "QOSMaxCpuPerUserLimit", "QOSMaxCpuPerJobLimit")]
    [True, False, True]
    """
    per_job = reason.startswith(("QOSMax", "AssocMax")) and reason.endswith(
        ("PerJob", "PerJobLimit", "PerNode")
    )
    return per_job or reason.startswith(_NEVER_ENDS)


def is_stuck(reason: str) -> bool:
    """Whether to wait for such a job is to wait for ever. One that its owner holds is no such: he lets it go.

    >>> is_stuck("DependencyNeverSatisfied"), is_stuck("JobHeldUser"), is_stuck("Priority")
    (True, False, False)
    """
    return never_ends(reason) and not reason.startswith("JobHeldUser")


def waiting(reason: str) -> str:
    """Slurm's word for why a job waits, and the same in words.

    >>> print(waiting("Priority"))
    Priority: others are before it
    >>> print(waiting("PartitionTimeLimit"))
    PartitionTimeLimit: its time limit is over the partition's; this will not end by itself
    >>> waiting("None"), waiting("SomethingNew")
    ('', 'SomethingNew')
    """
    if reason in ("", "None", "(null)"):
        return ""
    known = max((start for start in _WAITING if reason.startswith(start)), key=len, default="")
    words = f": {_WAITING[known]}" if known else ""
    return f"{reason}{words}{'; this will not end by itself' if never_ends(reason) else ''}"
