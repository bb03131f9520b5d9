"""squeue (man page of 22.05): what waits, runs, or has just ended."""

import os
import sys
import time

from fakeslurm import arrays, resources, selection, words
from fakeslurm.argv import Table
from fakeslurm.program import RefusedError

_TABLE = Table(
    "squeue",
    required="""
        account clusters Format format iterate jobs licenses name node nodelist nodes partition prio priority
        qos reservation sort start-time states step steps user users
    """,
    none="""
        array array-unique all federation help hide local long me noconvert noheader sibling start usage verbose
        version
    """,
    optional="""
        json yaml
    """,
    shorts="""
        A=account a=all i=iterate j=jobs l=long L=licenses M=clusters h=noheader n=name o=format O=Format
        p=partition P=priority q=qos R=reservation r=array s=steps S=sort t=states u=user v=verbose V=version
        w=nodelist
    """,
)

_DEFAULT = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R"
_LONG = "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R"

_HEADERS = {
    "A": "JOBID", "a": "ACCOUNT", "b": "TRES_PER_NODE", "C": "CPUS", "D": "NODES", "e": "END_TIME",
    "E": "DEPENDENCY", "F": "ARRAY_JOB_ID", "i": "JOBID", "j": "NAME", "k": "COMMENT", "K": "ARRAY_TASK_ID",
    "l": "TIME_LIMIT", "L": "TIME_LEFT", "m": "MIN_MEMORY", "M": "TIME", "N": "NODELIST", "o": "COMMAND",
    "p": "PRIORITY", "P": "PARTITION", "q": "QOS", "Q": "PRIORITY", "r": "REASON", "R": "NODELIST(REASON)",
    "S": "START_TIME", "t": "ST", "T": "STATE", "u": "USER", "U": "UID", "V": "SUBMIT_TIME", "y": "NICE",
    "Z": "WORK_DIR",
}  # fmt: skip

_LONG_NAMES = {
    "jobid": "A", "jobarrayid": "F", "arrayjobid": "F", "arraytaskid": "K", "state": "T", "statecompact": "t",
    "reason": "r", "reasonlist": "R", "name": "j", "comment": "k", "command": "o", "username": "u", "userid": "U",
    "partition": "P", "nodelist": "N", "starttime": "S", "submittime": "V", "endtime": "e", "timeused": "M",
    "timelimit": "l", "timeleft": "L", "account": "a", "qos": "q", "workdir": "Z", "numnodes": "D", "numcpus": "C",
    "tres-per-node": "b", "prioritylong": "Q", "dependency": "E", "minmemory": "m", "cluster": "cluster",
    "restartcnt": "restarts", "exit_code": "exit", "stdout": "stdout", "stderr": "stderr",
}  # fmt: skip
_LONG_HEADERS = {
    "cluster": "CLUSTER", "restarts": "RESTART_COUNT", "exit": "EXIT_CODE", "stdout": "STDOUT", "stderr": "STDERR",
    "F": "ARRAY_JOB_ID",
}  # fmt: skip


def main(store, argv):
    given, _ = _TABLE.parse(argv, anywhere=True)
    told = dict(given)
    if "version" in told:
        print("slurm-wlm 22.05.8")
        return 0
    columns = _columns(told)
    now = time.time()
    with store:
        pairs = store.all() if told.get("states") or told.get("jobs") else store.all(("live",))
    rows = [_as_told(store, job, row) for job, row in pairs]
    rows = [pair for pair in rows if _visible(store, *pair, now)]
    asked = selection.split_list(told.get("jobs") or "")
    _refuse_unknown(asked, rows)
    rows = [pair for pair in rows if _wanted(store, told, asked, *pair)]
    if "array" in told or "array-unique" in told:
        rows = [single for pair in rows for single in _unfolded(*pair, asked)]
    rows.sort(key=lambda pair: (pair[0]["partition"], pair[1]["state"] != "PENDING", pair[0]["id"]))
    lines = [] if "noheader" in told else ["".join(_header(column) for column in columns).rstrip("\n")]
    lines += ["".join(_cell(store, column, job, row, now) for column in columns) for job, row in rows]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def _as_told(store, job, row):
    """The record with the state that a knob makes up."""
    told = store.knobs["squeue"]["states"]
    word = told.get(selection.name(job, row)) or told.get(str(row["raw"]))
    return (job, {**row, "state": word}) if word else (job, row)


