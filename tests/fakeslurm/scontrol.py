"""scontrol (man page of 22.05): show, update, hold, release, requeue, ping."""

import os
import sys
import time

from fakeslurm import ending, environment, arrays, resources, selection, words
from fakeslurm.program import Refused, leave

_NOUNS = ("config", "job", "jobs", "partition", "partitions", "node", "nodes")


def main(store, argv):
    flags = [word for word in argv if word.startswith("-")]
    words_told = [word for word in argv if not word.startswith("-")]
    if "-V" in flags or "--version" in flags:
        print("slurm-wlm 22.05.8")
        return 0
    if not words_told:
        raise Refused("scontrol: error: the fake Slurm has no interactive scontrol")
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
        raise Refused(f"invalid keyword: {verb}")
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
        raise Refused(f"invalid entity:{noun} for keyword:show")
    blocks = shows[noun](store, names)
    for block in blocks:
        text = " ".join(line.strip() for line in block) if one_line else "\n".join(block) + "\n"
        sys.stdout.write(text.rstrip(" ") + "\n")
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
    return [lines]


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
            raise Refused("slurm_load_jobs error: Invalid job id specified")
    elif not pairs:
        print("No jobs in the system")
    return [_job_block(store, job, row) for job, row in pairs]


def _job_block(store, job, row):
    array = []
    if row["task"] is not None:
        task = row["task"] if isinstance(row["task"], int) else arrays.shown(selection.indices_of(row), 0, 0)
        throttle = f" ArrayTaskThrottle={job['throttle']}" if job["throttle"] else ""
        array = [f"ArrayJobId={job['id']} ArrayTaskId={task}{throttle} JobName={job['name']}"]
    now = time.time()
    used = int((row["end"] or now) - row["start"]) if row["start"] else 0
    limit = (
        "UNLIMITED" if job["time_limit"] is None else words.span(job["time_limit"] * 60, always_hours=True)
    )
    cpus = resources.cpus(job)
    head = f"JobId={row['raw']} {array[0]}" if array else f"JobId={row['raw']} JobName={job['name']}"
    priority = 0 if row["held"] else job["priority"]
    tres = f"cpu={cpus},mem={words.memory(resources.memory_mb(job))},node={job['nodes']},billing={cpus}"
    asked = job["mem_mb"] is not None
    memory = f"MinMemoryNode={words.memory(job['mem_mb'])}" if asked else "MinMemoryCPU=1000M"
    lines = [
        head,
        f"   UserId={job['user']}({job['uid']}) GroupId={job['user']}({job['gid']}) MCS_label=N/A",
        f"   Priority={priority} Nice=0 Account={job['account']} QOS={job['qos']}",
        f"   JobState={row['state']} Reason={row['reason']} Dependency={job['dependency'] or '(null)'}",
        f"   Requeue={int(job['requeue'])} Restarts={row['restarts']} BatchFlag=1 Reboot=0 ExitCode={row['exit']}:{row['signal']}",
        f"   RunTime={words.span(used, always_hours=True)} TimeLimit={limit} TimeMin=N/A",
        f"   SubmitTime={words.moment(row['submit'])} EligibleTime={words.moment(row['begin'] or row['submit'])}",
        f"   AccrueTime={words.moment(row['begin'] or row['submit'])}",
        f"   StartTime={words.moment(row['start'] or row['begin'], 'Unknown')} EndTime={words.moment(row['end'] or row['end_at'], 'Unknown')} Deadline=N/A",
        f"   SuspendTime=None SecsPreSuspend=0 LastSchedEval={words.moment(row['start'] or row['submit'])} Scheduler=Main",
        f"   Partition={job['partition']} AllocNode:Sid=login:1",
        "   ReqNodeList=(null) ExcNodeList=(null)",
        f"   NodeList={row['node']}",
        *([f"   BatchHost={row['node']}"] if row["node"] else []),
        f"   NumNodes={job['nodes']} NumCPUs={cpus} NumTasks={job['ntasks'] or 1} CPUs/Task={job['cpus_per_task'] or 1} ReqB:S:C:T=0:0:*:*",
        f"   TRES={tres}" + (f",gres/gpu={job['gpus']}" if job["gpus"] else ""),
        "   Socks/Node=* NtasksPerN:B:S:C=0:0:*:* CoreSpec=*",
        f"   MinCPUsNode=1 {memory} MinTmpDiskNode=0",
        "   Features=(null) DelayBoot=00:00:00",
        "   OverSubscribe=OK Contiguous=0 Licenses=(null) Network=(null)",
        f"   Command={' '.join([job['command'], *job['args']])}",
        f"   WorkDir={job['work_dir']}",
        *([f"   Comment={job['comment']} "] if job["comment"] else []),
        f"   StdErr={environment.output_path(job['err'] or job['out'], job, row)}",
        f"   StdIn={job['input'] or '/dev/null'}",
        f"   StdOut={environment.output_path(job['out'], job, row)}",
        "   Power=",
        "   ",
        *([f"   TresPerNode=gres:{job['gres']}"] if job["gres"] else []),
    ]
    return lines


