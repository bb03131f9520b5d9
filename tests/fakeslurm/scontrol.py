"""scontrol (man page of 22.05): show, update, hold, release, requeue, ping."""

import os
import sys
import time

from fakeslurm import blocks, ending, resources, selection, words
from fakeslurm.program import RefusedError, leave

_NOUNS = ("config", "job", "jobs", "partition", "partitions", "node", "nodes")


def main(store, argv):
    flags = [word for word in argv if word.startswith("-")]
    words_told = [word for word in argv if not word.startswith("-")]
    if "-V" in flags or "--version" in flags:
        print("slurm-wlm 22.05.8")
        return 0
    if not words_told:
        raise RefusedError("scontrol: error: the fake Slurm has no interactive scontrol")
    verb, *rest = words_told
    verbs = {
        "show": _show,
        "update": _update,
        "hold": _hold,
        "uhold": _hold,
        "release": _release,
        "requeue": _requeue,
        "ping": _ping,
        "reconfigure": _ping,
    }
    found = [known for known in verbs if known.startswith(verb.lower())]
    if len(found) != 1 and verb.lower() not in verbs:
        raise RefusedError(f"invalid keyword: {verb}")
    one_line = "-o" in flags or "--oneliner" in flags or "-o" in rest
    return verbs[verb.lower() if verb.lower() in verbs else found[0]](store, rest, one_line)


def _show(store, rest, one_line):
    noun, *names = rest or [""]
    noun = noun.lower()
    if "=" in noun:
        noun, _, name = noun.partition("=")
        names = [name]
    shows = {
        "config": _config,
        "job": _jobs,
        "jobs": _jobs,
        "jobid": _jobs,
        "partition": _partitions,
        "partitions": _partitions,
        "node": _nodes,
        "nodes": _nodes,
    }
    if noun not in shows:
        raise RefusedError(f"invalid entity:{noun} for keyword:show")
    for block in shows[noun](store, names):
        text = " ".join(line.lstrip() for line in block.splitlines()) if one_line else block
        sys.stdout.write(text + "\n")
    return 0


def _config(store, _names):
    """The recorded text of a real cluster with this one's values."""
    knobs = store.knobs
    size = knobs["max_script_size"]
    script_size = f",max_script_size={size}" if size != 4194304 else ""
    array_tasks = f",max_array_tasks={knobs['max_array_tasks']}" if knobs["max_array_tasks"] else ""
    values = {
        "AccountingStorageType": "accounting_storage/none"
        if knobs["sacct"]["off"]
        else "accounting_storage/slurmdbd",
        "ClusterName": knobs["cluster"],
        "KillWait": f"{knobs['kill_wait_s']} sec",
        "MaxArraySize": knobs["max_array_size"],
        "MaxJobCount": knobs["max_job_count"],
        "MinJobAge": f"{knobs['min_job_age_s']} sec",
        "SchedulerParameters": f"batch_sched_delay=1,sched_interval=1,bf_interval=1{script_size}{array_tasks}",
        "SLURM_CONF": store.path("slurm.conf"),
    }
    lines = [f"Configuration data as of {time.strftime('%Y-%m-%dT%H:%M:%S')}"]
    for line in _recorded("config.out")[1:]:
        name = line.partition("=")[0].strip()
        lines.append(f"{name:<23} = {values[name]}" if name in values else line)
    return ["\n".join(lines)]


def _recorded(name):
    """The lines that a real Slurm printed."""
    tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with open(os.path.join(tests, "recorded", "slurm-22.05", name), encoding="utf-8") as file:
        return file.read().splitlines()


def _jobs(store, names):
    with store:
        pairs = [pair for pair in store.all() if not pair[1]["hidden"] and pair[1]["task"] != ""]
    now = time.time()
    pairs = [
        (job, row) for job, row in pairs if not row["end"] or now - row["end"] < store.knobs["min_job_age_s"]
    ]
    if names:
        asked = selection.split_list(",".join(names))
        pairs = [(job, row) for job, row in pairs if selection.any_matches(asked, job, row)]
        if not pairs:
            raise RefusedError("slurm_load_jobs error: Invalid job id specified")
    elif not pairs:
        print("No jobs in the system")
    return [blocks.job(job, row) for job, row in pairs]


