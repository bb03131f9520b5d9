"""No test sees the descriptions of the person who runs it."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def configuration_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty configuration folder."""
    folder = tmp_path / "configuration"
    folder.mkdir()
    monkeypatch.setenv("HYPERHERD_CONFIG_DIR", str(folder))
    return folder
