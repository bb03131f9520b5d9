"""What Slurm's commands print, read into values. Pure; rows count by known ids, fields with free text come
last.

Sources: man sbatch, squeue, sacct and scontrol of 22.05, and recorded answers
(tests/recorded).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from hyperherd import units
from hyperherd.launchers.slurm import state_words

SHOWN = "%j|%k|%o"
"""All that squeue shows of whose a job is: name, comment and command, any of which may hold a ``|`` or a newline."""

QUEUE_FORMAT = f"%F|%K|%T|%V|%S|%e|%N|%r|{SHOWN}"
DEPENDENT_FORMAT = "%F|%r|%E"
FIND_FORMAT = f"%F|%V|%T|{SHOWN}"
SHOWN_FIELDS = ("JobName", "Comment", "SubmitLine")
ACCOUNTING_FIELDS = ("JobID", "State", "ExitCode", "Submit", "Start", "End", "NodeList", *SHOWN_FIELDS)
USAGE_FIELDS = ("JobID", "State", "ExitCode", "ElapsedRaw", "MaxRSS", "AveRSS", "ReqMem", *SHOWN_FIELDS)


@dataclass(frozen=True)
class QueueRow:
    """Elements that squeue shows together.

    ``indices`` are array indices; times are seconds since the epoch; ``shown`` as `job_identity` reads it.
    """

    job_id: str
    indices: tuple[int, ...]
    word: str
    submitted_at: float | None
    started_at: float | None
    ended_at: float | None
    node: str
    reason: str
    shown: str


@dataclass(frozen=True)
class Dependent:
    """A job that waits: why, and the ids of the jobs of which each has to end or to succeed before it starts."""

    reason: str
    after: tuple[str, ...]


@dataclass(frozen=True)
class AccountingRow:
    """An attempt of some elements as sacct shows it; several rows for one element are several attempts."""

    job_id: str
    indices: tuple[int, ...]
    word: str
    exit_code: int | None
    signal: int | None
    submitted_at: float | None
    started_at: float | None
    ended_at: float | None
    node: str
    shown: str


@dataclass(frozen=True)
class UsageRow:
    """What a job, or one of its steps, used. Seconds and bytes.

    ``index`` is None where sacct names the array as a whole; ``step`` is empty for the job itself, which alone says in
    ``shown`` whose it is.
    """

    job_id: str
    index: int | None
    step: str
    word: str
    exit_code: int | None
    elapsed_s: float | None
    max_rss_bytes: int | None
    ave_rss_bytes: int | None
    req_mem_bytes: int | None
    shown: str


def indices(expression: str) -> tuple[int, ...]:
    """An array expression, also as squeue and sacct show the elements that wait.

    >>> indices("1-10:4,15%4"), indices("[0-2%1]"), indices("7"), indices("N/A")
    ((1, 5, 9, 15), (0, 1, 2), (7,), ())
    """
    found: list[int] = []
    for part in expression.strip("[]").partition("%")[0].split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+)(?::(\d+))?)?", part.strip("[]"))
        if match:
            first, last, step = match.groups()
            found.extend(range(int(first), int(last or first) + 1, int(step or 1)))
    return tuple(found)


def submitted_id(stdout: str) -> str | None:
    """The job's id in what ``sbatch --parsable`` printed, ``id`` or ``id;cluster``, with a site's chatter
    around it.

    >>> submitted_id("Welcome to C!\\n4217;killarney\\n"), submitted_id("12\\n"), submitted_id("3 jobs left")
    ('4217', '12', None)
    """
    found = re.findall(r"^\s*(\d+)(?:;\S*)?\s*$", stdout, re.MULTILINE)
    if not found:
        found = re.findall(r"Submitted batch job (\d+)", stdout)
    return found[-1] if found else None


class Verdict(Enum):
    """What ``sbatch --test-only`` comes to.

    SHORT: there are no such nodes, or those that there are do not take jobs now; it does not say which of the two.
    LATER: sbatch would take it and let it wait. LIMIT: too many jobs of this user wait or run, so it did not look.
    SILENT: it got no answer.
    """

    TAKEN = "taken"
    REFUSED = "refused"
    SHORT = "short"
    LATER = "later"
    LIMIT = "limit"
    SILENT = "silent"


@dataclass(frozen=True)
class Tried:
    """``words`` are Slurm's own, ``starts_at`` is when it expects to begin; None where it does not say."""

    verdict: Verdict
    words: str = ""
    starts_at: float | None = None