def _partitions(store, names):
    blocks = []
    for name, about in store.knobs["partitions"].items():
        if names and name not in names:
            continue
        default = "YES" if about.get("default") else "NO"
        blocks.append([
            f"PartitionName={name}",
            "   AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL",
            f"   AllocNodes=ALL Default={default} QoS=N/A",
            "   DefaultTime=NONE DisableRootJobs=NO ExclusiveUser=NO GraceTime=0 Hidden=NO",
            f"   MaxNodes=UNLIMITED MaxTime={about.get('max_time', 'UNLIMITED')} MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED",
            "   Nodes=n[1-4]",
            f"   PriorityJobFactor=1 PriorityTier={about.get('tier', 10)} RootOnly=NO ReqResv=NO OverSubscribe=NO",
            f"   OverTimeLimit=NONE PreemptMode={about.get('preempt', 'OFF')}",
            "   State=UP TotalCPUs=64 TotalNodes=4 SelectTypeParameters=NONE",
            "   JobDefaults=(null)",
            "   DefMemPerNode=UNLIMITED MaxMemPerNode=UNLIMITED",
            "   TRES=cpu=64,mem=80000M,node=4,billing=64,gres/gpu=16",
        ])  # fmt: skip
    if names and not blocks:
        _not_found(f"Partition {names[0]} not found")
    return blocks


def _not_found(complaint):
    """Said on stdout (seen)."""
    print(complaint)
    leave(1)


def _nodes(store, names):
    with store:
        running = [(job, row) for job, row in store.all(("live",)) if row["state"] == "RUNNING"]
    blocks = []
    for name, cpus in resources.NODES.items():
        if names and name not in names:
            continue
        used = sum(resources.cpus(job) for job, row in running if row["node"] == name)
        state = "IDLE" if not used else "ALLOCATED" if used >= cpus else "MIXED"
        blocks.append([
            f"NodeName={name} Arch=x86_64 CoresPerSocket=1 ",
            f"   CPUAlloc={used} CPUEfctv={cpus} CPUTot={cpus} CPULoad=0.10",
            "   AvailableFeatures=(null)",
            "   ActiveFeatures=(null)",
            f"   Gres=gpu:{store.knobs['gpus_per_node']}",
            "   NodeAddr=127.0.0.1 NodeHostName=login Port=6818 Version=22.05.8",
            "   OS=Linux ",
            f"   RealMemory={resources.NODE_MEMORY_MB} AllocMem=0 FreeMem=10000 Sockets=16 Boards=1",
            f"   State={state} ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A",
            f"   Partitions={','.join(store.knobs['partitions'])} ",
            "   BootTime=2026-11-21T07:00:00 SlurmdStartTime=2026-11-21T07:00:00",
            "   LastBusyTime=2026-11-21T07:00:00",
            f"   CfgTRES=cpu={cpus},mem={resources.NODE_MEMORY_MB}M,billing={cpus},gres/gpu={store.knobs['gpus_per_node']}",
            "   AllocTRES=",
            "   CapWatts=n/a",
            "   CurrentWatts=0 AveWatts=0",
            "   ExtSensorsJoules=n/s ExtSensorsWatts=0 ExtSensorsTemp=n/s",
        ])  # fmt: skip
    if names and not blocks:
        _not_found(f"Node {names[0]} not found")
    return blocks


def _update(store, rest, _one_line):
    told = dict(part.partition("=")[::2] for part in rest)
    told = {name.lower(): value for name, value in told.items()}
    if "nodename" in told:
        return 0
    word = told.pop("jobid", told.pop("jobname", None))
    if word is None:
        raise Refused("No job identification provided" if told else "No changes specified")
    with store:
        _each(store, word, lambda job, row: _change(store, job, row, told))
        store.wake()
    return 0


def _each(store, words_told, change):
    for word in selection.split_list(words_told):
        found = selection.touched(store, word)
        if not found:
            raise Refused("slurm_update error: Invalid job id specified")
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
            raise Refused(f"Update of this parameter is not supported: {name}={value}\nRequest aborted")
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
        row["request"] = row["request"] or {"kind": "requeue"}
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
