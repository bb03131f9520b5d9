"""How this copy of HyperHerd was installed, and the commands that install more: beside it, or in another Python."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

IMPORTED = "hyperherd"
DISTRIBUTION = "herd-sweeps"
"""Its name on the package index, where that of the import is another project's."""

DISTRIBUTIONS = {
    "Bio": "biopython",
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "git": "GitPython",
    "google": "protobuf",
    "hydra": "hydra-core",
    "pytorch_lightning": "pytorch-lightning",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
    "yaml": "PyYAML",
}
"""Import name -> the name of its distribution on the index, where the two differ."""


def words(python: str, missing: Sequence[str], source: str) -> str:
    """The commands that install modules into another Python; ``source`` as `source` has it.

    >>> words("/v/bin/python", ["torch", "sklearn"], "")
    '/v/bin/python -m pip install torch scikit-learn'
    >>> words("/v/bin/python", ["hyperherd"], "/src/herd")
    '/v/bin/python -m pip install --no-deps /src/herd (the hyperherd of PyPI is another program)'
    """
    pip = f"{shlex.quote(python)} -m pip install"
    others = [DISTRIBUTIONS.get(name, name) for name in missing if name != IMPORTED]
    commands = [f"{pip} {' '.join(others)}"] if others else []
    if IMPORTED in missing:
        where = shlex.quote(source) if source else DISTRIBUTION
        commands.append(f"{pip} --no-deps {where} (the hyperherd of PyPI is another program)")
    return "; ".join(commands)


def beside(package: str) -> str:
    """The command that installs a package beside this copy, in the way that this copy was installed."""
    return _beside(package, sys.prefix, _marks(Path(sys.prefix)))


def _beside(package: str, prefix: str, marks: Mapping[str, str]) -> str:
    """``marks``: what pyvenv.cfg says.

    >>> _beside("polars", "/home/u/.local/share/uv/tools/herd-sweeps", {"uv": "0.9"})
    'uv tool install herd-sweeps --with polars'
    >>> _beside("polars", "/home/u/.local/share/pipx/venvs/herd-sweeps", {})
    'pipx inject herd-sweeps polars'
    """
    package, parts = shlex.quote(package), Path(prefix).parts
    if parts[-3:-1] == ("uv", "tools"):
        return f"uv tool install {parts[-1]} --with {package}"
    if parts[-3:-1] == ("pipx", "venvs"):
        return f"pipx inject {parts[-1]} {package}"
    if "uv" in marks:
        return f"uv pip install --python {shlex.quote(prefix)} {package}"
    return f"{shlex.quote(sys.executable)} -m pip install {package}"


def source() -> str:
    """What pip can install this copy from once more: its checkout, or the folder or file that it was installed from
    (PEP 610); "" where it came from the index, or that is no longer there.
    """
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file() and (checkout / "src" / IMPORTED).is_dir():
        return str(checkout)
    from importlib import metadata  # takes 20 ms

    try:
        told = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return ""
    url = urlsplit(json.loads(told)["url"]) if told else None
    path = unquote(url.path) if url and url.scheme == "file" else ""
    return path if path and Path(path).exists() else ""


def _marks(prefix: Path) -> dict[str, str]:
    """What ``pyvenv.cfg`` says (PEP 405)."""
    try:
        lines = (prefix / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines)
    return {key.strip(): value.strip() for key, _, value in pairs}