_EXPECTED = re.compile(r"\bJob \d+ to start at (\S+) using ")
_UNANSWERED = re.compile(
    r"Unable to contact|timed out|Zero Bytes|Connection re|Unexpected message|Resource temporarily unavailable"
)
_TOO_MANY = re.compile(r"\b(?:QOS|Assoc)\w*Submit\w*|temporarily unable to accept job")
_A_LIMIT, _NAMED = "violates accounting/QOS policy", re.compile(r"\b(?:QOS|Assoc)[A-Z]\w+")
_NO_NODES = "Requested node configuration is not available"
_BUSY = re.compile(
    r"not available now|Requested nodes are busy|Required node not available|Nodes required for job are"
    r"|Requested (?:reservation|ports?) (?:is|are) in use|in held state"
)
"""Errors after which slurmctld keeps the job (job_mgr.c: job_allocate)."""


def tried(code: int, stderr: str) -> Tried:
    """What ``sbatch --test-only`` ended with and said, which is all on stderr.

    Sources: sbatch.c and slurm_errno.c of 22.05 to 24.11, and recorded answers. With every node down it says the same
    words as for nodes that there never were, though sbatch itself takes such a job. It names the limit since 19.05.

    >>> tried(1, "sbatch: error: AssocMaxSubmitJobLimit\\nallocation failure: Job violates ...").verdict
    <Verdict.LIMIT: 'limit'>
    >>> told = "sbatch: Job 7 to start at 1796001564 using 1 processors on nodes n1 in partition gpu"
    >>> tried(0, f"Welcome!\\n{told}\\n").starts_at
    1796001564.0
    """
    words = stderr.strip()
    if code == 0:
        said = _EXPECTED.search(stderr)
        return Tried(Verdict.TAKEN, words, moment(said[1]) if said else None)
    if code < 0 or _UNANSWERED.search(stderr):
        return Tried(Verdict.SILENT, words or f"it was ended by signal {-code}")
    if _TOO_MANY.search(stderr) or (_A_LIMIT in stderr and not _NAMED.search(stderr)):
        return Tried(Verdict.LIMIT, words)
    if _BUSY.search(stderr):
        return Tried(Verdict.LATER, words)
    return Tried(Verdict.SHORT if _NO_NODES in stderr else Verdict.REFUSED, words or f"exit {code}")


def queue(stdout: str, known: Collection[str] | None = None) -> list[QueueRow]:
    """squeue's rows (`QUEUE_FORMAT`), or those of the jobs with known ids.

    >>> queue("9|1-2%1|PENDING|1|N/A|N/A||Priority|a|b|(null)|/x\\ny.sh\\n8|...\\n", {"9"})[0]
    QueueRow(job_id='9', indices=(1, 2), word='PENDING', submitted_at=1.0, started_at=None, ended_at=None, node='', \
reason='Priority', shown='a|b|(null)|/x\\ny.sh')
    """
    return [
        QueueRow(
            job_id=row[0],
            indices=indices(row[1]),
            word=state_words.canonical(row[2]),
            submitted_at=moment(row[3]),
            started_at=moment(row[4]),
            ended_at=moment(row[5]),
            node=row[6],
            reason=row[7],
            shown=row[8],
        )
        for row in _rows(stdout, 9)
        if row[0].isdigit() and (known is None or row[0] in known)
    ]


def dependents(stdout: str) -> dict[str, Dependent]:
    """Job id -> a job that waits, of squeue's rows (`DEPENDENT_FORMAT`). Where any one of several is enough (``?``)
    none of them counts.

    >>> dependents("7|Dependency|afterok:5_*(unfulfilled),afterany:6(unfulfilled)\\n8|Priority|(null)\\n")
    {'7': Dependent(reason='Dependency', after=('5', '6')), '8': Dependent(reason='Priority', after=())}
    """
    return {
        job_id: Dependent(reason, () if "?" in text else tuple(re.findall(r":(\d+)", text)))
        for job_id, reason, text in _rows(stdout, 3)
    }


@dataclass(frozen=True)
class Standing:
    """A job that is in the queue, or has just left it."""

    job_id: str
    submitted_at: float | None
    word: str
    shown: str


def standing(stdout: str) -> list[Standing]:
    """squeue's rows (`FIND_FORMAT`), of an array one for each of its rows.

    >>> rows = standing("8|1|PENDING|n|(null)|/a\\nb/t1.sbatch\\n9|2|RUNNING|n|t2|/x arg\\n")
    >>> [(row.job_id, row.shown) for row in rows]
    [('8', 'n|(null)|/a\\nb/t1.sbatch'), ('9', 'n|t2|/x arg')]
    """
    return [
        Standing(job_id, moment(submitted), state_words.canonical(word), shown)
        for job_id, submitted, word, shown in _rows(stdout, 4)
        if job_id.isdigit()
    ]


