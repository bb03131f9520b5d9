#!/bin/bash
# Runs one trial. herd calls it as: bash launch.sh "experiment_name=... learning_rate=0.001 optimizer=adam ..."
set -euo pipefail
cd "$(dirname "$0")"

# Name the Python that has your packages. A bare `python` is whichever comes first on the PATH that the trial
# inherits: on this machine perhaps herd's own, on a compute node perhaps the system's.
# `make demo` sets QUICKSTART_PYTHON; in a script of yours, write the path, or activate the environment here.
exec "${QUICKSTART_PYTHON:-python3}" train.py "$1"
