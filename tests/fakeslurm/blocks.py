"""What ``scontrol show`` prints of a job, a partition, a node (fields and order as recorded from 22.05)."""

import time

from fakeslurm import arrays, environment, resources, selection, words

_JOB = """\
JobId={raw} {array}JobName={name}
   UserId={user}({uid}) GroupId={user}({gid}) MCS_label=N/A
   Priority={priority} Nice=0 Account={account} QOS={qos}
   JobState={state} Reason={reason} Dependency={dependency}
   Requeue={requeue} Restarts={restarts} BatchFlag=1 Reboot=0 ExitCode={exit}:{signal}
   RunTime={used} TimeLimit={limit} TimeMin=N/A
   SubmitTime={submit} EligibleTime={eligible}
   AccrueTime={eligible}
   StartTime={start} EndTime={end} Deadline=N/A
   SuspendTime=None SecsPreSuspend=0 LastSchedEval={looked_at} Scheduler=Main
   Partition={partition} AllocNode:Sid=login:1
   ReqNodeList=(null) ExcNodeList=(null)
   NodeList={node}
{host}   NumNodes={nodes} NumCPUs={cpus} NumTasks={tasks} CPUs/Task={per_task} ReqB:S:C:T=0:0:*:*
   TRES={tres}
   Socks/Node=* NtasksPerN:B:S:C=0:0:*:* CoreSpec=*
   MinCPUsNode={per_task} {memory} MinTmpDiskNode=0
   Features=(null) DelayBoot=00:00:00
   OverSubscribe=OK Contiguous=0 Licenses=(null) Network=(null)
   Command={command}
   WorkDir={work_dir}
{comment}   StdErr={err}
   StdIn={stdin}
   StdOut={out}
   Power=
   {gres}
"""

_PARTITION = """\
PartitionName={name}
   AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL
   AllocNodes=ALL Default={default} QoS=N/A
   DefaultTime=NONE DisableRootJobs=NO ExclusiveUser=NO GraceTime=0 Hidden=NO
   MaxNodes=UNLIMITED MaxTime={max_time} MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED
   Nodes=n[1-4]
   PriorityJobFactor=1 PriorityTier={tier} RootOnly=NO ReqResv=NO OverSubscribe=NO
   OverTimeLimit=NONE PreemptMode={preempt}
   State=UP TotalCPUs=64 TotalNodes=4 SelectTypeParameters=NONE
   JobDefaults=(null)
   DefMemPerNode=UNLIMITED MaxMemPerNode=UNLIMITED
   TRES=cpu=64,mem=80000M,node=4,billing=64,gres/gpu=16
"""

_NODE = """\
NodeName={name} Arch=x86_64 CoresPerSocket=1
   CPUAlloc={used} CPUEfctv={cpus} CPUTot={cpus} CPULoad=0.10
   AvailableFeatures=(null)
   ActiveFeatures=(null)
   Gres=gpu:t4:{gpus}
   NodeAddr=127.0.0.1 NodeHostName=login Port=6818 Version=22.05.8
   OS=Linux
   RealMemory={memory_mb} AllocMem=0 FreeMem=10000 Sockets=16 Boards=1
   State={state} ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A
   Partitions={partitions}
   BootTime={boot} SlurmdStartTime={boot}
   LastBusyTime={boot}
   CfgTRES=cpu={cpus},mem={memory_mb}M,billing={cpus},gres/gpu={gpus}
   AllocTRES=
   CapWatts=n/a
   CurrentWatts=0 AveWatts=0
   ExtSensorsJoules=n/s ExtSensorsWatts=0 ExtSensorsTemp=n/s
"""


def _ending(row):
    """Between SIGTERM and the script's end."""
    if row["state"] != "RUNNING" or not row["request"]:
        return {}
    return {"state": "COMPLETING", "reason": "TimeLimit" if row["request"]["kind"] == "timeout" else "None"}


def job(job, row):
    """One job or array element, or the elements of an array that wait together."""
    values = {**job, **row, **_times(job, row), **_place(job, row), **_ending(row)}
    values.update(
        array=_array(job, row),
        dependency=job["dependency"] or "(null)",
        priority=0 if row["held"] else job["priority"],
        requeue=int(job["requeue"]),
        command=" ".join([job["command"], *job["args"]]),
        comment=f"   Comment={job['comment']} \n" if job["comment"] else "",
        err=environment.output_path(job["err"] or job["out"], job, row),
        out=environment.output_path(job["out"], job, row),
        stdin=job["input"] or "/dev/null",
    )
    return _JOB.format_map(values)


def _array(job, row):
    if row["task"] is None:
        return ""
    throttle = f"ArrayTaskThrottle={job['throttle']} " if job["throttle"] else ""
    task = row["task"] if isinstance(row["task"], int) else arrays.shown(selection.indices_of(row), 0)
    return f"ArrayJobId={job['id']} ArrayTaskId={task} {throttle}"


def _times(job, row):
    used = int((row["end"] or time.time()) - row["start"]) if row["start"] else 0
    limit = (
        "UNLIMITED" if job["time_limit"] is None else words.span(job["time_limit"] * 60, always_hours=True)
    )
    return {
        "used": words.span(used, always_hours=True),
        "limit": limit,
        "submit": words.moment(row["submit"]),
        "eligible": words.moment(row["begin"] or row["submit"]),
        "start": words.moment(row["start"] or row["begin"], "Unknown"),
        "end": words.moment(row["end"] or row["end_at"], "Unknown"),
        "looked_at": words.moment(row["start"] or row["submit"]),
    }


def _place(job, row):
    cpus = resources.cpus(job)
    memory = words.memory(resources.memory_mb(job))
    gpus = f",gres/gpu={job['gpus']}" if job["gpus"] else ""
    asked = job["mem_mb"] is not None
    return {
        "host": f"   BatchHost={row['node']}\n" if row["node"] else "",
        "cpus": cpus,
        "tasks": job["ntasks"] or 1,
        "per_task": job["cpus_per_task"] or 1,
        "tres": f"cpu={cpus},mem={memory},node={job['nodes']},billing={cpus}{gpus}",
        "memory": f"MinMemoryNode={memory}" if asked else f"MinMemoryCPU={resources.MEMORY_PER_CPU_MB}M",
        "gres": f"TresPerNode=gres:{job['gres']}\n   " if job["gres"] else "",
    }


def partition(name, about):
    """``about`` is the partition's knob."""
    defaults = {"max_time": "UNLIMITED", "tier": 10, "preempt": "OFF"}
    default = "YES" if about.get("default") else "NO"
    return _PARTITION.format_map({**defaults, **about, "name": name, "default": default})


def node(name, knobs, running):
    """``running``: the (job, record) pairs that run anywhere."""
    cpus = resources.NODES[name]
    used = sum(resources.cpus(job) for job, row in running if row["node"] == name)
    state = "IDLE" if not used else "ALLOCATED" if used >= cpus else "MIXED"
    return _NODE.format(
        name=name,
        cpus=cpus,
        used=used,
        state=state,
        gpus=knobs["gpus_per_node"],
        memory_mb=resources.NODE_MEMORY_MB,
        partitions=",".join(knobs["partitions"]),
        boot="2026-11-21T07:00:00",
    )
