"""sbatch: read the script and its options, refuse what Slurm refuses, submit, answer."""

import os
import sys
import time
from contextlib import suppress

from fakeslurm import arrays, options, resources, words
from fakeslurm.program import RefusedError, leave, wait_for
from fakeslurm.store import record


def main(store, argv):
    options.TABLE.longs.update(store.knobs["plugin_options"])
    given, rest = options.TABLE.parse(argv)
    told = dict(given)
    if "version" in told:
        print("slurm-wlm 22.05.8")
        return 0
    if "help" in told or "usage" in told:
        print("Usage: sbatch [OPTIONS(0)...] [ : [OPTIONS(N)...]] script(0) [args(0)...]")
        return 0
    script, path = _script(told, rest)
    asked = options.collect(given, script, os.environ)
    if "test-only" in asked:
        return _test_only(store, lambda: _job(store, asked, path, rest, argv))
    if store.knobs["sbatch"]["refuse"]:
        raise RefusedError(f"sbatch: error: {store.knobs['sbatch']['refuse']}")
    job = _job(store, asked, path, rest, argv)
    raw = script.encode("utf-8", "surrogateescape")
    _check_sizes(store, raw, job)
    number = _submit_slowly(store, job, raw)
    _answer(store, number, asked)
    return 0


def _test_only(store, make):
    """What would become of the job that ``make`` makes. The real one takes the number of a job for it; this one does
    not, so that tests can tell the numbers of theirs.
    """
    told = store.knobs["test_only"]
    try:
        if told["refuse"]:
            raise RefusedError(_FAILED + told["refuse"])
        job = make()
        if job["never"] in ("PartitionNodeLimit", "PartitionConfig"):
            raise RefusedError(f"{_FAILED}Requested node configuration is not available")
        _check_limits(store, job, 1)
    except RefusedError as refusal:
        text = refusal.text.replace(_FAILED, "allocation failure: ")
        text = text.replace("sbatch: error: Memory specification can not be satisfied\n", "")
        raise RefusedError(text, refusal.code) from refusal
    start = time.time() + told["starts_in_s"]
    shown = int(start) if os.environ.get("SLURM_TIME_FORMAT") == "%s" else words.moment(start)
    where = f"using {resources.cpus(job)} processors on nodes n1 in partition {job['partition']}"
    sys.stderr.write(f"sbatch: Job 1 to start at {shown} {where}\n")
    return 0


_FAILED = "sbatch: error: Batch job submission failed: "


def _script(told, rest):
    """Its text, and the path as squeue shows it."""
    if "wrap" in told:
        if rest:
            raise RefusedError("sbatch: error: Script arguments not permitted with --wrap option", 255)
        return f"#!/bin/sh\n# This script was created by sbatch --wrap.\n\n{told['wrap']}\n", "(null)"
    if not rest:
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
        return _checked(text), "(null)"
    try:
        with open(rest[0], "rb") as file:
            text = file.read().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise RefusedError(f"sbatch: error: Unable to open file {rest[0]}") from error
    return _checked(text), rest[0]


def _checked(text):
    if not text:
        raise RefusedError("sbatch: error: Batch script is empty!")
    if not text.strip():
        raise RefusedError("sbatch: error: Batch script contains only whitespace!")
    if not text.startswith("#!"):
        raise RefusedError(
            "sbatch: error: This does not look like a batch script.  The first\n"
            "sbatch: error: line must start with #! followed by the path to an interpreter.\n"
            "sbatch: error: For instance: #!/bin/sh"
        )
    if "\r\n" in text:
        raise RefusedError(
            "sbatch: error: Batch script contains DOS line breaks (\\r\\n)\n"
            "sbatch: error: instead of expected UNIX line breaks (\\n)."
        )
    if "\0" in text:
        raise RefusedError(
            "sbatch: error: The SLURM controller does not allow scripts that contain a NULL character '\\0'."
        )
    return text


