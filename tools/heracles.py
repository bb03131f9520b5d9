"""Make heracles.pyz, one file that needs nothing but Python: ``python tools/heracles.py [FILE]``."""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipapp
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src/hyperherd"
PARTS = ("__init__.py", "errors.py", "grammar", "bash", "heracles")
MAIN = """\
import sys

if sys.version_info < (3, 10):
    sys.exit("heracles needs Python 3.10 or newer; this is %d.%d: python3.12 heracles.pyz ..." % sys.version_info[:2])

from hyperherd.heracles.main import main

main()
"""


def make(target: Path) -> None:
    """Write the archive, which can be run as it is."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder, "hyperherd")
        package.mkdir()
        for part in PARTS:
            if (SOURCE / part).is_dir():
                shutil.copytree(SOURCE / part, package / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(SOURCE / part, package)
        Path(folder, "__main__.py").write_text(MAIN)
        zipapp.create_archive(folder, target, interpreter="/usr/bin/env python3", compressed=True)
    target.chmod(0o755)


if __name__ == "__main__":
    make(Path(sys.argv[1] if len(sys.argv) > 1 else "heracles.pyz"))
