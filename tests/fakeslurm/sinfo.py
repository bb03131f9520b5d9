"""sinfo (man page of 22.05): one line a partition, by -o."""

import os
import sys

from fakeslurm import resources
from fakeslurm.argv import Table

_TABLE = Table(
    "sinfo",
    required="""
        clusters Format format iterate nodes partition sort states
    """,
    none="""
        all dead exact federation hide help list-reasons local long Node noconvert noheader reservation
        responding summarize usage verbose version
    """,
    optional="""

    """,
    shorts="""
        a=all d=dead e=exact h=noheader i=iterate l=long M=clusters n=nodes N=Node o=format O=Format p=partition
        r=responding R=list-reasons s=summarize S=sort t=states T=reservation v=verbose V=version
    """,
)

_HEADERS = {
    "a": "AVAIL", "c": "CPUS", "D": "NODES", "f": "AVAIL_FEATURES", "G": "GRES", "l": "TIMELIMIT", "m": "MEMORY",
    "N": "NODELIST", "P": "PARTITION", "R": "PARTITION", "t": "STATE", "T": "STATE", "E": "REASON",
    "h": "OVERSUBSCRIBE", "p": "PRIO_TIER", "C": "CPUS(A/I/O/T)", "n": "HOSTNAMES",
}  # fmt: skip


def main(store, argv):
    given, _ = _TABLE.parse(argv, anywhere=True)
    told = dict(given)
    if "version" in told:
        print("slurm-wlm 22.05.8")
        return 0
    form = told.get("format") or os.environ.get("SINFO_FORMAT") or "%9P %.5a %.10l %.6D %.6t %N"
    wanted = told.get("partition")
    names = [name for name in store.knobs["partitions"] if not wanted or name in wanted.split(",")]
    lines = [] if "noheader" in told else [_line(form, _HEADERS)]
    nodes = list(resources.NODES) if "Node" in told else ["n[1-4]"]
    lines += [_line(form, _values(store, name, node)) for node in nodes for name in names]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def _values(store, name, node):
    about = store.knobs["partitions"][name]
    return {
        "a": "up",
        "c": 16,
        "C": "0/64/0/64",
        "D": 1 if "[" not in node else 4,
        "E": "none",
        "f": "(null)",
        "G": f"gpu:t4:{store.knobs['gpus_per_node']}",
        "h": "NO",
        "l": about.get("max_time", "infinite"),
        "m": resources.NODE_MEMORY_MB,
        "n": node,
        "N": node,
        "p": 1,
        "P": name + ("*" if about.get("default") else ""),
        "R": name,
        "t": "idle",
        "T": "idle",
    }


def _line(form, values):
    """The values in a form such as ``%.6D|%P``."""
    result, letters = "", iter(form)
    for letter in letters:
        if letter != "%":
            result += letter
            continue
        right, digits, field = False, "", next(letters, "")
        if field == ".":
            right, field = True, next(letters, "")
        while field.isdigit():
            digits, field = digits + field, next(letters, "")
        text = str(values.get(field, ""))
        if digits:
            text = text[: int(digits)].rjust(int(digits)) if right else text[: int(digits)].ljust(int(digits))
        result += text
    return result
