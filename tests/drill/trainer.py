"""A short training that resumes, or does not: what it forgets stands in ``forgets=``."""

import json
import os
import random
import sys
import time

from hyperherd import checkpoint, log_result, parse_overrides

begun = time.perf_counter()
params = parse_overrides()
forgets = params.get("forgets", "nothing")
pause_s = params.get("pause", 0.02)
waits_to_be_cut_short = (
    str(params["experiment_name"]).endswith("killed") and os.environ["HYPERHERD_ATTEMPT"] == "1"
)
folder = os.path.join(os.environ["HYPERHERD_WORKSPACE"], "outputs", str(params["experiment_name"]))
if forgets == "its own folder":
    folder = os.path.join(os.environ["HYPERHERD_WORKSPACE"], "outputs", "all")
random.seed(1)
position, first = 0.0, 1
found = None if forgets == "everything" else checkpoint.latest(folder)
if found:
    state = json.loads((found.path / "state.json").read_text())
    position, first = state["position"], found.step + 1
    if forgets != "its generator":
        checkpoint.set_rng_state(state["rng"])


def write(into):
    (into / "state.json").write_text(json.dumps({"position": position, "rng": checkpoint.rng_state()}))


def step(number):
    global position
    position += random.gauss(0, params["x"])
    if forgets != "its steps":
        log_result("walk/position", position, step=number)
    time.sleep(pause_s)
    while (
        forgets != "to listen" and waits_to_be_cut_short and number == 13 and not checkpoint.stop_requested()
    ):
        time.sleep(0.02)
    while forgets == "to end" and number == 12 and str(params["experiment_name"]).endswith("killed"):
        time.sleep(1)


print("starts at", first, file=sys.stderr)
if forgets in ("to listen", "to end", "to save"):
    for number in range(first, params["steps"] + 1):
        step(number)
    if forgets == "to save":
        checkpoint.save(folder, write, step=number)
else:
    with checkpoint.guard(folder, write, every=5) as guard:
        for number in range(first, params["steps"] + 1):
            step(number)
            guard.step(number)
if forgets == "to end well" and first > 1:
    sys.exit("it hurts")
log_result("walk/final", position)
log_result("time/seconds", time.perf_counter() - begun)
