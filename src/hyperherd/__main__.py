"""``python -m hyperherd``: the same as ``herd``."""

from hyperherd.cli.main import main

main()
