#!/bin/bash
# A conda environment, wherever conda is.
set -euo pipefail

source "$(conda info --base)/etc/profile.d/conda.sh"
conda activate myenv
OVERRIDES="$1"
cd "$(dirname "$0")"
python train.py $OVERRIDES
