"""The files of one fake cluster, and the lock that orders its programs.

::

    knobs.json  calls.jsonl  lock  next_id
    closed      the cluster is: everything that waits gives up, everything that runs is killed
    owner.json  the test's process; with its end the cluster is closed. Not there when used by hand
    runner.json  runner.log  wake (a FIFO: a byte makes the runner look)
    jobs/<id>/job.json  script  environ   what was submitted; <id> is the array's id or the job's
    jobs/<id>/live/<key>.json             records that wait or run, done/<key>.json those that ended

A *record* is what slurmctld has of one job or array element (`record` lists its fields). As in Slurm the elements of an
array that wait share one record, key ``meta``, whose ``task`` is an expression; an element gets its own record, and
its own raw id, when it starts or is touched alone. The last one that is left takes the array's id as its raw id.
"""

import fcntl
import json
import os
import time

from fakeslurm import arrays, knobs


def record(task, raw, submitted):
    """A waiting job (``task`` None), element (a number) or rest of an array (an expression).

    Times are in seconds; 0 is not yet.
    """
    return {
        "task": task,
        "raw": raw,
        "state": "PENDING",
        "reason": "None",
        "waited_for": "None",  # the reason it had before it started
        "submit": submitted,
        "begin": 0,
        "start": 0,
        "end": 0,
        "end_at": 0,  # the time limit
        "node": "",
        "gpus": [],
        "exit": 0,
        "signal": 0,
        "restarts": 0,
        "pid": 0,
        "pid_start": 0,
        "max_rss_kb": 0,
        "held": False,
        "hidden": False,
        "request": None,  # how the runner shall end it: {"kind", "state", "exit", "signal", ...}
        "deliver": [],  # signals that the runner shall send: [number, to whom]
        "warned": False,  # --signal was sent
        "kill_at": 0,
        "by": None,  # uid of who cancelled it
        "history": [],  # earlier attempts
    }


def key_of(row):
    """The name of a record's file."""
    if row["task"] is None:
        return "job"
    return "meta" if isinstance(row["task"], str) else str(row["task"])


class Store:
    """One fake cluster's folder. Use it as a context manager to hold the lock."""

    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        self.jobs_folder = self.path("jobs")
        self._lock = -1
        if not os.path.isdir(self.jobs_folder):
            os.makedirs(self.jobs_folder, exist_ok=True)
        self.knobs = knobs.read(self.folder)
        self.call = None

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def __enter__(self):
        self._lock = os.open(self.path("lock"), os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_):
        os.close(self._lock)

    def closed(self):
        """Closed by the test, or the test is gone, or its folder is."""
        if os.path.exists(self.path("closed")) or not os.path.isdir(self.folder):
            return True
        try:
            owner = _read(self.path("owner.json"))
        except FileNotFoundError:
            return False
        return start_time(owner["pid"]) != owner["start"]

    def next_id(self):
        try:
            with open(self.path("next_id"), encoding="ascii") as file:
                number = int(file.read())
        except FileNotFoundError:
            number = 1
        _replace(self.path("next_id"), str(number + 1))
        return number

    def add(self, job, rows, script, environ):
        """A new job, all at once."""
        folder = self.path(f"adding-{os.getpid()}")
        os.makedirs(os.path.join(folder, "live"))
        os.makedirs(os.path.join(folder, "done"))
        for name, content in (("script", script), ("environ", environ)):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content)
        os.chmod(os.path.join(folder, "script"), 0o700)
        _replace(os.path.join(folder, "job.json"), json.dumps(job))
        for row in rows:
            _replace(os.path.join(folder, "live", key_of(row) + ".json"), json.dumps(row))
        os.rename(folder, os.path.join(self.jobs_folder, str(job["id"])))

    def job_ids(self):
        return sorted(int(name) for name in os.listdir(self.jobs_folder))

    def job(self, job_id):
        return _read(os.path.join(self.jobs_folder, str(job_id), "job.json"))

    def save_job(self, job):
        _replace(os.path.join(self.jobs_folder, str(job["id"]), "job.json"), json.dumps(job))

    def rows(self, job_id, where=("live", "done")):
        """The records of one job: the rest of the array first, then by index."""
        result = []
        for folder in where:
            at = os.path.join(self.jobs_folder, str(job_id), folder)
            result += [_read(os.path.join(at, name)) for name in os.listdir(at) if name.endswith(".json")]
        result.sort(key=lambda row: row["task"] if isinstance(row["task"], int) else -1)
        return result

    def all(self, where=("live", "done")):
        """Every (job, record)."""
        pairs = []
        for job_id in self.job_ids():
            rows = self.rows(job_id, where)
            if rows:
                job = self.job(job_id)
                pairs += [(job, row) for row in rows]
        return pairs

    def save(self, job, row):
        """Write a record where its state belongs."""
        live = row["state"] in ("PENDING", "RUNNING")
        at = os.path.join(self.jobs_folder, str(job["id"]))
        name = key_of(row) + ".json"
        if row["task"] == "":
            self._remove(os.path.join(at, "live", name))
            return
        _replace(os.path.join(at, "live" if live else "done", name), json.dumps(row))
        self._remove(os.path.join(at, "done" if live else "live", name))

    def _remove(self, path):
        if os.path.exists(path):
            os.unlink(path)

    def split(self, job, meta, task):
        """A record of its own for one waiting element; the array's record loses it."""
        left = [index for index in arrays.parse(meta["task"])[0] if index != task]
        row = {**meta, "task": task, "history": []}
        if left:
            row["raw"] = self.next_id()
        meta["task"] = arrays.fold(left)
        self.save(job, row)
        self.save(job, meta)
        return row

    def wake(self):
        """Make the runner look; start it where there is none. Hold the lock."""
        if not self.runner_alive():
            self._start_runner()
        try:
            wake = os.open(self.path("wake"), os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return  # it has not opened it yet, and looks when it has
        os.write(wake, b".")
        os.close(wake)

    def runner_alive(self):
        try:
            runner = _read(self.path("runner.json"))
        except FileNotFoundError:
            return False
        return start_time(runner["pid"]) == runner["start"]

    def _start_runner(self):
        import sys

        if not os.path.exists(self.path("wake")):
            os.mkfifo(self.path("wake"))
        main = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
        log = os.open(self.path("runner.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        null = os.open(os.devnull, os.O_RDWR)
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", main, "runner"],
            {"FAKESLURM_DIR": self.folder, "PATH": os.environ.get("PATH", os.defpath)},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, null, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
            setsigdef=[1, 2, 3, 13, 15],
        )
        _replace(self.path("runner.json"), json.dumps({"pid": pid, "start": start_time(pid)}))


class Call:
    """One line of calls.jsonl, written once.

    A slow sbatch writes it when the submission no longer ends with it: who has seen the line may kill it.
    """

    def __init__(self, store, program, argv):
        told = {"program": program, "argv": argv, "pid": os.getpid(), "time": time.time()}
        self.path = store.path("calls.jsonl")
        self.line = json.dumps(told) + "\n"
        self.noted = False

    def note(self):
        if self.noted:
            return
        self.noted = True
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.write(file, self.line.encode())
        os.close(file)


def start_time(pid):
    """When a process started, in clock ticks since the boot; None where it is gone or a zombie (proc(5), stat)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in b"ZX" else int(fields[19])


def _read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def _replace(path, text):
    own = f"{path}.{os.getpid()}"
    with open(own, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(own, path)