def _partitions(store, names):
    known = store.knobs["partitions"]
    if names and names[0] not in known:
        _not_found(f"Partition {names[0]} not found")
    return [blocks.partition(name, about) for name, about in known.items() if not names or name in names]


def _nodes(store, names):
    if names and names[0] not in resources.NODES:
        _not_found(f"Node {names[0]} not found")
    with store:
        running = [(job, row) for job, row in store.all(("live",)) if row["state"] == "RUNNING"]
    return [blocks.node(name, store.knobs, running) for name in names or resources.NODES]


def _not_found(complaint):
    """Said on stdout (seen)."""
    print(complaint)
    leave(1)


def _update(store, rest, _one_line):
    told = dict(part.partition("=")[::2] for part in rest)
    told = {name.lower(): value for name, value in told.items()}
    if "nodename" in told:
        return 0
    word = told.pop("jobid", told.pop("jobname", None))
    if word is None:
        raise RefusedError("No job identification provided" if told else "No changes specified")
    with store:
        _each(store, word, lambda job, row: _change(store, job, row, told))
        store.wake()
    return 0


def _each(store, words_told, change):
    for word in selection.split_list(words_told):
        found = selection.touched(store, word)
        if not found:
            raise RefusedError("slurm_update error: Invalid job id specified")
        for job, row in found:
            change(job, row)


def _change(store, job, row, told):
    now = time.time()
    for name, value in told.items():
        if name == "starttime":
            row["begin"] = words.read_moment(value, now)
            row["reason"] = "None" if row["begin"] <= now else "BeginTime"
        elif name == "endtime":
            row["end_at"] = words.read_moment(value, now)
        elif name == "timelimit":
            job["time_limit"] = words.minutes(value)
            row["end_at"] = (
                row["start"] + (job["time_limit"] or 0) * store.knobs["minute_s"]
                if row["start"] and job["time_limit"]
                else 0
            )
        elif name in ("arraytaskthrottle", "comment", "jobname", "name", "priority", "dependency", "requeue"):
            key = {"arraytaskthrottle": "throttle", "jobname": "name"}.get(name, name)
            job[key] = int(value) if key in ("throttle", "priority", "requeue") else value
        else:
            raise RefusedError(f"Update of this parameter is not supported: {name}={value}\nRequest aborted")
    store.save_job(job)
    store.save(job, row)


def _hold(store, rest, _one_line):
    def hold(job, row):
        if row["state"] == "PENDING":
            row["held"], row["reason"] = True, "JobHeldUser"
            store.save(job, row)

    with store:
        _each(store, ",".join(rest), hold)
    return 0


def _release(store, rest, _one_line):
    def release(job, row):
        if row["state"] == "PENDING":
            row["held"], row["reason"] = False, "None"
            store.save(job, row)

    with store:
        _each(store, ",".join(rest), release)
        store.wake()
    return 0


def _requeue(store, rest, _one_line):
    """As in Slurm the id of an array, which is the raw id of its last element as well, means every element."""
    worst = 0
    with store:
        for word in selection.split_list(",".join(rest)):
            found = selection.touched(store, word)
            if not found:
                worst = _complain("Invalid job id specified", word)
            for job, row in found:
                fault = _requeue_one(store, job, row)
                if fault:
                    worst = _complain(fault, word)
        store.wake()
    return worst


def _requeue_one(store, job, row):
    if not job["requeue"]:
        return "Requested operation is presently disabled"
    if row["state"] == "PENDING":
        return "Job is pending execution"
    if row["state"] == "RUNNING":
        row["request"] = {**row["request"], "again": True} if row["request"] else {"kind": "requeue"}
    else:
        ending.requeue(store, row)
    store.save(job, row)
    return None


def _complain(words_told, word):
    sys.stderr.write(f"{word}: {words_told}\n")
    return 1


def _ping(_store, _rest, _one_line):
    print("Slurmctld(primary) at login is UP")
    return 0
