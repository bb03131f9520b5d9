"""Bash scripts as text: a word quoted, the end of a script's last command. No I/O, and only the standard library."""
