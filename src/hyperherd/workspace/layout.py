"""Every file name that we promise. Trainers import this: nothing heavy."""

from __future__ import annotations

CONFIG = "hyperherd.yaml"
STATE_FOLDER = ".hyperherd"
OF_A_SCRIPT = ".herd"
"""Behind a script's name: the workspace of its sweep."""

MANIFEST = "manifest.json"
JOB_IDS = "job_ids.json"
FORMAT = "workspace.json"
ENDED = "ended.json"
LOCK = "lock"
GIT_IGNORE = ".gitignore"
NEWEST_SCRIPT = "job.sbatch"
JOBS = "jobs"
SUBMISSIONS = "submissions"
ATTEMPTS = "attempts"
NOTICES = "notices"
LOGS = "logs"
OF_SLURM = "slurm"
SLURM_LOGS = f"{LOGS}/{OF_SLURM}"
RESULTS = "results"
OUTPUTS = "outputs"
"""Beside the YAML, not in the state folder: what trials make for their users."""
TASKS = "tasks"
DRILL = "drill"
SOURCE = "source"
GENERATION = "g-"
"""Begins the name of the folder of all that nodes write, but logs and results."""
GENERATION_RECORD = "generation.json"
STREAM = "stream"
FINAL = "final"
JSONL = ".jsonl"


_LONGEST_PART = 150
"""Bytes of a metric's name in one path component: of 255, the rest is for the writer."""


def stream_file(metric: str, writer: str = "") -> str:
    """A metric's stream below ``stream/``; ``writer`` (see `writer_name`) for all but the first writer.

    ``/``, ``%``, a leading dot and what cannot be printed are percent-encoded, byte by byte in UTF-8, and
    so is a last dot that would make the rest look like a writer. A long name is cut; each folder of it ends
    in ``%``.

    >>> stream_file("train/loss"), stream_file("loss", "node1-77"), stream_file("recall.top-5")
    ('train%2Floss.jsonl', 'loss.node1-77.jsonl', 'recall%2Etop-5.jsonl')
    """
    *folders, last = _cut(_encoded(metric))
    if without_writer(last) != last:
        last = "%2E".join(last.rsplit(".", 1))
    suffix = f".{writer}" if writer else ""
    return "/".join([*(f"{folder}%" for folder in folders), f"{last}{suffix}{JSONL}"])


def writer_name(host: str, pid: int) -> str:
    """Who writes a file that is not the first of its kind. No dot is in it: a metric's name may have dots.

    >>> writer_name("node1.cluster", 77)
    'node1%2Ecluster-77'
    """
    return f"{_encoded(host).replace('.', '%2E')}-{pid}"


def without_writer(stem: str) -> str:
    """``loss`` of ``loss.node1-77``; a stem that names no writer as it is."""
    head, _, writer = stem.rpartition(".")
    host, _, pid = writer.rpartition("-")
    return head if head and host and pid.isascii() and pid.isdigit() else stem


def decoded(text: str) -> str:
    """The metric's name of a percent-encoded one; what is no encoding stays (0.1.3 encoded nothing).

    >>> decoded("train%2Floss"), decoded("99%")
    ('train/loss', '99%')
    """
    first, *rest = text.split("%")
    encoded = first.encode("utf-8", "surrogatepass")
    for part in rest:
        code = _byte(part[:2])
        tail = part if code is None else part[2:]
        encoded += (b"%" if code is None else code) + tail.encode("utf-8", "surrogatepass")
    try:
        return encoded.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return text


def _encoded(text: str) -> str:
    plain = "".join(c if c.isprintable() and c not in "/%" else _percent(c) for c in text)
    return f"%2E{plain[1:]}" if plain.startswith(".") else plain


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _byte(digits: str) -> bytes | None:
    if len(digits) == 2 and all(digit in "0123456789ABCDEF" for digit in digits):
        return bytes([int(digits, 16)])
    return None


def _cut(text: str) -> list[str]:
    parts, size = [""], 0
    for character in text:
        width = len(character.encode())
        if size + width > _LONGEST_PART:
            parts.append("")
            size = 0
        parts[-1] += character
        size += width
    return parts
