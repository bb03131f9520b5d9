#!/bin/bash
# The trainer takes --name value: turn each name=value into a pair of words.
set -euo pipefail

OVERRIDES="$1"

FLAGS=()
for word in $OVERRIDES; do
    FLAGS+=("--${word%%=*}" "${word#*=}")
done

python train.py "${FLAGS[@]}"
