"""A launcher of another package: a queue that is a folder, with a file for each element that says how it stands.

Submitting starts one bash in the background, which runs the elements one after the other.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from hyperherd.jobs import Batch, Ended, Job, Phase, State
from hyperherd.launchers.base import Launcher
from hyperherd.launchers.node.dialect import Dialect
from hyperherd.launchers.node.script import script
from hyperherd.launchers.traits import Traits

QUEUE = Path(os.environ.get("FOLDERQUEUE", "/nowhere"))

DIALECT = Dialect(
    job='"$FOLDERQUEUE_JOB"',
    number='"${FOLDERQUEUE_NUMBER-}"',
    always="herd_element=${FOLDERQUEUE_JOB}_$FOLDERQUEUE_NUMBER herd_restarts=0 herd_node= herd_own_job=\n"
    "herd_queued_itself() { return 1; }\n",
    requeue="",
)

WORKER = """
for number in $2; do
  [[ -e $1/$number.cancelled ]] && continue
  FOLDERQUEUE_JOB=${1##*/} FOLDERQUEUE_NUMBER=$number bash "$3" & pid=$!
  echo "$pid" >"$1/$number.running"
  wait "$pid"
  echo "$?" >"$1/$number.ended"
done
"""


class FolderQueue(Launcher):
    name = "folderqueue"
    traits = Traits("the folder queue", pause_s=0.1)

    def script(self, batch: Batch) -> str:
        return script(batch, DIALECT)

    def submit(self, batch: Batch) -> str:
        job_id = f"q{len(list(QUEUE.iterdir())) + 1}"
        folder = QUEUE / job_id
        folder.mkdir()
        (folder / "token").write_text(batch.token)
        numbers = " ".join(str(element.number) for element in batch.elements)
        argv = ["bash", "-c", WORKER, "worker", str(folder), numbers, str(batch.files.script)]
        subprocess.Popen(argv, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return job_id

    def find(self, jobs: Sequence[Job]) -> dict[str, str]:
        known = {(folder / "token").read_text(): folder.name for folder in QUEUE.iterdir()}
        return {job.token: known[job.token] for job in jobs if job.token in known}

    def poll(self, jobs: Sequence[Job]) -> dict[str, dict[int, State]]:
        return {job.token: dict(self._states(job)) for job in jobs}

    def _states(self, job: Job) -> Iterator[tuple[int, State]]:
        for number in job.offers:
            at = QUEUE / str(job.job_id) / str(number)
            if at.with_suffix(".ended").exists():
                code = int(at.with_suffix(".ended").read_text() or 1)
                yield number, State.of_end(Ended.FAILED if code else Ended.COMPLETED)
            elif at.with_suffix(".cancelled").exists():
                yield number, State.of_end(Ended.CANCELLED)
            elif at.with_suffix(".running").exists():
                yield number, State(Phase.RUNNING, "RUNNING")
            else:
                yield number, State(Phase.QUEUED, "WAITING", reason="others are before it")

    def cancel(self, job: Job, elements: Sequence[int]) -> dict[int, str]:
        for number in elements:
            at = QUEUE / str(job.job_id) / str(number)
            at.with_suffix(".cancelled").touch()
            if at.with_suffix(".running").exists() and not at.with_suffix(".ended").exists():
                os.kill(int(at.with_suffix(".running").read_text()), signal.SIGTERM)
        return {}
