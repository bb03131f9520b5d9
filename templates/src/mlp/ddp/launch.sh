#!/bin/bash
# One trial of the sweep beside this file. Another environment than `uv sync` makes: change the line that activates it.
set -euo pipefail

project=$(cd "$(dirname "$0")/../../.." && pwd)
source "$project/.venv/bin/activate"
ranks=${SLURM_GPUS_ON_NODE:-2} # a process for each GPU; two where there is none
torchrun --standalone --nproc-per-node="$ranks" \
    -m mlp.ddp.launch compute=local hydra.run.dir="outputs/$HYPERHERD_TRIAL_NAME" $1
