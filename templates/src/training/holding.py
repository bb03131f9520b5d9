"""``python -S holding.py ARGUMENTS``: hold USR1 and USR2 back, and become ``python ARGUMENTS``.

A program that does not handle them yet is killed by them, and Submitit takes a second or two to load. What is held back
comes when the job lets it in.
"""

import os
import signal
import sys

HELD = (signal.SIGUSR1, signal.SIGUSR2)

if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
