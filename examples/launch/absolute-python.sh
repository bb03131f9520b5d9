#!/bin/bash
# The interpreter by its path: nothing to get wrong, and nothing that works on another machine.
set -euo pipefail

OVERRIDES="$1"
cd "$(dirname "$0")"
/home/me/project/.venv/bin/python train.py $OVERRIDES
