"""Slurm's commands.

Nothing but this module calls them. Each has a time limit; a failed answer is an error.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from hyperherd import units
from hyperherd.attempts.variables import SLURM_TIMEOUT_S
from hyperherd.connectors.connector import Completed, Connector
from hyperherd.connectors.local import LocalConnector
from hyperherd.errors import (
    CommandNotFoundError,
    CommandTimeoutError,
    LauncherError,
    SchedulerSilentError,
    SubmissionRefusedError,
    SubmissionUnknownError,
)
from hyperherd.launchers.slurm import parse, site
from hyperherd.launchers.slurm.option_table import ENVIRONMENT_OF, SET_BY_HERD

_ASK_S = 30.0
_SUBMIT_S = 60.0
_TRY_S = 10.0
"""For an answer that a run can do without."""

_OUR_OUTPUT = {
    "LC_ALL": "C",
    "SLURM_TIME_FORMAT": "%s",
    # 0: array expressions are printed whole, however long (man squeue).
    "SLURM_BITSTR_LEN": "0",
}


@dataclass(frozen=True)
class Client:
    """``environment`` is what the commands are run with, on the machine of ``connector``; time limits in seconds.
    ``binpath`` is the folder that they are in; "" for PATH.
    """

    environment: Mapping[str, str]
    ask_s: float = _ASK_S
    submit_s: float = _SUBMIT_S
    connector: Connector = field(default_factory=LocalConnector.instance)
    binpath: str = ""

    def __getstate__(self) -> dict[str, Any]:
        """Of this process's own environment nothing: whoever reads it has another one."""
        own = {"environment": None} if self.environment is os.environ else {}
        return {**vars(self), **own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if state["environment"] is None:
            vars(self)["environment"] = os.environ

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] | None = None) -> Client:
        """The client of this environment; `SLURM_TIMEOUT_S` replaces both limits.

        None is this process's own, as it is when a command is run.
        """
        given = os.environ if environment is None else environment
        text = given.get(SLURM_TIMEOUT_S)
        if not text:
            return cls(given)
        limit_s = units.positive(text)
        if limit_s is None:
            raise LauncherError(
                f"{SLURM_TIMEOUT_S}={text}: a number of seconds above 0 expected",
                hint=f"unset {SLURM_TIMEOUT_S}",
            )
        return cls(given, limit_s, limit_s)

    def sbatch(self, script: Path, arguments: Sequence[str], *, cwd: Path, options: Iterable[str]) -> str:
        """Submit a script and return the job's id.

        ``options`` are those that the script sets: the environment's defaults (``SBATCH_*``) would overrule
        them and are left out; others hold. Raises `SubmissionRefusedError` or `SubmissionUnknownError`.
        """
        argv = [self._program("sbatch"), "--parsable", *arguments, str(script)]
        environment = submission_environment(self.environment, options)
        try:
            done = self.connector.run(argv, timeout_s=self.submit_s, cwd=cwd, env=environment)
        except CommandNotFoundError as error:
            raise SubmissionRefusedError(error.what, hint=_NOT_THERE) from error
        except CommandTimeoutError as error:
            raise SubmissionUnknownError(
                error.what, hint="'herd status' will find the job if it appears"
            ) from error
        if done.code < 0:
            raise SubmissionUnknownError(f"sbatch was ended by signal {-done.code}{_words(done)}")
        if done.code and _MAYBE_RECEIVED.search(done.stderr):
            raise SubmissionUnknownError(f"sbatch got no answer{_words(done)}")
        if done.code:
            raise SubmissionRefusedError(f"sbatch refused{_words(done)}")
        job_id = parse.submitted_id(done.stdout)
        if job_id is None:
            raise SubmissionUnknownError(f"sbatch succeeded and named no job{_words(done)}")
        return job_id

    def test_only(self, arguments: Sequence[str], *, cwd: Path, options: Iterable[str]) -> parse.Tried:
        """What sbatch would do with such a job; nothing is submitted, but it takes the number of a job."""
        argv = ["sbatch", "--test-only", *arguments, f"--output={os.devnull}", "--wrap=true"]
        environment = {**submission_environment(self.environment, options), **_OUR_OUTPUT}
        try:
            done = self.connector.run(argv, timeout_s=min(self.ask_s, _TRY_S), cwd=cwd, env=environment)
        except (CommandNotFoundError, CommandTimeoutError) as error:
            return parse.Tried(parse.Verdict.SILENT, error.what)
        return parse.tried(done.code, done.stderr)

    def squeue(self, fields: str, *, user: int | None, job_ids: Sequence[str] = ()) -> str:
        """All rows of a user's jobs, or of some jobs, also of those that ended a short while ago.

        Arrays stay folded. Jobs that Slurm has forgotten have no row.
        """
        argv = ["squeue", "--noheader", "--all", "--states=all", f"--format={fields}"]
        argv += [f"--user={user}"] if user is not None else []
        argv += [f"--jobs={','.join(job_ids)}"] if job_ids else []
        done = self._run(argv)
        if done.code and "Invalid job id" in done.stderr:
            return ""
        return _answer(done)

    def sacct(self, fields: Sequence[str], *, job_ids: Sequence[str], since: float, steps: bool) -> str:
        """All attempts of some jobs (the newest only, with steps, where ``steps``) since a point in time. A last field
        that is ``SubmitLine`` is left out where Slurm is older (21.08 has it).
        """
        start = datetime.fromtimestamp(since).strftime("%Y-%m-%dT%H:%M:%S")
        argv = ["sacct", "--noheader", "--parsable2", "--noconvert", f"--starttime={start}"]
        argv += [f"--jobs={','.join(job_ids)}"]
        argv += [] if steps else ["--allocations", "--duplicates"]
        done = self._run([*argv, f"--format={','.join(fields)}"])
        if done.code and re.search(r"Invalid field requested: .*SubmitLine", done.stderr):
            done = self._run([*argv, f"--format={','.join(fields[:-1])}"])
            return _answer(done).replace("\n", "|\n")
        return _answer(done)

    def scancel(self, word: str, *, signal: str = "") -> Completed:
        """Cancel a job, or elements such as ``12_[1-4]``; or send the batch shell a signal."""
        return self._run(["scancel", *([f"--signal={signal}", "--batch"] if signal else []), word])

    def may_be_requeued(self, job_id: str) -> bool:
        """Whether a job can be queued again (``Requeue=0``: then scontrol requeue would be refused)."""
        return " Requeue=0 " not in _answer(self._run(["scontrol", "--oneliner", "show", "job", job_id]))

    def begin_soon(self, word: str) -> Completed:
        """Let a job that was queued again begin in some seconds; its owner may ask so.

        In the very second in which its attempt before has ended, a node takes it for that one, and it fails (seen).
        """
        return self._run(["scontrol", "update", f"JobId={word}", "StartTime=now+5"])

    def cluster(self) -> str:
        """The cluster's name: slurm.conf's where it can be read (this asks nobody), else the controller's."""
        path = Path(self.environment.get("SLURM_CONF", "/etc/slurm/slurm.conf"))
        if path.is_file() and os.access(path, os.R_OK):
            name = parse.cluster_name(path.read_text(encoding="utf-8", errors="surrogateescape"))
            if name:
                return name
        return self.config().get("ClusterName", "")

    def config(self) -> dict[str, str]:
        """The cluster's settings."""
        return parse.settings(_answer(self._run(["scontrol", "show", "config"])))

    def partitions(self) -> tuple[site.Partition, ...]:
        """All partitions, hidden ones too."""
        return site.partitions(self._show("partition"))

    def nodes(self) -> tuple[site.Node, ...]:
        """All nodes."""
        return site.nodes(self._show("node"))

    def associations(self, user: str, cluster: str) -> tuple[site.Association, ...]:
        """What a user may charge."""
        return site.associations(self._associations(user, cluster))

    def qos(self) -> tuple[site.Qos, ...]:
        """All QOS."""
        return site.all_qos(self._qos())

    def survey(self, user: str, groups: Collection[str]) -> site.Site:
        """The whole cluster as a user sees it. Raises `SchedulerSilentError`; a silent accounting is a part of it."""
        answers = {
            "config": _answer(self._run(["scontrol", "show", "config"])),
            "partitions": self._show("partition"),
            "nodes": self._show("node"),
        }
        cluster = parse.settings(answers["config"]).get("ClusterName", "")
        # The accounting may be off, down or closed to users while the controller answers.
        with contextlib.suppress(SchedulerSilentError):
            answers["associations"] = self._associations(user, cluster)
            answers["user"] = self._accounting("user", f"name={user}", "format=user,defaultaccount")
            answers["qos"] = self._qos()
        return site.site(answers, user=user, groups=groups)

    def _show(self, what: str) -> str:
        return _answer(self._run(["scontrol", "--all", "--oneliner", "show", what]))

    def _associations(self, user: str, cluster: str) -> str:
        named = (f"user={user}", f"cluster={cluster}")
        return self._accounting("assoc", *named, f"format={site.ASSOCIATION_FIELDS}")

    def _qos(self) -> str:
        return self._accounting("qos", f"format={site.QOS_FIELDS}")

    def _accounting(self, *words: str) -> str:
        return _answer(self._run(["sacctmgr", "--noheader", "--parsable2", "--readonly", "show", *words]))

    def _program(self, name: str) -> str:
        return os.path.join(self.binpath, name)

    def _run(self, argv: Sequence[str]) -> Completed:
        environment = question_environment(self.environment)
        argv = [self._program(argv[0]), *argv[1:]]
        try:
            return self.connector.run(argv, timeout_s=self.ask_s, env=environment)
        except CommandNotFoundError as error:
            raise SchedulerSilentError(error.what, hint=_NOT_THERE) from error
        except CommandTimeoutError as error:
            raise SchedulerSilentError(error.what, hint="nothing was changed; try again later") from error


