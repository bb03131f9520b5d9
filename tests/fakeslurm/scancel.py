"""scancel (man page of 22.05): ask for the end of jobs, or send them a signal."""

import os
import sys
import time

from fakeslurm import arrays, selection, words
from fakeslurm.argv import Table
from fakeslurm.program import RefusedError

_TABLE = Table(
    "scancel",
    required="""
        account clusters jobname name nodelist partition qos reservation signal state user wckey
    """,
    none="""
        batch ctld full help hurry interactive me quiet sibling usage verbose version
    """,
    optional="""
        cron
    """,
    shorts="""
        A=account b=batch f=full H=hurry i=interactive M=clusters n=name p=partition Q=quiet q=qos R=reservation
        s=signal t=state u=user v=verbose V=version w=nodelist
    """,
)


def main(store, argv):
    given, ids = _TABLE.parse(argv, anywhere=True)
    told = dict(given)
    if "version" in told:
        print("slurm-wlm 22.05.8")
        return 0
    ids = [word for text in ids for word in selection.split_list(text)]
    filters = set(told) & {
        "account",
        "jobname",
        "name",
        "partition",
        "qos",
        "state",
        "user",
        "me",
        "nodelist",
    }
    if not ids and not filters:
        raise RefusedError("scancel: error: No job identification provided")
    for word in ids:
        if not selection.is_id(word):
            raise RefusedError(f"scancel: error: Invalid job id {word}")
    number = _signal(told)
    with store:
        named = ids or [str(job_id) for job_id in store.job_ids()]
        codes = [_cancel(store, told, word, number, bool(filters)) for word in named]
        store.wake()
    return max(codes) if ids else 0


def _signal(told):
    """The number, None for the usual end."""
    if "signal" not in told:
        return None
    number = words.signal_number(told["signal"])
    if number is None:
        raise RefusedError(f"scancel: error: Unknown job signal: {told['signal']}")
    return number


def _cancel(store, told, word, number, filtered):
    """The exit code for one word. What is not there or has ended is no fault, but with a filter it is (seen)."""
    refusal = store.knobs["scancel"]["refuse"].get(word)
    if refusal:
        return _complain(word, refusal)
    pairs = [
        (job, row)
        for job, row in store.all(("live",))
        if not row["hidden"] and selection.matches(word, job, row)
    ]
    if not pairs:
        return _complain(word, "Invalid job id specified") if filtered and word.isdigit() else 0
    for job, row in pairs:
        if not _wanted(store, told, job, row):
            continue
        if number is not None and number != 9:
            _deliver(store, told, job, row, number)
        elif isinstance(row["task"], str) and "_" in word and not filtered:
            _drop(store, job, row, word)
        else:
            cancel(store, job, row, os.getuid(), hard=number == 9)
    return 0


def _complain(word, words_told):
    sys.stderr.write(f"scancel: error: Kill job error on job id {word}: {words_told}\n")
    return 1


def _drop(store, job, row, word):
    """Elements that wait leave their array without a trace (seen); the last ones are cancelled as what is left of it.

    With a filter Slurm cancels all that waits instead (seen), see `_cancel`.
    """
    gone = set(selection.tasks_of(word))
    left = [index for index in selection.indices_of(row) if index not in gone]
    if not left:
        cancel(store, job, row, os.getuid())
        return
    job["dropped"] = sorted({*job.get("dropped", []), *(set(selection.indices_of(row)) - set(left))})
    row["task"] = arrays.fold(left)
    store.save_job(job)
    store.save(job, row)


def _wanted(store, told, job, row):
    user = store.knobs["user"] or os.environ.get("USER", "root") if "me" in told else told.get("user")
    pairs = (
        (user, (job["user"], str(job["uid"]))),
        (told.get("name") or told.get("jobname"), (job["name"],)),
        (told.get("partition"), (job["partition"],)),
        (told.get("account"), (job["account"],)),
        (told.get("qos"), (job["qos"],)),
    )
    if any(text and not set(text.split(",")) & set(values) for text, values in pairs):
        return False
    return "state" not in told or row["state"] == words.state_word(told["state"])


def _deliver(store, told, job, row, number):
    """A signal goes to the job's steps; to the script only with --batch (its shell) or --full (all of it)."""
    if row["state"] == "RUNNING" and ("batch" in told or "full" in told):
        row["deliver"].append([number, "all" if "full" in told else "shell"])
        store.save(job, row)


def cancel(store, job, row, uid, hard=False):
    """What waits is over at once; what runs gets a request."""
    if row["state"] == "PENDING":
        row.update(state="CANCELLED", end=time.time(), by=uid)
        if row["history"]:
            row["start"] = 0
    elif not row["request"]:
        row["request"] = {"kind": "cancel", "by": uid, "hard": hard}
    store.save(job, row)
