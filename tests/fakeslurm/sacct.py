"""sacct (man page of 22.05): what the accounting knows, as late as the knobs say."""

import os
import sys
import time

from fakeslurm import resources, selection, words
from fakeslurm.argv import Table
from fakeslurm.program import RefusedError

_TABLE = Table(
    "sacct",
    required="""
        accounts associations clusters constraints cluster delimiter endtime file flags format gid group jobs
        name ncpus nnodes nodelist partition qos reason starttime state timelimit-min timelimit-max uid units
        user wckeys
    """,
    none="""
        helpformat allocations allusers allclusters array batch-script brief completion duplicates env-vars
        federation help local long noconvert noheader parsable parsable2 truncate usage use-local-uid verbose
        version whole-hetjob
    """,
    optional="""
        json yaml
    """,
    shorts="""
        A=accounts a=allusers B=batch-script b=brief C=constraints c=completion D=duplicates E=endtime
        e=helpformat f=file F=flags g=gid h=help i=nnodes I=ncpus j=jobs k=timelimit-min K=timelimit-max
        L=allclusters l=long M=clusters N=nodelist n=noheader o=format p=parsable P=parsable2 q=qos r=partition
        R=reason s=state S=starttime T=truncate u=uid U=use-local-uid V=version v=verbose W=wckeys X=allocations
        x=associations
    """,
)

_DEFAULT = "JobID,JobName,Partition,Account,AllocCPUS,State,ExitCode"

_WIDTHS = {
    "JobID": -12, "JobIDRaw": -12, "JobName": 10, "Partition": 10, "Account": 10, "AllocCPUS": 10, "AllocTRES": 10,
    "AveRSS": 10, "Cluster": 10, "Comment": 14, "DerivedExitCode": 15, "Elapsed": 10, "ElapsedRaw": 10,
    "Eligible": 19, "End": 19, "ExitCode": 8, "JobState": 10, "MaxRSS": 10, "NCPUS": 10, "NNodes": 8,
    "NodeList": 15, "Priority": 10, "QOS": 10, "Reason": 22, "ReqCPUS": 8, "ReqMem": 10, "ReqTRES": 10,
    "Restarts": 8, "Start": 19, "State": 10, "Submit": 19, "SubmitLine": 20, "Timelimit": 10, "TotalCPU": 10,
    "UID": 6, "User": 9, "WorkDir": 20,
}  # fmt: skip
_NAMES = {name.lower(): name for name in _WIDTHS}


def main(store, argv):
    knobs = store.knobs["sacct"]
    if knobs["off"]:
        raise RefusedError("Slurm accounting storage is disabled")
    given, _ = _TABLE.parse(argv, anywhere=True)
    told = dict(given)
    if "version" in told:
        print("slurm-wlm 22.05.8")
        return 0
    fields = _fields(told)
    now = min(time.time() - knobs["lag_s"], knobs["frozen_at"] or float("inf"))
    with store:
        pairs = store.all()
    asked = selection.split_list(told.get("jobs") or "")
    rows = [
        (job, attempt)
        for job, row in pairs
        if not row["hidden"] and row["task"] != "" and not selection.any_matches(knobs["hide"], job, row)
        for attempt in _attempts(store, row, now, "duplicates" in told)
        if _wanted(store, told, asked, job, attempt)
    ]
    steps = "allocations" not in told
    values = [cells for job, row in rows for cells in _lines(store, job, row, now, steps)]
    sys.stdout.write(
        "".join(_line(told, fields, cells) + "\n" for cells in [*_heading(told, fields), *values])
    )
    return 0


def _fields(told):
    """[(name, width)]; a width behind ``%``, negative: to the left."""
    fields = []
    for part in (told.get("format") or os.environ.get("SACCT_FORMAT") or _DEFAULT).split(","):
        name, _, width = part.partition("%")
        if name.lower() not in _NAMES:
            raise RefusedError(f'sacct: error: Invalid field requested: "{name}"')
        name = _NAMES[name.lower()]
        fields.append((name, int(width) if width else _WIDTHS[name]))
    return fields


