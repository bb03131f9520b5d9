"""What `herd --help` and planning cost, against a bare interpreter and HyperHerd 0.1.3.

python bench/planning.py [TURNS]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from timing import HERD, Cost, environment, in_turns, process, rival, say, sweep

from hyperherd.attempts import registers
from hyperherd.attempts.filenames import Outcome, Unit
from hyperherd.engine import describe, facts
from hyperherd.engine.plan_of_facts import plan_of
from hyperherd.launchers.direct import DirectLauncher
from hyperherd.sweep.plan import Choice
from hyperherd.sweep.trial import Status
from hyperherd.workspace import manifest, results, submissions
from hyperherd.workspace.folder import Workspace

DRY = ("run", "--dry-run", "--on", "local")


def main() -> None:
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        env = environment(scratch)
        starting(scratch, env, turns)
        planning(scratch, env, turns)
        against_the_rival(scratch, env)
        known(scratch, env)
        looking(scratch, env, turns)
        points(scratch, env)


def starting(scratch: Path, env: dict[str, str], turns: int) -> None:
    process([*HERD, "--help"], scratch, env)  # the bytecode
    bare, help_ = in_turns(
        4 * turns,
        partial(process, [sys.executable, "-c", "pass"], scratch, env),
        partial(process, [*HERD, "--help"], scratch, env),
    )
    ratio = f"{help_.cpu_s / bare.cpu_s:.1f} times bare Python's {1000 * bare.cpu_s:.0f} ms (CPU)"
    say("herd --help", "60 ms, 6 times Python", help_, ratio)


def planning(scratch: Path, env: dict[str, str], turns: int) -> None:
    for trials, asked in ((10_000, "0.5 s"), (100_000, "2.5 s, 400 MB")):
        folder = sweep(scratch / f"plan{trials}", trials)
        process([*HERD, *DRY], folder, env)
        [cost] = in_turns(turns, partial(process, [*HERD, *DRY], folder, env))
        say(f"run --dry-run of {trials:,}", asked, cost, f"{cost.peak_mib:.0f} MiB")


def against_the_rival(scratch: Path, env: dict[str, str]) -> None:
    herd = rival(scratch)
    if herd is None:
        return
    for trials in (1_000, 2_000):
        folder, theirs = sweep(scratch / f"ours{trials}", trials), sweep(scratch / f"theirs{trials}", trials)
        (theirs / "hyperherd.yaml").write_text(
            (folder / "hyperherd.yaml").read_text() + "slurm: {partition: gpu, time: '00:10:00', mem: 1G}\n"
        )
        our_cost, their_cost = in_turns(
            3,
            partial(process, [*HERD, *DRY], folder, env),
            partial(process, [herd, "run", str(theirs), "--dry-run"], theirs, _apart(env)),
        )
        ratio = f"HyperHerd 0.1.3: {their_cost}, {their_cost.cpu_s / our_cost.cpu_s:.0f} times ours"
        say(f"run --dry-run of {trials:,}", "faster than the rival", our_cost, ratio)


def _apart(env: dict[str, str]) -> dict[str, str]:
    """Without our own package before the rival's."""
    return {name: value for name, value in env.items() if name != "PYTHONPATH"}


def known(scratch: Path, env: dict[str, str]) -> None:
    """`herd run` where all of 100,000 trials have completed."""
    folder = sweep(scratch / "known", 100_000)
    _as_if_run(Workspace(folder))
    [cost] = in_turns(3, partial(process, [*HERD, "run", "--on", "local"], folder, env))
    say("run again, 100,000 known", "not said", cost, f"{cost.peak_mib:.0f} MiB")
    [cost] = in_turns(3, partial(process, [*HERD, "status", "-b"], folder, env))
    say("status -b, 100,000 known", "not said", cost, f"{cost.peak_mib:.0f} MiB")


