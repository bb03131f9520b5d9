"""What a submission and its attempts leave on the disk: registers, claims, notes and marks, and what trials are told.

The only reader and writer of these files, in Python and (``attempts.sh``) in bash. It takes a folder and numbers; it
knows neither sweeps nor schedulers. How they carry "exactly once": docs/architecture.md.
"""
