"""How a Python is given the packages that it lacks, in words to type."""

from __future__ import annotations

import importlib.metadata
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import hyperherd

OURS = "hyperherd"

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
"""Import name -> the name of its distribution on PyPI, where the two differ."""


def words(python: str, missing: Sequence[str], source: str) -> str:
    """The commands that install them; ``source`` as `source` has it.

    >>> words("/v/bin/python", ["torch", "sklearn"], "")
    '/v/bin/python -m pip install torch scikit-learn'
    >>> words("/v/bin/python", ["hyperherd"], "/src/herd")
    '/v/bin/python -m pip install --no-deps /src/herd (the hyperherd of PyPI is another program)'
    """
    pip = f"{shlex.quote(python)} -m pip install"
    others = [DISTRIBUTIONS.get(name, name) for name in missing if name != OURS]
    commands = [f"{pip} {' '.join(others)}"] if others else []
    if OURS in missing:
        where = shlex.quote(source) if source else "FOLDER, the checkout that herd was installed from"
        commands.append(f"{pip} --no-deps {where} (the hyperherd of PyPI is another program)")
    return "; ".join(commands)


def source() -> str:
    """What pip can install this hyperherd from once more: its checkout, or the folder or file that it was installed
    from (PEP 610); "" where that is not known or no longer there.
    """
    checkout = Path(hyperherd.__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file() and (checkout / "src" / OURS).is_dir():
        return str(checkout)
    try:
        told = importlib.metadata.distribution(OURS).read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return ""
    url = urlsplit(json.loads(told)["url"]) if told else None
    path = unquote(url.path) if url and url.scheme == "file" else ""
    return path if path and Path(path).exists() else ""
