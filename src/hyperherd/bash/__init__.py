"""Bash scripts as text: a word quoted, a script's training, where overrides stand. No I/O, and only the standard library."""
