#!/bin/bash
# A container by way of srun (the pyxis plugin of Slurm): the image, and the folders that are seen in it.
set -euo pipefail

OVERRIDES="$1"
IMAGE="registry.example.org/trainer:1.4"

srun --container-image="$IMAGE" \
     --container-mounts="$HYPERHERD_WORKSPACE:$HYPERHERD_WORKSPACE,/scratch:/scratch" \
     --container-workdir="$HYPERHERD_WORKSPACE" \
     python train.py $OVERRIDES
