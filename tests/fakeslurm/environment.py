"""The environment and file names that a batch script gets (man sbatch 22.05: OUTPUT ENVIRONMENT, FILENAME PATTERN)."""

import os

from fakeslurm import arrays, resources


def variables(store, job, row, submitted):
    """Name -> value, in bytes. ``submitted`` is sbatch's environment, ``name=value`` parted by NUL."""
    inherited = dict(item.split(b"=", 1) for item in submitted.split(b"\0") if b"=" in item)
    result = _exported(inherited, job["export"])
    result[b"FAKESLURM_DIR"] = os.fsencode(store.folder)
    for name in (b"FAKESLURM_PYTHON", b"PATH", b"HOME"):
        if name in inherited:
            result.setdefault(name, inherited[name])
    for name, value in {**_job(store, job, row), **_array(job, row), **_resources(job, row)}.items():
        result[name.encode()] = os.fsencode(str(value))
    if row["restarts"]:
        result[b"SLURM_RESTART_COUNT"] = str(row["restarts"]).encode()
    return result


def _exported(inherited, export):
    """--export: ALL, NONE, NIL, names, ``name=value``; SLURM_* and SPANK_* always travel."""
    parts = export.split(",")
    everything = "ALL" in parts
    result = {
        name: value
        for name, value in inherited.items()
        if everything or name.startswith((b"SLURM_", b"SPANK_"))
    }
    for part in parts:
        name, equals, value = (os.fsencode(piece) for piece in part.partition("="))
        if equals:
            result[name] = value
        elif name in inherited:
            result[name] = inherited[name]
    result.pop(b"SLURM_RESTART_COUNT", None)
    return result


def _job(store, job, row):
    return {
        "SLURM_JOB_ID": row["raw"],
        "SLURM_JOBID": row["raw"],
        "SLURM_JOB_NAME": job["name"],
        "SLURM_JOB_USER": job["user"],
        "SLURM_JOB_UID": job["uid"],
        "SLURM_JOB_GID": job["gid"],
        "SLURM_JOB_ACCOUNT": job["account"],
        "SLURM_JOB_PARTITION": job["partition"],
        "SLURM_JOB_QOS": job["qos"],
        "SLURM_JOB_NODELIST": row["node"],
        "SLURM_NODELIST": row["node"],
        "SLURMD_NODENAME": row["node"],
        "SLURM_TOPOLOGY_ADDR": row["node"],
        "SLURM_TOPOLOGY_ADDR_PATTERN": "node",
        "SLURM_CLUSTER_NAME": store.knobs["cluster"],
        "SLURM_SUBMIT_DIR": job["submit_dir"],
        "SLURM_SUBMIT_HOST": os.uname().nodename,
        "SLURM_CONF": store.path("slurm.conf"),
        "SLURM_NODEID": 0,
        "SLURM_PROCID": 0,
        "SLURM_LOCALID": 0,
        "SLURM_GTIDS": 0,
        "SLURM_TASK_PID": os.getpid(),
        "SLURM_WORKING_CLUSTER": f"{store.knobs['cluster']}:127.0.0.1:6817:9728:109",
        "SLURM_GET_USER_ENV": 1,
        "ENVIRONMENT": "BATCH",
        "HOSTNAME": os.uname().nodename,
    }


def _array(job, row):
    if row["task"] is None:
        return {}
    indices = arrays.parse(job["array"])[0]
    return {
        "SLURM_ARRAY_JOB_ID": job["id"],
        "SLURM_ARRAY_TASK_ID": row["task"],
        "SLURM_ARRAY_TASK_COUNT": len(indices),
        "SLURM_ARRAY_TASK_MIN": indices[0],
        "SLURM_ARRAY_TASK_MAX": indices[-1],
        "SLURM_ARRAY_TASK_STEP": indices[1] - indices[0] if len(indices) > 1 else 1,
    }


def _resources(job, row):
    count = resources.cpus(job)
    result = {
        "SLURM_JOB_NUM_NODES": job["nodes"],
        "SLURM_NNODES": job["nodes"],
        "SLURM_JOB_CPUS_PER_NODE": count,
        "SLURM_CPUS_ON_NODE": count,
        "SLURM_TASKS_PER_NODE": job["ntasks_per_node"] or job["ntasks"] or 1,
    }
    asked = {
        "SLURM_NTASKS": job["ntasks"],
        "SLURM_NPROCS": job["ntasks"],
        "SLURM_NTASKS_PER_NODE": job["ntasks_per_node"],
        "SLURM_CPUS_PER_TASK": job["cpus_per_task"],
        "SLURM_MEM_PER_NODE": job["mem_mb"],
        "SLURM_MEM_PER_CPU": job["mem_per_cpu_mb"],
    }
    result.update({name: value for name, value in asked.items() if value is not None})
    if row["gpus"]:
        devices = ",".join(str(gpu) for gpu in row["gpus"])
        names = ("CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ROCR_VISIBLE_DEVICES", "SLURM_JOB_GPUS")
        result.update(dict.fromkeys(names, devices))
        result["SLURM_GPUS_ON_NODE"] = len(row["gpus"])
    return result


def output_path(pattern, job, row):
    """An --output or --error with its patterns filled in, absolute.

    A backslash anywhere switches them off (and goes away), as in Slurm.
    """
    pattern = pattern or ("slurm-%A_%a.out" if row["task"] is not None else "slurm-%j.out")
    if "\\" in pattern:
        return os.path.join(job["work_dir"], pattern.replace("\\", ""))
    values = {
        "%": "%",
        "A": job["id"],
        "a": row["task"] if row["task"] is not None else 4294967294,
        "j": row["raw"],
        "J": row["raw"],
        "N": row["node"],
        "n": 0,
        "s": "batch",
        "t": 0,
        "u": job["user"],
        "x": job["name"],
    }
    return os.path.join(job["work_dir"], _fill(pattern, values))


def _fill(pattern, values):
    """``%5a`` is padded with zeros; an unknown letter stays as it is."""
    result, letters = "", iter(pattern)
    for letter in letters:
        if letter != "%":
            result += letter
            continue
        width, letter = "", next(letters, "")
        while letter.isdigit():
            width, letter = width + letter, next(letters, "")
        if letter in values and letter:
            value = str(values[letter])
            result += value.zfill(min(int(width), 10)) if width and value.isdigit() else value
        else:
            result += "%" + width + letter
    return result
