#!/bin/bash
# Called once for each trial, in this folder, with one argument: the trial's values as "name=value name=value ...".
set -euo pipefail
OVERRIDES="$1"

# Make your environment here: what is active in your terminal is not active on a compute node. One of:
#   source /absolute/path/to/.venv/bin/activate
#   source "$(conda info --base)/etc/profile.d/conda.sh" && conda activate myenv
#   module load apptainer
# and then run your program with the overrides:
#   python train.py $OVERRIDES                                         Hydra, or parse_overrides()
#   eval "set -- $HYPERHERD_ARGV"; python train.py "$@"                the same, for values with blanks
#   apptainer exec --nv image.sif python train.py $OVERRIDES

# Until then: the Python that herd runs with, and an example that it can train.
echo "trial $HYPERHERD_TRIAL_ID, attempt $HYPERHERD_ATTEMPT: $OVERRIDES"
exec PYTHON train.py "$OVERRIDES"