def _attempts(store, row, now, all_of_them):
    """The record's attempts as the accounting knew them at ``now``: the newest, or all, oldest first.

    An attempt that waits after a requeue is not there before it starts, unless the knob says so.
    """
    attempts = [{**row, **past} for past in row["history"]]
    heard = row["start"] or row["state"] == "CANCELLED" or store.knobs["sacct"]["knows_waiting"]
    if heard or not row["history"]:
        attempts.append(row)
    attempts = [_as_of(attempt, now) for attempt in attempts if attempt["submit"] <= now]
    # A bare raw id is another JobID to sacct: it does not hide the attempt before it.
    newest = 2 if attempts and _is_bare(store, attempts[-1]) else 1
    return attempts if all_of_them else attempts[-newest:]


def _as_of(row, now):
    """The record without what happened after ``now``."""
    if row["end"] and row["end"] > now:
        row = {
            **row,
            "end": 0,
            "exit": 0,
            "signal": 0,
            "by": None,
            "max_rss_kb": 0,
            "state": "RUNNING" if row["start"] else "PENDING",
        }
    if row["start"] and row["start"] > now:
        row = {**row, "start": 0, "state": "PENDING", "node": ""}
    return row


def _wanted(store, told, asked, job, row):
    if asked and not selection.any_matches([word.partition(".")[0] for word in asked], job, row):
        return False
    users = told.get("uid") or told.get("user") or ""
    mine = store.knobs["user"] or os.environ.get("USER", "root")
    if not users and "allusers" not in told and not asked and job["user"] != mine:
        return False
    pairs = (
        (users, (job["user"], str(job["uid"]))),
        (told.get("name"), (job["name"],)),
        (told.get("partition"), (job["partition"],)),
        (told.get("accounts"), (job["account"],)),
    )
    if any(text and not set(text.split(",")) & set(values) for text, values in pairs):
        return False
    if told.get("state") and row["state"] not in [
        words.state_word(word) for word in told["state"].split(",")
    ]:
        return False
    return _in_window(told, bool(asked), row)


def _in_window(told, asked, row):
    """-S and -E; without -S the window begins at midnight, or long ago where jobs are named."""
    now = time.time()
    start = (
        words.read_moment(told["starttime"], now)
        if "starttime" in told
        else 0
        if asked
        else words.read_moment("midnight", now)
    )
    until = words.read_moment(told["endtime"], now) if "endtime" in told else now
    return (not row["end"] or row["end"] >= int(start)) and int(row["submit"]) <= until


def _lines(store, job, row, now, steps):
    """The values of a job's line, and of its ``.batch`` step."""
    forced = store.knobs["sacct"]["states"]
    word = forced.get(selection.name(job, row)) or forced.get(str(row["raw"]))
    if word:
        row = {**row, "state": word}
    lines = [_allocation(store, job, row, now)]
    missed = row["end"] and selection.any_matches(store.knobs["sacct"]["missed_start"], job, row)
    if missed or _is_bare(store, row):
        bare = {
            "JobID": row["raw"],
            "JobName": "allocation",
            "SubmitLine": "",
            "Start": lines[0]["End"],
            "Reason": "None",
        }
        return [{**lines[0], **bare}]
    if steps and row["start"]:
        lines.append(_batch(store, job, row, lines[0]))
    return lines


def _is_bare(store, row):
    """Cancelled while it waited, and the accounting has the raw id alone."""
    over = row["state"] == "CANCELLED" and row["end"] and not row["start"]
    return over and not store.knobs["sacct"]["knows_waiting"]