def accounting(stdout: str, known: Collection[str]) -> list[AccountingRow]:
    """sacct's rows (``-X -P -n``, `ACCOUNTING_FIELDS`) of the array jobs with known ids.

    >>> row = accounting("4_1|CANCELLED by 1000|0:15|100|110|120|n1|hyperherd_a||sbatch /t1.sbatch\\n", {"4"})[0]
    >>> row.indices, row.word, row.exit_code, row.signal, row.ended_at
    ((1,), 'CANCELLED', None, 15, 120.0)
    """
    rows: list[AccountingRow] = []
    for job, word, code, submit, start, end, node, shown in _rows(stdout, 8):
        job_id, _, expression = job.partition("_")
        if job_id not in known:
            continue
        exit_code, signal = _exit(code)
        times = (moment(submit), moment(start), moment(end))
        rows.append(
            AccountingRow(
                job_id,
                indices(expression),
                state_words.canonical(word),
                exit_code,
                signal,
                *times,
                node,
                shown,
            )
        )
    return rows


def usage(stdout: str, known: Collection[str]) -> list[UsageRow]:
    """sacct's rows with steps (``-P -n``, `USAGE_FIELDS`) of array jobs with known ids and of their elements.

    >>> job, step = "4_1|FAILED|2:0|61|||20M|a||\\n", "4_1.batch|FAILED|2:0|61|900K|800K||batch||\\n"
    >>> rows = usage(job + step + "4_[2-3]|PENDING|0:0|0|||20M|a||\\n", {"4"})
    >>> [(row.index, row.step, row.elapsed_s, row.max_rss_bytes, row.req_mem_bytes) for row in rows]
    [(1, '', 61.0, None, 20971520), (1, 'batch', 61.0, 921600, None)]
    """
    rows: list[UsageRow] = []
    for job, word, code, elapsed, max_rss, ave_rss, asked, shown in _rows(stdout, 8):
        match = re.fullmatch(r"(\d+)(?:_(\d+))?(?:\.(.+))?", job)
        if match and match[1] in known:
            rows.append(
                UsageRow(
                    job_id=match[1],
                    index=int(match[2]) if match[2] else None,
                    step=match[3] or "",
                    word=state_words.canonical(word),
                    exit_code=_exit(code)[0],
                    elapsed_s=float(elapsed) if elapsed.isdigit() else None,
                    max_rss_bytes=units.bytes_used(max_rss),
                    ave_rss_bytes=units.bytes_used(ave_rss),
                    req_mem_bytes=_asked(asked),
                    shown=shown,
                )
            )
    return rows


def moment(text: str) -> float | None:
    """A point in time: seconds since the epoch (``SLURM_TIME_FORMAT=%s``) or local ISO; None for an unknown
    one.

    >>> moment("1700000000"), moment("N/A"), moment("Unknown"), moment("None"), moment("0")
    (1700000000.0, None, None, None, None)
    """
    if text.isascii() and text.isdigit():
        return float(text) or None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def settings(stdout: str) -> dict[str, str]:
    """``scontrol show config``, or any list of ``Key = value``.

    >>> settings("Configuration data as of now\\nClusterName       = big\\nMaxArraySize      = 1001\\n")
    {'ClusterName': 'big', 'MaxArraySize': '1001'}
    """
    return dict(re.findall(r"^(\S+)\s*= ?(.*?)\s*$", stdout, re.MULTILINE))


def flags(text: str) -> dict[str, str]:
    """A list such as SchedulerParameters.

    >>> flags("defer,max_script_size=100")
    {'defer': '', 'max_script_size': '100'}
    """
    return {key: value for key, _, value in (word.partition("=") for word in text.split(",")) if key}


def cluster_name(text: str) -> str:
    """ClusterName in a slurm.conf, in small letters as Slurm itself has it (man slurm.conf); or empty.

    >>> cluster_name("# ClusterName=no\\nclustername = Big # ours\\n")
    'big'
    """
    match = re.search(r"^\s*ClusterName\s*=\s*([^\s#]+)", text, re.MULTILINE | re.IGNORECASE)
    return match[1].lower() if match else ""


_ROW = re.compile(r"^(?=\d+(?:_\d+|_\[[^|\n]*\]?|\+\d+)?(?:\.\w+)?\|)", re.MULTILINE)


def _rows(stdout: str, width: int) -> Iterator[list[str]]:
    """What begins with a job's id, and goes on until the next that does: names and paths may hold newlines."""
    for row in _ROW.split(stdout):
        fields = row.removesuffix("\n").split("|", width - 1)
        if len(fields) == width:
            yield fields


def _exit(text: str) -> tuple[int | None, int | None]:
    """Exit code and signal of ``2:0``; one of them is None."""
    match = re.fullmatch(r"(\d+):(\d+)", text)
    if not match:
        return None, None
    return (None, int(match[2])) if int(match[2]) else (int(match[1]), None)


def _asked(text: str) -> int | None:
    """Memory asked for; None for 0, and for the huge number of a job whose start was not heard of."""
    size = units.bytes_used(text, unit="M")
    return size if size and size < 2**60 else None