def _visible(store, job, row, now):
    if row["hidden"] or row["task"] == "" or selection.any_matches(store.knobs["squeue"]["hide"], job, row):
        return False
    return not row["end"] or now - row["end"] < store.knobs["min_job_age_s"]


def _refuse_unknown(asked, rows):
    for word in asked:
        if not selection.is_id(word):
            raise RefusedError(f"squeue: error: Invalid job id: {word}")
    if len(asked) == 1:
        number = asked[0].partition("_")[0]
        if not any(selection.matches(number, job, row) for job, row in rows):
            raise RefusedError("slurm_load_jobs error: Invalid job id specified")


def _wanted(store, told, asked, job, row):
    states = told.get("states", "").upper()
    if states != "ALL":
        wanted = [words.state_word(word) for word in states.split(",")] if states else words.LIVE
        if None in wanted:
            raise RefusedError(f"squeue: error: Invalid job state specified: {told['states']}")
        if row["state"] not in wanted:
            return False
    users = told.get("user") or told.get("users")
    if "me" in told:
        users = store.knobs["user"] or os.environ.get("USER", "root")
    pairs = (
        (users, (job["user"], str(job["uid"]))),
        (told.get("name"), (job["name"],)),
        (told.get("partition"), tuple(job["partition"].split(","))),
        (told.get("account"), (job["account"],)),
        (told.get("qos"), (job["qos"],)),
    )
    if any(text and not set(text.split(",")) & set(values) for text, values in pairs):
        return False
    return not asked or selection.any_matches(asked, job, row)


def _unfolded(job, row, asked):
    """One row for each waiting element; of the named ones only where elements are named."""
    if not isinstance(row["task"], str) or _over(row):
        return [(job, row)]
    singles = [(job, {**row, "task": task}) for task in selection.indices_of(row)]
    return [pair for pair in singles if not asked or selection.any_matches(asked, *pair)]


def _over(row):
    """Elements that were cancelled while they waited: one record without indices (seen)."""
    return isinstance(row["task"], str) and row["state"] != "PENDING"


def _columns(told):
    """[(field, width or None, to the right, the text before it)] and at the end the text behind, as a field None."""
    if "Format" in told:
        return _long_columns(told["Format"])
    text = told.get("format") or os.environ.get("SQUEUE_FORMAT") or (_LONG if "long" in told else _DEFAULT)
    columns, before, letters = [], "", iter(text)
    for letter in letters:
        if letter != "%":
            before += letter
            continue
        right, digits, field = False, "", next(letters, "")
        if field == ".":
            right, field = True, next(letters, "")
        while field.isdigit():
            digits, field = digits + field, next(letters, "")
        if field not in _HEADERS:
            sys.stderr.write(f"squeue: error: Invalid job format specification: {field}\n")
            continue
        columns.append((field, int(digits) if digits else None, right, before))
        before = ""
    return [*columns, (None, None, False, before)] if before else columns


def _long_columns(text):
    columns = []
    for part in text.split(","):
        name, _, size = part.partition(":")
        if name.lower() not in _LONG_NAMES:
            raise RefusedError(f"squeue: error: Invalid job format specification: {name}")
        right = size.startswith(".")
        digits = "".join(letter for letter in size if letter.isdigit())
        columns.append((_LONG_NAMES[name.lower()], int(digits) if digits else 20, right, ""))
    return columns


def _header(column):
    field, width, right, before = column
    if field is None:
        return before
    return before + _fit(_HEADERS.get(field) or _LONG_HEADERS[field], width, right)


def _fit(text, width, right):
    if width is None:
        return text
    text = text[:width]
    return text.rjust(width) if right else text.ljust(width)


def _cell(store, column, job, row, now):
    field, width, right, before = column
    if field is None:
        return before
    return before + _fit(str(_VALUES[field](store, job, row, now)), width, right)


