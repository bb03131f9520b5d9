"""scancel (man page of 22.05): ask for the end of jobs, or send them a signal."""

import os
import sys
import time

from fakeslurm import selection, words
from fakeslurm.argv import NONE, OPTIONAL, REQUIRED, Table
from fakeslurm.program import Refused

_TABLE = Table(
    "scancel",
    {
        **dict.fromkeys("account clusters jobname name nodelist partition qos reservation signal state user wckey".split(), REQUIRED),
        **dict.fromkeys("batch ctld full help hurry interactive me quiet sibling usage verbose version".split(), NONE),
        "cron": OPTIONAL,
    },
    {
        "A": "account", "b": "batch", "f": "full", "H": "hurry", "i": "interactive", "M": "clusters", "n": "name", "p": "partition", "Q": "quiet",
        "q": "qos", "R": "reservation", "s": "signal", "t": "state", "u": "user", "v": "verbose", "V": "version", "w": "nodelist",
    },
)  # fmt: skip


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
        raise Refused("scancel: error: No job identification provided")
    for word in ids:
        if not selection.is_id(word):
            raise Refused(f"scancel: error: Invalid job id {word}")
    number = _signal(told)
    worst = 0
    with store:
        for word in ids or [str(job_id) for job_id in store.job_ids()]:
            worst = max(worst, _cancel(store, told, word, number, bool(ids)))
        store.wake()
    return worst


def _signal(told):
    """The number, None for the usual end."""
    if "signal" not in told:
        return None
    number = words.signal_number(told["signal"])
    if number is None:
        raise Refused(f"scancel: error: Unknown job signal: {told['signal']}")
    return number


def _cancel(store, told, word, number, named):
    """The exit code for one word."""
    refusal = store.knobs["scancel"]["refuse"].get(word)
    if refusal:
        return _complain(word, refusal)
    if not selection.known(store, word):
        return _complain(word, "Invalid job id specified") if named else 0
    live = [
        pair
        for pair in selection.touched(store, word)
        if pair[1]["state"] in ("PENDING", "RUNNING") and _wanted(store, told, *pair)
    ]
    for job, row in live:
        if number is not None and number != 9:
            _deliver(store, told, job, row, number)
        else:
            cancel(store, job, row, os.getuid(), hard=number == 9)
    ended = not live and named and not set(told) - {"quiet", "verbose", "ctld"}
    return _complain(word, "Job/step already completing or completed", 0, told) if ended else 0


def _complain(word, words_told, code=1, told=("verbose",)):
    if "verbose" in told:
        sys.stderr.write(f"scancel: error: Kill job error on job id {word}: {words_told}\n")
    return code


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
