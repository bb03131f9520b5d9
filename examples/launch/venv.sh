#!/bin/bash
# A virtual environment, activated here rather than in the shell that `herd run` was typed into.
set -euo pipefail

source /home/me/project/.venv/bin/activate
OVERRIDES="$1"
cd "$(dirname "$0")"
python train.py $OVERRIDES
