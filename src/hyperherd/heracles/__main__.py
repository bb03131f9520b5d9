"""``python -m hyperherd.heracles``."""

from hyperherd.heracles.main import main

main()
