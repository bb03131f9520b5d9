"""Slurm's words and forms: states, times, memory, signals."""

import os
import time

COMPACT = {
    "BOOT_FAIL": "BF",
    "CANCELLED": "CA",
    "COMPLETED": "CD",
    "CONFIGURING": "CF",
    "COMPLETING": "CG",
    "DEADLINE": "DL",
    "FAILED": "F",
    "NODE_FAIL": "NF",
    "OUT_OF_MEMORY": "OOM",
    "PENDING": "PD",
    "PREEMPTED": "PR",
    "RUNNING": "R",
    "REQUEUED": "RQ",
    "REQUEUE_FED": "RF",
    "REQUEUE_HOLD": "RH",
    "RESIZING": "RS",
    "RESV_DEL_HOLD": "RD",
    "REVOKED": "RV",
    "SIGNALING": "SI",
    "SPECIAL_EXIT": "SE",
    "STAGE_OUT": "SO",
    "STOPPED": "ST",
    "SUSPENDED": "S",
    "TIMEOUT": "TO",
}
"""State words and squeue's short ones (man squeue 22.05, JOB STATE CODES)."""

LIVE = ("PENDING", "RUNNING", "SUSPENDED", "COMPLETING", "CONFIGURING")
"""What squeue shows unless told otherwise."""

SIGNALS = {
    "HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "USR1": 10, "USR2": 12,
    "PIPE": 13, "ALRM": 14, "TERM": 15, "CONT": 18, "STOP": 19, "TSTP": 20, "URG": 23,
}  # fmt: skip


def state_word(text):
    """``pd``, ``PENDING`` -> ``PENDING``; None for an unknown word."""
    text = text.upper()
    if text in COMPACT:
        return text
    return next((word for word, code in COMPACT.items() if code == text), None)


def signal_number(text):
    """``USR1``, ``SIGUSR1``, ``10`` -> 10; None for an unknown one."""
    if text.isdigit():
        return int(text)
    return SIGNALS.get(text.upper().removeprefix("SIG"))


def moment(seconds, absent="N/A"):
    """A time of day as Slurm prints it: local time, or SLURM_TIME_FORMAT; ``absent`` for 0."""
    if not seconds:
        return absent
    form = os.environ.get("SLURM_TIME_FORMAT", "")
    if not form or form in ("standard", "relative"):
        form = "%Y-%m-%dT%H:%M:%S"
    return time.strftime(form, time.localtime(seconds))


def read_moment(text, now):
    """``now+5``, ``now-2hours``, ``2026-11-21[T07:44[:57]]``, ``07:44``, seconds since the epoch. Raises ValueError."""
    if text.startswith(("now", "today", "midnight", "uptime")):
        return _relative(text, now)
    if text.isdigit() and len(text) > 8:
        return float(text)
    for form in ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d", "%m/%d/%y-%H:%M:%S", "%m/%d/%y"):
        try:
            return time.mktime(time.strptime(text, form))
        except ValueError:
            continue
    hours, minutes, *seconds = (int(part) for part in text.split(":"))
    today = time.localtime(now)
    return time.mktime((*today[:3], hours, minutes, seconds[0] if seconds else 0, 0, 0, -1))


def _relative(text, now):
    word = next(w for w in ("now", "today", "midnight", "uptime") if text.startswith(w))
    start = now if word in ("now", "uptime") else time.mktime((*time.localtime(now)[:3], 0, 0, 0, 0, 0, -1))
    rest = text[len(word) :]
    if not rest:
        return start
    digits = rest[1:].rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[rest[1 + len(digits) :][:1]]
    return start + int(digits) * unit * (-1 if rest[0] == "-" else 1)


def minutes(text):
    """The time limit in minutes, rounded up; None without limit. Raises ValueError (man sbatch, --time).

    >>> minutes("1:30"), minutes("1-12"), minutes("90"), minutes("02:00:00")
    (2, 2160, 90, 120)
    """
    if text.lower() in ("infinite", "unlimited", "-1"):
        return None
    days, dash, rest = text.partition("-")
    parts = [int(part) for part in (rest if dash else days).split(":")]
    if any(part < 0 for part in parts) or len(parts) > 3:
        raise ValueError(text)
    if dash:
        hours, mins, secs = [*parts, 0, 0][:3]
        hours += 24 * int(days)
    elif len(parts) == 3:
        hours, mins, secs = parts
    else:
        hours, mins, secs = 0, *[*parts, 0][:2]  # type: ignore[misc]
    return hours * 60 + mins + (1 if secs else 0)


def span(seconds, always_hours=False):
    """A duration: squeue's ``5:03``, ``1:05:03``, ``2-01:05:03``; sacct's has hours always: ``00:05:03``."""
    seconds = max(0, int(seconds))
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    mins, secs = divmod(rest, 60)
    if days:
        return f"{days}-{hours:02d}:{mins:02d}:{secs:02d}"
    if always_hours:
        return f"{hours:02d}:{mins:02d}:{secs:02d}"
    return f"{hours}:{mins:02d}:{secs:02d}" if hours else f"{mins}:{secs:02d}"


def megabytes(text):
    """``4G``, ``4GB`` -> 4096, ``512`` -> 512, ``1024K`` -> 1. Raises ValueError on anything else."""
    text = text[:-1] if text[-2:].upper() in ("KB", "MB", "GB", "TB") else text
    digits, unit = text[:-1], text[-1:].upper()
    if unit.isdigit():
        digits, unit = text, "M"
    if not digits.isdigit() or unit not in "KMGT":
        raise ValueError(text)
    return (
        max(1, int(digits) // 1024) if unit == "K" else int(digits) * {"M": 1, "G": 1024, "T": 1024**2}[unit]
    )


def memory(mb):
    """Megabytes as Slurm prints them: ``4G``, ``512M``, ``0``."""
    units = iter("MGTP")
    unit = next(units)
    while mb and mb % 1024 == 0:
        mb, unit = mb // 1024, next(units)
    return f"{mb}{unit}" if mb else "0"
