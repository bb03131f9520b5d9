#!/bin/bash
# Environment modules of the site, and a virtual environment made with the Python that they bring.
set -euo pipefail

module load python cuda
source /home/me/project/.venv/bin/activate
OVERRIDES="$1"
cd "$(dirname "$0")"
python train.py $OVERRIDES
