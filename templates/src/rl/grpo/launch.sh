#!/bin/bash
# One trial of the sweep beside this file. Another environment than `uv sync` makes: change the line that activates it.
set -euo pipefail

project=$(cd "$(dirname "$0")/../../.." && pwd)
source "$project/.venv/bin/activate"
python -m rl.grpo.launch compute=local hydra.run.dir="outputs/$HYPERHERD_TRIAL_NAME" $1
