#!/bin/bash
# The trainer lives in a container; the node needs apptainer and nothing else.
set -euo pipefail

OVERRIDES="$1"
IMAGE="/shared/containers/trainer.sif"
BINDS="/scratch:/scratch,/home/$USER:/home/$USER"

apptainer exec --nv --bind "$BINDS" "$IMAGE" \
    python train.py $OVERRIDES
