#!/bin/bash
# Looks the trial up in the manifest instead of taking $1, and adds an override of its own.
set -euo pipefail

MANIFEST=".hyperherd/manifest.json"
INDEX="$SLURM_ARRAY_TASK_ID"

OVERRIDES=$(jq -r --argjson index "$INDEX" '
  .[] | select(.index == $index) | .params + (.extras // {})
  | to_entries | map("\(.key)=\(.value)") | join(" ")
' "$MANIFEST")
TRIAL_NAME=$(jq -r --argjson index "$INDEX" '.[] | select(.index == $index) | .experiment_name' "$MANIFEST")
export HYPERHERD_TRIAL_NAME="$TRIAL_NAME"

OVERRIDES="experiment_name=$TRIAL_NAME $OVERRIDES data.root=/scratch/imagenet"

apptainer exec --nv --bind "/scratch:/scratch" /shared/containers/trainer.sif \
    python train.py $OVERRIDES