def _check_sizes(store, script, job):
    too_long = "Pathname of a file, directory or other parameter too long"
    if (
        len(script) >= store.knobs["max_script_size"]
        or len(job["submit_line"]) >= store.knobs["max_submit_line"]
    ):
        raise RefusedError(f"sbatch: error: Batch job submission failed: {too_long}")


def _job(store, asked, path, rest, argv):
    """What job.json keeps; the id comes later."""
    user = store.knobs["user"] or os.environ.get("USER", "root")
    submit_line = " ".join(["sbatch", *argv])
    name = asked.get("job-name") or (
        "wrap" if path == "(null)" and "wrap" in asked else os.path.basename(rest[0]) if rest else "sbatch"
    )
    job = {
        "name": name,
        "command": path,
        "args": rest[1:],
        "submit_line": submit_line,
        "user": user,
        "uid": os.getuid(),
        "gid": os.getgid(),
        "comment": asked.get("comment", ""),
        "work_dir": os.path.abspath(asked.get("chdir", os.getcwd())),
        "submit_dir": os.getcwd(),
        "out": asked.get("output"),
        "err": asked.get("error"),
        "input": asked.get("input"),
        "append": asked.get("open-mode", "").startswith("a"),
        "export": asked.get("export", "ALL"),
        "requeue": "no-requeue" not in asked and store.knobs["requeue_allowed"],
        "held": "hold" in asked,
        "priority": int(asked.get("priority", 4294901757)),
        "kill_invalid_dep": asked.get("kill-on-invalid-dep", "no") == "yes",
        **resources.read(store.knobs, asked),
    }
    job["begin"] = _begin(asked.get("begin"))
    job["dependency"] = asked.get("dependency", "")
    job["array"], job["throttle"] = _array(store, asked.get("array"))
    return job


def _begin(text):
    if not text:
        return 0
    try:
        return words.read_moment(text, time.time())
    except ValueError as error:
        raise RefusedError(
            f"Invalid time specification (pos=0): {text}\nsbatch: error: Invalid --begin specification", 255
        ) from error


def _array(store, text):
    """([indices], limit); no array: (None, 0)."""
    if text is None:
        return None, 0
    invalid = "sbatch: error: Batch job submission failed: Invalid job array specification"
    try:
        indices, limit = arrays.parse(text)
    except ValueError as error:
        raise RefusedError(invalid) from error
    most = store.knobs["max_array_tasks"]
    if indices[-1] >= store.knobs["max_array_size"] or (most and len(indices) > most):
        raise RefusedError(invalid)
    return indices, limit


def _submit_slowly(store, job, script):
    """The id. Where a delay is told the submission is made by a process that outlives this one, as slurmctld does."""
    environ = b"\0".join(name + b"=" + value for name, value in os.environb.items())
    least, most = store.knobs["sbatch"]["delay_s"]
    if not most:
        return submit(store, job, script, environ)
    chance = int.from_bytes(os.urandom(4), "big") / 2**32
    delay_s = least + (most - least) * chance
    when = store.knobs["sbatch"]["delay_when"]
    before = when == "before" or (when == "either" and os.urandom(1)[0] % 2)
    answer, told = os.pipe()
    if os.fork() == 0:
        _detached(
            lambda: submit(store, job, script, environ), delay_s if before else 0, (answer, told), store.call
        )
    store.call.noted = True
    os.close(told)
    words_told = _read_all(answer)
    if not before:
        time.sleep(delay_s)
    if not words_told.startswith("id "):
        raise RefusedError(
            words_told or "sbatch: error: Batch job submission failed: Unexpected message received"
        )
    return int(words_told[3:])


