"""A trainer that reads its parameters with hyperherd and writes down what it read, and what reached it."""

import json
import os
import sys
from pathlib import Path

from hyperherd import log_result, parse_overrides

params = parse_overrides()
log_result("test_accuracy", 0.5)

name = str(params["experiment_name"])
Path("seen").mkdir(exist_ok=True)
Path("seen", f"{name}.json").write_text(
    json.dumps(
        {"argv": sys.argv[1:], "through": os.environ.get("STAND_INS", "").split(";")[:-1], "params": params}
    )
)
