#!/bin/bash
# The trainer takes --name value: turn each name=value into a pair of words.
set -euo pipefail

OVERRIDES="$1"

FLAGS=()
for word in $OVERRIDES; do
    [[ $word == experiment_name=* ]] && continue    # the trial's name, which $HYPERHERD_TRIAL_NAME holds too
    FLAGS+=("--${word%%=*}" "${word#*=}")
done

python train.py "${FLAGS[@]}"
