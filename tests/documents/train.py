"""A trainer that only writes down what reached it: ``seen/<trial name>.json`` in the current folder."""

import json
import os
import sys
from pathlib import Path

name = os.environ["HYPERHERD_TRIAL_NAME"]
Path("seen").mkdir(exist_ok=True)
Path("seen", f"{name}.json").write_text(
    json.dumps({"argv": sys.argv[1:], "through": os.environ.get("STAND_INS", "").split(";")[:-1]})
)
