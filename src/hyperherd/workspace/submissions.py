"""``job_ids.json``: one record for each submission, oldest first; and the registers that say what each one is.

A record without a job id is an *intent*: somebody was about to submit. What became of it, its register tells.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from hyperherd import fsio
from hyperherd.attempts import registers
from hyperherd.attempts.filenames import Unit
from hyperherd.jobs import Files, Job, Offer, Requeue
from hyperherd.workspace import json_files
from hyperherd.workspace.folder import Workspace

LEGACY = "legacy-"


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """One submission.

    ``launcher``  ``slurm`` or ``local``; ``where`` the cluster or host that keeps it
    ``indices``   the trial that each of its elements is offered; ``tasks`` the tasks of these, where their script is an
                  array itself; ``array`` the elements' numbers, where they differ from trials (or tasks)
    ``attempts``  the number of each one's first attempt (0: its script notes none)
    ``owner``     who was submitting, as `Identity` writes it: host, boot id, pid namespace, pid, start time
    ``state``     ``intent``, ``submitted`` or ``void`` (given up: it never runs anything)
    ``stopped``   trials (or tasks) that the user has stopped
    ``given_up``  trials that may have lived unseen when they were submitted again, by the user's word (`run --lost -i`)
    ``root``      the workspace's folder when it was made: a copy of a workspace has the records of the original
    ``host``      the kind of machine or the preset that was chosen, for what it ``requires``; "" where none was
    ``gpus``      what each element asked for, and ``cpus`` (all of its tasks together); None where nobody asked
    ``requeue``   when its trials are queued again by themselves
    ``launch``    the launch script, its checksum, and the git commit it was submitted from
    ``folder``    of a sweep over a script: where it was submitted from; ``at`` and ``arguments`` as the user gave them,
                  ``command`` the one that gets the overrides
    """

    token: str = ""
    slurm_job_id: str | None = None
    indices: tuple[int, ...] = ()
    tasks: tuple[int, ...] | None = None
    launcher: str = "slurm"
    where: str = ""
    name: str = ""
    attempts: tuple[int, ...] = ()
    array: tuple[int, ...] | None = None
    submitted_at: float = 0.0
    owner: str = ""
    state: str = "submitted"
    stopped: tuple[int, ...] = ()
    given_up: tuple[int, ...] = ()
    root: str = ""
    host: str = ""
    requires: str = ""
    gpus: int | None = None
    cpus: int | None = None
    launch: str = ""
    folder: str = ""
    at: str = ""
    command: str = ""
    arguments: tuple[str, ...] = ()
    launch_sha256: str = ""
    git_commit: str | None = None
    git_dirty: bool | None = None
    static_overrides: tuple[str, ...] = ()
    requeue: Requeue | None = None

    @property
    def trials(self) -> tuple[int, ...]:
        """The indices of its trials."""
        return self.indices if self.tasks is None else tuple(dict.fromkeys(self.indices))

    @property
    def units(self) -> tuple[Unit, ...]:
        """What its elements are offered, in their order."""
        tasks = self.tasks or (None,) * len(self.indices)
        return tuple(itertools.starmap(Unit, zip(self.indices, tasks, strict=True)))

    @property
    def numbers(self) -> tuple[int, ...]:
        """Of its elements, as the launcher counts them."""
        return self.array or self.tasks or self.indices

    @property
    def offers(self) -> dict[int, Offer]:
        """Its elements, by their numbers."""
        offered = itertools.starmap(Offer, zip(self.units, self.attempts, strict=True))
        return dict(zip(self.numbers, offered, strict=True))

    def unit(self, number: int) -> Unit:
        """The unit of this number: of a trial, or of a task."""
        return Unit(number) if self.tasks is None else Unit(self.indices[0], number)

    @property
    def legacy(self) -> bool:
        """Made by HyperHerd 0.1.3: its trials leave no notes, and nothing is known but its id."""
        return self.token.startswith(LEGACY)


def read(workspace: Workspace) -> list[Submission]:
    """All submissions, oldest first. Raises `DamagedFileError`."""
    nothing: list[Submission] = []
    records = json_files.read(workspace.job_ids, _decode, nothing)
    if not any(record.legacy and not record.name for record in records):
        return records
    name = _legacy_name(workspace)
    return [
        msgspec.structs.replace(record, name=name) if record.legacy and not record.name else record
        for record in records
    ]


def _legacy_name(workspace: Workspace) -> str:
    """The job name that HyperHerd 0.1.3 gave, as its script says; "" where there is none any more."""
    try:
        text = workspace.newest_script.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = re.search(r"^#SBATCH --job-name=(hyperherd_.*)$", text, re.MULTILINE)
    return found[1] if found else ""


def _decode(content: bytes) -> list[Submission]:
    return [decoded(record) for record in msgspec.json.decode(content, type=list[dict[str, Any]])]


def decoded(record: dict[str, Any]) -> Submission:
    """A record, also of a version before. Raises `msgspec.ValidationError`."""
    try:
        return _decoded_record(record)
    except (KeyError, TypeError) as error:
        raise msgspec.ValidationError(f"a submission lacks or garbles {error}") from error


def _decoded_record(record: dict[str, Any]) -> Submission:
    job = record.get("slurm_job_id")
    record = {**record, "slurm_job_id": None if job is None else str(job)}
    if (trial := record.pop("trial", None)) is not None:  # version 1 had the tasks as its indices
        record["tasks"] = record["indices"]
        record["indices"] = [trial] * len(record["tasks"])
    if "token" not in record:
        record["token"] = f"{LEGACY}{job}"
    submission = msgspec.convert(record, Submission)
    if not registers.is_token(submission.token.removeprefix(LEGACY)):
        raise msgspec.ValidationError(f"{submission.token!r:.80} is no token")
    if not submission.attempts:
        first = (0 if submission.legacy else 1,)
        submission = msgspec.structs.replace(submission, attempts=first * len(submission.indices))
    rows = (submission.attempts, submission.numbers, submission.tasks or submission.indices)
    if any(len(row) != len(submission.indices) for row in rows):
        raise msgspec.ValidationError(f"the lists of {submission.token} have different lengths")
    return submission


def write(workspace: Workspace, submissions: Sequence[Submission]) -> None:
    """Replace the file."""
    lines = b",\n".join(msgspec.json.encode(_stored(submission)) for submission in submissions)
    fsio.replace(workspace.job_ids, b"[\n" + lines + b"\n]\n", workspace.mode)


def _stored(submission: Submission) -> Submission | dict[str, Any]:
    """One of version 1 stays as that has written it, which may read it yet."""
    if submission.tasks is None or registers.generation_of(submission.token):
        return submission
    record: dict[str, Any] = msgspec.to_builtins(submission)
    trial, tasks = submission.indices[0], record.pop("tasks")
    return {**record, "indices": tasks, "trial": trial}


def keep(workspace: Workspace, submission: Submission) -> None:
    """Write a copy of the record beside the submission's script, which `kept` reads where `job_ids.json` is lost."""
    fsio.replace(_copy(workspace, submission.token), msgspec.json.encode(submission), 0o600)


