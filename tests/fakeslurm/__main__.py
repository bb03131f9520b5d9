"""``python -I -S __main__.py PROGRAM ARGUMENTS``: what the programs in bin/ run."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from fakeslurm.program import main

main(sys.argv[1], sys.argv[2:])