_MAYBE_RECEIVED = re.compile(r"timed out|Zero Bytes|Connection reset|Unexpected message", re.IGNORECASE)
"""Of sbatch's failures those after which the job may have been taken all the same (slurm_errno.h)."""

_NOT_THERE = "Slurm's commands are not on PATH; 'herd run --on local' runs the trials on this machine"


def question_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Without what would change the form or choice of rows; with what makes times and arrays readable."""
    unwanted = ("SQUEUE_", "SACCT_", "SCANCEL_", "SINFO_", "SLURM_CLUSTERS")
    kept = {name: value for name, value in environment.items() if not name.startswith(unwanted)}
    return {**kept, **_OUR_OUTPUT}


def submission_environment(environment: Mapping[str, str], options: Iterable[str]) -> dict[str, str]:
    """What sbatch, and through ``--export=ALL`` the trial, gets.

    Variables of an allocation that herd itself may run in are left out: some would hold in the trial
    (``SLURM_CPUS_PER_TASK``), where nothing asked for them.
    """
    dropped = set(SET_BY_HERD)
    for option in options:
        dropped |= ENVIRONMENT_OF.get(option, frozenset({option.upper()}))
    return {
        name: value
        for name, value in environment.items()
        if not (name.startswith("SBATCH_") and name.removeprefix("SBATCH_") in dropped)
        and (name == "SLURM_CONF" or not name.startswith(("SLURM_", "SLURMD_")))
    }


def _answer(done: Completed) -> str:
    if done.code:
        raise SchedulerSilentError(
            f"{done.argv[0]} failed{_words(done)}", hint="nothing was changed; try again later"
        )
    return done.stdout


def _words(done: Completed) -> str:
    said = (done.stderr.strip() or done.stdout.strip()).replace("\n", "\n  ")
    return f": {said}" if said else f" (exit {done.code}) and said nothing"