def _as_if_run(workspace: Workspace) -> None:
    """The state that a run leaves in which every trial has succeeded."""
    workspace.make_folders()
    described = describe.describe(workspace)
    nothing = facts.read(workspace, {}, silent_is_fatal=False)
    plan = plan_of(described, nothing, Choice())
    indices = tuple(trial.index for trial in plan.trials)
    generation = registers.new_generation()
    begun = manifest.begin(workspace, manifest.Manifest(), generation)
    record = submissions.Submission(
        token=registers.new_token(generation),
        launcher="local",
        where=DirectLauncher().where(),
        name="hyperherd_speed",
        indices=indices,
        attempts=(1,) * len(indices),
        submitted_at=time.time(),
    )
    submissions.write(workspace, [record])
    made = replace(begun, trials=plan.trials, next_index=plan.next_index, name="speed")
    manifest.write(workspace, made, dict.fromkeys(indices, Status.COMPLETED))
    attempts = workspace.files(record.token).attempts
    for unit in map(Unit, indices):
        attempts.block(unit).mkdir(exist_ok=True)
        attempts.claim(unit, 1).touch()
        attempts.note(unit, 1, Outcome(0)).touch()


def looking(scratch: Path, env: dict[str, str], turns: int) -> None:
    """`res` and `status` of 1,000 trials with three metrics each."""
    folder = sweep(scratch / "looked", 1_000)
    workspace = Workspace(folder)
    _as_if_run(workspace)
    _with_metrics(workspace, 1_000)
    with workspace.config.open("a") as file:
        file.write("metric: {name: loss, mode: min}\n")
    bare: Cost
    for words in (("status",), ("status", "--json"), ("res",), ("ls",)):
        bare, cost = in_turns(
            turns,
            partial(process, [*HERD, "--help"], folder, env),
            partial(process, [*HERD, *words], folder, env),
        )
        ratio = f"{cost.cpu_s / bare.cpu_s:.1f} times herd --help"
        asked = {("status",): "150 ms", ("status", "--json"): "all columns: 250 ms"}.get(words, "not said")
        say(f"{' '.join(words)} of 1,000", asked, cost, ratio)


def points(scratch: Path, env: dict[str, str]) -> None:
    """What a million points cost when they are read first, and when nothing was added."""
    trials, steps = 10_000, 100
    workspace = Workspace(scratch / "points")
    for index in range(trials):
        path = Path(results.stream_folder(workspace.results, index)) / "loss.jsonl"
        path.parent.mkdir(parents=True)
        lines = (
            f'{{"step": {k}, "value": {index / (k + 1):.6f}, "ts": {1.7e9 + k}}}\n' for k in range(steps)
        )
        path.write_text("".join(lines))
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom hyperherd.workspace.folder import Workspace\n"
        "from hyperherd.workspace.summaries import Summaries\nbegun = time.perf_counter()\n"
        f"kept = Summaries(Workspace(Path(sys.argv[1])))\nkept.read(range({trials}))\nkept.keep()\n"
        "print(time.perf_counter() - begun)"
    )
    with_cache = {**env, "XDG_CACHE_HOME": str(scratch / "cache")}
    argv = [sys.executable, "-c", program, str(workspace.root)]
    for look, asked in (("first", "1.5 s"), ("next", "0.4 s")):
        done = subprocess.run(argv, env=with_cache, check=True, capture_output=True, text=True)
        say(f"{trials * steps:,} points, {look} look", asked, f"{float(done.stdout):.2f} s")


def _with_metrics(workspace: Workspace, trials: int) -> None:
    program = (
        "import os\n"
        "from hyperherd import log_result\n"
        f"for index in range({trials}):\n"
        f"    os.environ['HYPERHERD_RESULTS'] = {str(workspace.results)!r} + f'/{{index}}'\n"
        "    for name in ('loss', 'accuracy', 'seconds'):\n"
        "        log_result(name, index / 7, strict=True)\n"
    )
    process([sys.executable, "-c", program], workspace.root)


if __name__ == "__main__":
    main()
