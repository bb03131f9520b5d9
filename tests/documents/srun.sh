#!/bin/bash
# A container by way of srun (the pyxis plugin of Slurm).
set -euo pipefail

OVERRIDES="$1"
IMAGE="registry.example.org/trainer:1.4"

srun --container-image="$IMAGE" \
     --container-mounts="/scratch:/scratch" \
     python train.py $OVERRIDES