def _allocation(store, job, row, now):
    elapsed = int((row["end"] or now) - row["start"]) if row["start"] else 0
    state = row["state"]
    if state == "CANCELLED" and row["by"] is not None:
        state = f"CANCELLED by {row['by']}"
    absent = "Unknown"
    memory = words.memory(resources.memory_mb(job))
    tres = _tres(job, memory)
    return {
        "JobID": selection.name(job, row, longest=0),
        "JobIDRaw": row["raw"],
        "JobName": "" if store.knobs["hides_whose"] else job["name"],
        "Partition": job["partition"],
        "Account": job["account"],
        "AllocCPUS": resources.cpus(job) if row["start"] else 0,
        "AllocTRES": tres if row["start"] else "",
        "AveRSS": "",
        "Cluster": store.knobs["cluster"],
        "Comment": job["comment"] if row["end"] and not store.knobs["hides_whose"] else "",
        "DerivedExitCode": "0:0",
        "Elapsed": words.span(elapsed, always_hours=True),
        "ElapsedRaw": elapsed,
        "Eligible": words.moment(row["begin"] or row["submit"], absent),
        "End": words.moment(row["end"], absent),
        "ExitCode": f"{row['exit']}:{row['signal']}",
        "MaxRSS": "",
        "NCPUS": resources.cpus(job),
        "NNodes": job["nodes"],
        "NodeList": row["node"] or "None assigned",
        "Priority": 0 if row["held"] else job["priority"],
        "QOS": job["qos"],
        "Reason": row["waited_for"] if row["start"] else row["reason"],
        "ReqCPUS": resources.cpus(job),
        "ReqMem": memory,
        "ReqTRES": tres,
        "Restarts": row["restarts"],
        "Start": words.moment(row["start"], "None" if row["end"] else absent),
        "State": state,
        "Submit": words.moment(row["submit"], absent),
        "SubmitLine": "" if store.knobs["hides_whose"] else job["submit_line"],
        "Timelimit": "UNLIMITED"
        if job["time_limit"] is None
        else words.span(job["time_limit"] * 60, always_hours=True),
        "TotalCPU": "00:00:00",
        "UID": job["uid"],
        "User": job["user"],
        "WorkDir": job["work_dir"],
    }


def _tres(job, memory):
    cpus = resources.cpus(job)
    gpus = f"gres/gpu={job['gpus']}," if job["gpus"] else ""
    return f"billing={cpus},cpu={cpus},{gpus}mem={memory},node={job['nodes']}"


def _batch(store, job, row, line):
    """The script's own step: it has the memory."""
    states = {
        "TIMEOUT": "CANCELLED",
        "PREEMPTED": "CANCELLED",
        "REQUEUED": "CANCELLED",
        "NODE_FAIL": "CANCELLED",
        "CANCELLED": "CANCELLED",
    }
    ended_by_slurm = row["state"] in states
    resident = f"{row['max_rss_kb']}K" if row["end"] else ""
    return {
        **line,
        "JobID": f"{line['JobID']}.batch",
        "JobIDRaw": f"{line['JobIDRaw']}.batch",
        "JobName": "batch",
        "Partition": "",
        "User": "",
        "UID": "",
        "QOS": "",
        "Timelimit": "",
        "Reason": "",
        "Priority": "",
        "WorkDir": "",
        "Comment": "",
        "SubmitLine": "",
        "ReqMem": "",
        "ReqTRES": "",
        "DerivedExitCode": "",
        "Submit": line["Start"],
        "Eligible": line["Start"],
        "AllocTRES": line["AllocTRES"].partition(",")[2],
        "State": states.get(row["state"], row["state"]),
        "ExitCode": "0:15" if ended_by_slurm else line["ExitCode"],
        "MaxRSS": resident,
        "AveRSS": resident,
    }


def _heading(told, fields):
    if "noheader" in told:
        return []
    titles = {name: name for name, _ in fields}
    if "parsable" in told or "parsable2" in told:
        return [titles]
    return [titles, {name: "-" * abs(width) for name, width in fields}]


def _line(told, fields, cells):
    if "parsable" in told or "parsable2" in told:
        text = (told.get("delimiter") or "|").join(str(cells[name]) for name, _ in fields)
        return text if "parsable2" in told else text + "|"
    return "".join(_cut(str(cells[name]), width) + " " for name, width in fields)


def _cut(text, width):
    if len(text) > abs(width):
        return text[: abs(width) - 1] + "+"
    return text.rjust(width) if width > 0 else text.ljust(-width)
