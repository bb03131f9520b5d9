#!/bin/bash
# apptainer itself comes from an environment module.
set -euo pipefail

module load apptainer
OVERRIDES="$1"
apptainer exec --nv /shared/containers/trainer.sif \
    python train.py $OVERRIDES
