"""Bash scripts as text: quoting, a script's training, where overrides stand. No I/O, and only the standard library."""