def _bitstr():
    longest = os.environ.get("SLURM_BITSTR_LEN", "")
    return int(longest) if longest.isdigit() else 64


def _task(_store, job, row, _now):
    if row["task"] is None or _over(row):
        return "N/A"
    return (
        row["task"]
        if isinstance(row["task"], int)
        else arrays.shown(selection.indices_of(row), job["throttle"], _bitstr())
    )


def _id(_store, job, row, _now):
    """``10_3``; a long ``10_[...]`` is cut at 31 bytes without a sign (seen)."""
    return str(job["id"]) if _over(row) else selection.name(job, row, longest=_bitstr())[:31]


def _used(_store, _job, row, now):
    return words.span((row["end"] or now) - row["start"]) if row["start"] else "0:00"


def _left(store, job, row, now):
    if job["time_limit"] is None:
        return "UNLIMITED"
    return words.span(job["time_limit"] * 60 - ((row["end"] or now) - row["start"] if row["start"] else 0))


def _limit(_store, job, _row, _now):
    return "UNLIMITED" if job["time_limit"] is None else words.span(job["time_limit"] * 60)


def _starts(_store, _job, row, _now):
    return words.moment(row["start"] or row["end"] or row["begin"])


def _ends(store, job, row, _now):
    planned = (
        row["begin"] + (job["time_limit"] or 0) * 60 if row["begin"] and not row["start"] else row["end_at"]
    )
    return words.moment(row["end"] or planned)


def _gres(_store, job, _row, _now):
    return ",".join(f"gres:{part}" for part in job["gres"].split(",") if part) or "N/A"


def _place_or_reason(_store, _job, row, _now):
    return row["node"] if row["state"] != "PENDING" and row["node"] else f"({row['reason']})"


def _log(which):
    def path(_store, job, row, _now):
        from fakeslurm import environment

        return environment.output_path(job[which] or job["out"], job, row)

    return path


def _whose(store, words_of_it):
    return "(null)" if store.knobs["hides_whose"] or not words_of_it else words_of_it


_VALUES = {
    "A": lambda s, job, row, now: row["raw"],
    "a": lambda s, job, row, now: job["account"],
    "b": _gres,
    "C": lambda s, job, row, now: resources.cpus(job),
    "D": lambda s, job, row, now: job["nodes"],
    "e": _ends,
    "E": lambda s, job, row, now: job["dependency"] or "(null)",
    "F": lambda s, job, row, now: job["id"],
    "i": _id,
    "j": lambda s, job, row, now: _whose(s, job["name"]),
    "k": lambda s, job, row, now: _whose(s, job["comment"]),
    "K": _task,
    "l": _limit,
    "L": _left,
    "m": lambda s, job, row, now: words.memory(resources.memory_mb(job)),
    "M": _used,
    "N": lambda s, job, row, now: row["node"],
    "o": lambda s, job, row, now: _whose(s, " ".join([job["command"], *job["args"]])),
    "p": lambda s, job, row, now: f"{0 if row['held'] else job['priority'] / 2**32:.14f}",
    "P": lambda s, job, row, now: job["partition"],
    "q": lambda s, job, row, now: job["qos"],
    "Q": lambda s, job, row, now: 0 if row["held"] else job["priority"],
    "r": lambda s, job, row, now: row["reason"],
    "R": _place_or_reason,
    "S": _starts,
    "t": lambda s, job, row, now: words.COMPACT[row["state"]],
    "T": lambda s, job, row, now: row["state"],
    "u": lambda s, job, row, now: job["user"],
    "U": lambda s, job, row, now: job["uid"],
    "V": lambda s, job, row, now: words.moment(row["submit"]),
    "y": lambda s, job, row, now: 0,
    "Z": lambda s, job, row, now: job["work_dir"],
    "cluster": lambda s, job, row, now: s.knobs["cluster"],
    "restarts": lambda s, job, row, now: row["restarts"],
    "exit": lambda s, job, row, now: row["exit"],
    "stdout": _log("out"),
    "stderr": _log("err"),
}
