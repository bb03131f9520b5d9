#!/bin/bash
# A conda environment, with conda at a place that we know.
set -euo pipefail

OVERRIDES="$1"

source /opt/conda/etc/profile.d/conda.sh
conda activate myenv

python train.py $OVERRIDES
