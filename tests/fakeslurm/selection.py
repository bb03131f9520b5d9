"""Which records the words of a command line mean: ``10``, ``10_3``, ``10_[1-3,5]``, raw ids, lists with commas."""

from fakeslurm import arrays


def matches(word, job, row):
    """Does this word mean this record, or a part of it?

    >>> matches("10_[1-3]", {"id": 10}, {"task": "3-9", "raw": 10})
    True
    """
    number, _, tasks = word.partition("_")
    if not tasks:
        return number in (str(job["id"]), str(row["raw"]))
    return number == str(job["id"]) and bool(set(indices_of(row)) & set(_indices(tasks)))


def any_matches(asked, job, row):
    return any(matches(word, job, row) for word in asked)


def indices_of(row):
    """The array indices of a record; none for a plain job."""
    if row["task"] is None:
        return []
    return arrays.parse(row["task"])[0] if isinstance(row["task"], str) else [row["task"]]


def split_list(text):
    """Parted by commas outside brackets.

    >>> split_list("10_[1,3],12")
    ['10_[1,3]', '12']
    """
    words, depth = [""], 0
    for letter in text:
        depth += {"[": 1, "]": -1}.get(letter, 0)
        if letter == "," and not depth:
            words.append("")
        else:
            words[-1] += letter
    return [word for word in words if word]


def tasks_of(word):
    """``10_[1-3]`` -> [1, 2, 3]; none where the word names no elements."""
    tasks = word.partition("_")[2]
    return _indices(tasks) if tasks else []


def is_id(word):
    number, line, tasks = word.partition("_")
    try:
        return number.isdigit() and (not line or bool(_indices(tasks)))
    except ValueError:
        return False


def _indices(tasks):
    return arrays.parse(tasks)[0]


def name(job, row, limit_shown=True, longest=64):
    """``10_3``, ``10_[0-3%2]``, ``10``."""
    if row["task"] is None:
        return str(job["id"])
    if isinstance(row["task"], int):
        return f"{job['id']}_{row['task']}"
    limit = job["throttle"] if limit_shown else 0
    return f"{job['id']}_[{arrays.shown(indices_of(row), limit, longest)}]"


def touched(store, word, splitting=True):
    """(job, record) of what the word means, each to be changed alone. Hold the lock.

    Elements that wait get records of their own.
    """
    found = []
    tasks = word.partition("_")[2]
    for job, row in store.all():
        if row["hidden"] or not matches(word, job, row):
            continue
        if tasks and isinstance(row["task"], str) and splitting and row["state"] == "PENDING":
            wanted = set(_indices(tasks)) & set(indices_of(row))
            found += [(job, store.split(job, row, task)) for task in sorted(wanted)]
        else:
            found.append((job, row))
    return found
