"""What `herd doctor` found, as a table and words, and as a JSON document (bytes, null)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperherd.doctor.diagnosis import Diagnosis
from hyperherd.doctor.probe import Seen
from hyperherd.views import columns
from hyperherd.views.columns import Cell, Row, Screen


def table(found: Diagnosis, screen: Screen) -> str:
    """A line for each thing that was looked at: here, and on the node; what differs comes first."""
    node = found.node
    head: list[str | Cell] = ["", "here", *([f"on {node.place}"] if node else [])]
    rows: list[Row] = []
    for row in found.rows:
        cells: list[str | Cell] = [row.what, row.here]
        if row.node is not None:
            cells.append(Cell(row.node, "yellow") if row.differs else row.node)
        rows.append(cells)
    return columns.table(rows, screen, head=head, middle=(1, 2) if node else (1,))


def told(found: Diagnosis) -> Iterator[str]:
    """What was found and what to do about it, then the verdict."""
    for finding in found.findings:
        yield f"{'! ' if finding.fatal else 'note: '}{finding.what}\n    {finding.hint}"
    where = f"on {found.node.place}" if found.node else "here"
    fatal = sum(finding.fatal for finding in found.findings)
    yield (
        f"{fatal} thing{'s' * (fatal != 1)} would fail {where}."
        if fatal
        else f"Nothing was found that would fail {where}."
    )


def document(found: Diagnosis, script: str, command: str) -> dict[str, Any]:
    """The same, for scripts."""
    return {
        "script": script,
        "command": command,
        "well": found.well,
        "findings": [
            {"fatal": finding.fatal, "what": finding.what, "hint": finding.hint} for finding in found.findings
        ],
        "here": _seen(found.here),
        "node": _seen(found.node) if found.node else None,
    }


def _seen(seen: Seen) -> dict[str, Any]:
    python = seen.python or {}
    free = seen.fact("free_kib")
    workspace = seen.facts.get("workspace", ())
    return {
        "place": seen.place,
        "host": seen.fact("begun") or None,
        "exit_code": seen.exit_code,
        "last_words": seen.last_words,
        "reached": "reached" in seen.facts,
        "folder": seen.fact("reached") or None,
        "bash": seen.fact("bash") or None,
        "program": seen.fact("program") or None,
        "program_path": seen.fact("found") or None,
        "python": python.get("executable"),
        "python_version": python.get("version"),
        "python_prefix": python.get("prefix"),
        "trainer": python.get("file") or python.get("module") or None,
        "trainer_found": python.get("file_found"),
        "packages": {
            name: {
                "found": one["origin"] is not None,
                "version": one["version"] or None,
                "needed": one["needed"],
            }
            for name, one in python.get("packages", {}).items()
        },
        "hyperherd_found": python.get("hyperherd"),
        "workspace_found": bool(workspace),
        "workspace_writable": "writable" in workspace,
        "free_bytes": int(free) * 1024 if free.isdigit() else None,
        "open_files": int(seen.fact("nofile")) if seen.fact("nofile").isdigit() else None,
        "cuda_visible_devices": None
        if seen.fact("cuda_visible") in ("", "unset")
        else seen.fact("cuda_visible"),
        "gpus": list(seen.facts.get("gpu", ())),
    }
