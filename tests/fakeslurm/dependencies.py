"""--dependency: what a waiting job still waits for."""


def state(store, job):
    """None when it may start, else Slurm's reason."""
    text = job["dependency"]
    if not text:
        return None
    any_of = "?" in text
    answers = [_one(store, job, part) for part in text.replace("?", ",").split(",")]
    if any_of:
        return None if None in answers else _worst(answers)
    return _worst([answer for answer in answers if answer])


def _worst(answers):
    if not answers:
        return None
    return "DependencyNeverSatisfied" if "DependencyNeverSatisfied" in answers else "Dependency"


def _one(store, job, part):
    kind, *ids = part.split(":")
    if kind == "singleton":
        return _singleton(store, job)
    return _worst(
        [answer for answer in (_of_job(store, kind, word.partition("+")[0]) for word in ids) if answer]
    )


def _singleton(store, job):
    for other, _ in store.all(("live",)):
        if other["name"] == job["name"] and other["user"] == job["user"] and other["id"] < job["id"]:
            return "Dependency"
    return None


def _of_job(store, kind, word):
    number, _, task = word.partition("_")
    states = [
        row["state"]
        for other, row in store.all()
        if str(number) in (str(other["id"]), str(row["raw"])) and (not task or str(row["task"]) == task)
    ]
    if kind == "after":
        return "Dependency" if "PENDING" in states else None
    if "PENDING" in states or "RUNNING" in states:
        return "Dependency"
    if not states:
        return None
    good = all(word == "COMPLETED" for word in states)
    if (kind in ("afterok", "aftercorr") and not good) or (kind == "afternotok" and good):
        return "DependencyNeverSatisfied"
    return None
