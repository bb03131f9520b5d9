"""What the daemons of tools/minislurm read: one `Cluster` as the text of slurm.conf and its fellows."""

from __future__ import annotations

import os
import pwd
import re
import secrets
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

NODES = ("n1", "n2", "n3", "n4")
# Distributions keep daemons where ordinary users do not look.
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])


class ClusterError(Exception):
    """Something did not start; the text says what, with the end of its log."""


@dataclass(frozen=True)
class Cluster:
    """What one cluster was started with. Paths are absolute, ports are free ones of 127.0.0.1."""

    folder: str
    name: str
    accounting: bool
    max_array_size: int
    max_job_count: int
    min_job_age_s: int
    kill_wait_s: int
    ports: dict[str, int]

    def path(self, *parts: str) -> Path:
        return Path(self.folder, *parts)

    def log(self, daemon: str) -> Path:
        return self.path("log", f"{daemon}.log")

    @property
    def environment(self) -> dict[str, str]:
        """Of the daemons and of the commands that are run here; nothing of an outer Slurm shines through."""
        inherited = {
            k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "SBATCH", "SACCT", "SQUEUE"))
        }
        own = {"PATH": PATH, "SLURM_CONF": str(self.path("slurm.conf"))}
        return inherited | own | {"MYSQL_UNIX_PORT": str(self.path("db", "socket"))}


def slurm_conf(cluster: Cluster, host: str, user: str) -> str:
    """slurm.conf(5). DefMemPerCPU lets jobs share a node; the rest is for speed or side-by-side clusters."""
    ports = ",".join(str(cluster.ports[node]) for node in NODES)
    folder = cluster.folder
    return f"""\
ClusterName={cluster.name}
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={cluster.ports["slurmctld"]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=1000
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerParameters=batch_sched_delay=1,sched_interval=1,bf_interval=1,default_queue_depth=1000
SlurmdParameters=config_overrides
ReturnToService=2
KillWait={cluster.kill_wait_s}
MinJobAge={cluster.min_job_age_s}
MaxArraySize={cluster.max_array_size}
MaxJobCount={cluster.max_job_count}
GresTypes=gpu
{accounting_lines(cluster)}
NodeName=n[1-4] NodeAddr=127.0.0.1 NodeHostname={host} Port=[{ports}] CPUs=16 RealMemory=20000 Gres=gpu:t4:4
PartitionName=gpu Nodes=ALL Default=YES MaxTime=7-00:00:00 PriorityTier=10 PreemptMode=OFF
PartitionName=cpu Nodes=ALL MaxTime=7-00:00:00 PriorityTier=10 PreemptMode=OFF
PartitionName=preempt Nodes=ALL MaxTime=7-00:00:00 PriorityTier=1 PreemptMode=REQUEUE
"""


def accounting_lines(cluster: Cluster) -> str:
    if not cluster.accounting:
        return "AccountingStorageType=accounting_storage/none"
    return f"""\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={cluster.ports["slurmdbd"]}
AccountingStoragePass={cluster.folder}/munge/socket
AccountingStorageTRES=gres/gpu
AccountingStorageEnforce=associations,limits,qos
AccountingStoreFlags=job_comment"""


def slurmdbd_conf(cluster: Cluster, host: str, user: str) -> str:
    """slurmdbd.conf(5). The database is reached by its socket (MYSQL_UNIX_PORT), in a closed folder."""
    return f"""\
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={cluster.ports["slurmdbd"]}
SlurmUser={user}
AuthType=auth/munge
AuthInfo=socket={cluster.folder}/munge/socket
PidFile={cluster.folder}/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser={user}
StorageLoc=slurm
"""


def gres_conf() -> str:
    """gres.conf(5). A count without device files leaves nodes INVALID; the devices are never opened."""
    for devices in ("/dev/tty[0-3]", "/dev/loop[0-3]"):
        first = devices.replace("[0-3]", "")
        if all(os.path.exists(f"{first}{number}") for number in range(4)):
            return f"NodeName=n[1-4] Name=gpu Type=t4 File={devices}\n"
    raise ClusterError(
        "four device files are needed to stand for GPUs: neither /dev/tty0-3 nor /dev/loop0-3 exist"
    )


def cgroup_conf(version: tuple[int, int]) -> str:
    """cgroup.conf(5). Nothing here uses cgroups; 22.05 lacks the word that says so (it came with 23.11)."""
    return (
        "CgroupPlugin=disabled\n" if version >= (23, 11) else "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n"
    )


def slurm_version() -> tuple[int, int]:
    answer = subprocess.run(
        ["slurmctld", "-V"], capture_output=True, text=True, env={"PATH": PATH}, check=False
    )
    found = re.search(r"(\d+)\.(\d+)", answer.stdout)
    if found is None:
        raise ClusterError(f"slurmctld -V says {answer.stdout + answer.stderr!r}, which holds no version")
    return int(found[1]), int(found[2])


def user_name() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def write_configuration(cluster: Cluster) -> None:
    host = socket.gethostname().split(".")[0]
    user = user_name()
    for sub in ("munge", "state", "spool", "run", "log", "daemons"):
        cluster.path(sub).mkdir(mode=0o755)
    cluster.path("db").mkdir(mode=0o700)
    for node in NODES:
        cluster.path("spool", node).mkdir(mode=0o755)
    write(cluster.path("munge", "key"), secrets.token_hex(512), mode=0o400)
    write(cluster.path("slurm.conf"), slurm_conf(cluster, host, user))
    write(cluster.path("gres.conf"), gres_conf())
    write(cluster.path("cgroup.conf"), cgroup_conf(slurm_version()))
    write(cluster.path("slurmdbd.conf"), slurmdbd_conf(cluster, host, user), mode=0o600)


def write(path: Path, text: str, mode: int = 0o644) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
