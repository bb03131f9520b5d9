"""``make quick``: the tests that start no process, and fewer examples of each property.

Nobody keeps a list of them: a test that starts a process leaves the run at that moment, as skipped.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

LEAVES = "starts a process: not in the quick run"
STARTS = frozenset(
    {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system", "pty.spawn"}
)
"""Audit events (the table of them in Python's documentation)."""

EXAMPLES = 25
"""Of a property that names no number of its own; `examples.examples` for those that do."""


class Quick:
    """While a test is made ready and runs, this process starts no other."""

    def __init__(self) -> None:
        from hypothesis import settings

        settings.register_profile("quick", max_examples=EXAMPLES)
        settings.load_profile("quick")
        self.watching = False
        sys.addaudithook(self._audit)

    def _audit(self, event: str, _arguments: Any) -> None:
        if self.watching and event in STARTS:
            pytest.skip(LEAVES)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self) -> Iterator[None]:
        return (yield from self._watched())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        return (yield from self._watched())

    def _watched(self) -> Iterator[None]:
        self.watching = True
        try:
            return (yield)
        finally:
            self.watching = False

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        left = sum(LEAVES in str(report.longrepr) for report in terminalreporter.stats.get("skipped", ()))
        terminalreporter.write_line(f"quick: {left} tests that start processes were left to make test")