def _detached(work, delay_s, pipe, call):
    """In a session of its own, without the caller's streams: only what it writes to the pipe comes back."""
    answer, told = pipe
    os.setsid()
    call.note()
    os.close(answer)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    time.sleep(delay_s)
    try:
        words_told = f"id {work()}"
    except RefusedError as refusal:
        words_told = refusal.text
    with suppress(BrokenPipeError):  # the caller is gone; the job is submitted all the same
        os.write(told, words_told.encode("utf-8", "surrogateescape"))
    leave(0)


def _read_all(pipe):
    text = b""
    while piece := os.read(pipe, 65536):
        text += piece
    return text.decode("utf-8", "surrogateescape")


def submit(store, job, script, environ):
    """Add the job and wake the runner; return its id. Waits while the cluster is full, as sbatch does."""
    complained = False
    while True:
        with store:
            if store.closed():
                leave(1)
            if _has_room(store, job):
                return _add(store, job, script, environ)
        if not complained:
            sys.stderr.write("sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying\n")
            sys.stderr.flush()
            complained = True
        store.knobs = type(store)(store.folder).knobs
        time.sleep(0.05)


def _has_room(store, job):
    new = len(job["array"]) if job["array"] else 1
    _check_limits(store, job, new)
    most = store.knobs["max_job_count"]
    return most >= 10000 or count_live(store) + new <= most


def _check_limits(store, job, new):
    """On how many jobs a user may have."""
    mine, of_qos = store.knobs["max_submit_jobs"], store.knobs["qos"].get(job["qos"], {}).get("max_submit")
    if mine is None and of_qos is None:
        return
    live = count_live(store)
    if mine is not None and live + new > mine:
        _refuse_limit("AssocMaxSubmitJobLimit")
    if of_qos is not None and live + new > of_qos:
        _refuse_limit("QOSMaxSubmitJobPerUserLimit")


def _refuse_limit(limit):
    raise RefusedError(
        f"sbatch: error: {limit}\nsbatch: error: Batch job submission failed: "
        "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"
    )


def count_live(store):
    """Jobs and array elements that wait or run."""
    total = 0
    for _, row in store.all(("live",)):
        total += len(arrays.parse(row["task"])[0]) if isinstance(row["task"], str) else 1
    return total


def _add(store, job, script, environ):
    if job["dependency"]:
        _check_dependency(job["dependency"])
    now = time.time()
    job["id"] = store.next_id()
    job["submit"] = now
    indices = job["array"]
    job["array"] = arrays.fold(indices) if indices else None
    row = record(arrays.fold(indices) if indices else None, job["id"], now)
    row["begin"], row["held"] = job["begin"], job["held"]
    row["reason"] = "JobHeldUser" if job["held"] else "BeginTime" if job["begin"] > now else "None"
    store.add(job, [row], script, environ)
    store.wake()
    return job["id"]


def _check_dependency(text):
    """The words must be Slurm's; a job that does not exist is accepted, and not waited for (seen)."""
    for part in text.replace("?", ",").split(","):
        kind, *ids = part.split(":")
        if kind == "singleton" and not ids:
            continue
        if kind not in _DEPENDENCIES or not ids or not all(word[:1].isdigit() for word in ids):
            raise RefusedError("sbatch: error: Batch job submission failed: Job dependency problem")


_DEPENDENCIES = ("after", "afterok", "afterany", "afternotok", "aftercorr", "afterburstbuffer")


def _answer(store, number, asked):
    told = store.knobs["sbatch"]
    if told["hang"]:
        wait_for(store, lambda knobs: not knobs["sbatch"]["hang"])
    cluster = ";" + store.knobs["cluster"] if told["show_cluster"] or "clusters" in asked else ""
    answer = f"{number}{cluster}" if "parsable" in asked else f"Submitted batch job {number}"
    if "quiet" in asked and "parsable" not in asked:
        answer = None
    lines = [*told["chatter_before"], answer, *told["chatter_after"]]
    try:
        sys.stdout.write("".join(f"{line}\n" for line in lines if line is not None))
        sys.stdout.flush()
    except BrokenPipeError:
        leave(1)
