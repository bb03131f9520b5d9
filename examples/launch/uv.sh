#!/bin/bash
# uv finds the project's .venv from the folder it stands in.
set -euo pipefail

OVERRIDES="$1"
cd "$(dirname "$0")"
uv run python train.py $OVERRIDES
