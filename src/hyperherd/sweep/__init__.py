"""WHAT to run: values and decisions. Nothing in here reads or writes a file, asks a scheduler or the clock."""
