#!/bin/bash
# Values with blanks or quotes: HYPERHERD_ARGV holds the same words, quoted for the shell.
set -euo pipefail
cd "$(dirname "$0")"
eval "set -- $HYPERHERD_ARGV"
python train.py "$@"
