"""In the place of ``launcher=herd`` where HyperHerd is not installed: says so."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher


class WithoutHerd(Launcher):
    def __init__(self, **settings: Any) -> None:
        super().__init__()

    def setup(self, **_: Any) -> NoReturn:
        sys.exit(
            "launcher=herd: HyperHerd is not installed here\n"
            "  uv add /path/to/a/checkout/of/HyperHerd, or pip install that folder"
        )

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        return []
