#!/bin/bash
# The trainer calls hyperherd.parse_overrides(), which reads the one argument.
set -euo pipefail
cd "$(dirname "$0")"
python train.py "$1"