def kept(workspace: Workspace, token: str) -> Submission | None:
    """The record as it was when the submission was made; None where there is no copy that can be read."""
    try:
        found = decoded(msgspec.json.decode(fsio.content(_copy(workspace, token)), type=dict[str, Any]))
    except (OSError, msgspec.ValidationError, msgspec.DecodeError):
        return None
    return found if found.token == token else None


def _copy(workspace: Workspace, token: str) -> Path:
    return workspace.files(token).script.with_suffix(".submission")


def note_decided(workspace: Workspace, decided: Sequence[Submission], lock: fsio.Lock) -> None:
    """Put what these submissions are, and their job ids, into the file; all else stays as others have left it."""
    by_token = {submission.token: submission for submission in decided}
    lock.check()
    current = read(workspace)
    write(workspace, [_decided(entry, by_token.get(entry.token, entry)) for entry in current])


def _decided(entry: Submission, now: Submission) -> Submission:
    return msgspec.structs.replace(entry, state=now.state, slurm_job_id=now.slurm_job_id)


def note_stopped(workspace: Workspace, stopped: Mapping[str, Sequence[int]], lock: fsio.Lock) -> None:
    """Put it into the file that the user has stopped these trials, token -> indices."""
    lock.check()
    write(workspace, [_stopped(entry, stopped.get(entry.token, ())) for entry in read(workspace)])


def _stopped(entry: Submission, indices: Sequence[int]) -> Submission:
    return msgspec.structs.replace(entry, stopped=tuple(sorted({*entry.stopped, *indices})))


def original(workspace: Workspace, submission: Submission) -> Path | None:
    """The workspace whose submission it is, where this one is but its copy; None where it is ours (a moved one too).

    Raises `DamagedFileError`, `WorkspaceError` where that one cannot be read.
    """
    made_in = Path(submission.root or workspace.root)
    if not made_in.is_dir() or made_in.samefile(workspace.root):
        return None
    there = read(Workspace(made_in))
    return made_in if any(entry.token == submission.token for entry in there) else None


def settle(workspace: Workspace, token: str, owner: str) -> str:
    """Make ``owner`` (a job id, or `VOID`) what the submission is, unless that is decided; return the decision."""
    return registers.settle(workspace.files(token).register, owner)


def settled(workspace: Workspace, token: str) -> str | None:
    """What has been decided about the submission: a job id, `VOID`, or None where nothing has."""
    return registers.settled(workspace.files(token).register)


def job(
    workspace: Workspace,
    submission: Submission,
    elements: Collection[int] | None = None,
    *,
    files: Files | None = None,
) -> Job:
    """The submission as its launcher knows it, with all of its elements or these. ``files``: None for a sweep's."""
    offers = submission.offers
    if elements is not None:
        offers = {number: offer for number, offer in offers.items() if number in elements}
    return Job(
        token=submission.token,
        name=submission.name,
        job_id=submission.slurm_job_id,
        where=submission.where,
        submitted_at=submission.submitted_at,
        files=files or workspace.files(submission.token),
        offers=offers,
    )
