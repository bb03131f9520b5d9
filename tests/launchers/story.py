"""A sweep from its first run to its last, run once for each place; what the commands said on the way is kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .herd import Herd

MODES = ("logs", "fails", "later", "killed", "quiet")
LOGS, FAILS, LATER, KILLED, QUIET = range(5)
PARAMETERS = "grid: all\nparameters:\n  mode: [{modes}]\n  lr: [0.1]\n"
REST = """\
conditions:
  - {name: warm up, when: {mode: logs}, set: {warmup: 5, data.root: "/set"}}
static_overrides:
  - data.root=/static
  - note='two words'
slurm:
  time: 10
  mem: 200M
"""
SCRIPT = """\
seen=$HYPERHERD_WORKSPACE/seen/$HYPERHERD_TRIAL_ID.$HYPERHERD_ATTEMPT
mkdir -p "$HYPERHERD_WORKSPACE/seen"
env -0 >"$seen.env"
printf '%s\\0' "$PWD" "$0" "$@" >"$seen.argv"
echo "a word from $HYPERHERD_TRIAL_ID.$HYPERHERD_ATTEMPT"
echo "an error from $HYPERHERD_TRIAL_ID.$HYPERHERD_ATTEMPT" >&2
((HYPERHERD_ATTEMPT > 1)) && { say end; exit 0; }
case $1 in
  *mode=logs*) "$TEST_PYTHON" train.py "$1" || exit 9 ;;
  *mode=fails*) say end; exit 2 ;;
  *mode=later*) say end; exit 75 ;;
  *mode=killed*) say end; kill -KILL $$ ;;
esac
"""
TRAINER = """\
from hyperherd import log_result, parse_overrides
given = parse_overrides()
log_result("lr", given["lr"])
log_result("val/accuracy", 0.875)
log_result("worst", float("nan"))
log_result("best", float("-inf"))
for step in range(3):
    log_result("loss", 1.0 / (step + 1), step=step)
log_result("loss", float("inf"), step=3)
"""
LOOKS = (
    ("status",),
    ("stats",),
    ("snapshot",),
    ("res",),
    ("res", "--steps"),
    ("tail", "0"),
    ("tail", "1", "-n", "1", "--stderr"),
    ("show", "0"),
    ("show", "1"),
    ("run", "-n"),
)
ENV_FILE = """\
# filled in where it is not set
FROM_ENV_FILE="two words"
SET_ALREADY=by the file
"""


@dataclass
class Story:
    """``said`` and ``documents``: (moment, command line) -> what the command printed."""

    herd: Herd
    said: dict[tuple[str, str], subprocess.CompletedProcess[str]] = field(default_factory=dict)
    documents: dict[tuple[str, str], Any] = field(default_factory=dict)
    content: dict[str, Mapping[str, bytes]] = field(default_factory=dict)

    def environment(self, trial: int, attempt: int = 1) -> dict[str, str]:
        """What the trial's launch script found in its environment."""
        text = (
            (self.herd.root / f"seen/{trial}.{attempt}.env").read_bytes().decode("utf-8", "surrogateescape")
        )
        return dict(entry.split("=", 1) for entry in text.split("\0") if entry)

    def argv(self, trial: int, attempt: int = 1) -> list[str]:
        """The folder it ran in, its own path, its arguments."""
        return (self.herd.root / f"seen/{trial}.{attempt}.argv").read_text().split("\0")[:-1]

    def trial(self, moment: str, index: int) -> dict[str, Any]:
        """The trial in ``status`` of that moment."""
        found: dict[str, Any] = self.documents[moment, "status"]["trials"][index]
        assert found["index"] == index
        return found

    def log_file(self, name: str) -> list[str]:
        return (self.herd.root / ".hyperherd/logs" / name).read_text().splitlines()


def describe(herd: Herd, *modes: str) -> None:
    herd.yaml(PARAMETERS.format(modes=", ".join(modes)) + REST)


def tell(made: Herd) -> Story:
    """Run it, look at it with every command, run it again, drop a trial, run it with ``-f``."""
    env = {**made.env, "TEST_PYTHON": sys.executable, "SET_ALREADY": "by the user"}
    return _tell(Story(Herd(made.root, env, made.on, made.name)))


def _tell(story: Story) -> Story:
    herd = story.herd
    describe(herd, *MODES)
    herd.launch(SCRIPT)
    (herd.root / "train.py").write_text(TRAINER)
    (herd.root / ".env").write_text(ENV_FILE)
    story.said["first", "run"] = herd("run", "--wait", code=3)
    _until_accounted(herd)
    for words in LOOKS:
        _keep(story, "first", words)
    for words in (("status",), ("tail", "0"), ("show", "1"), ("res",)):
        story.said["first", " ".join(words)] = herd(*words)
    story.said["again", "run"] = herd("run", "--wait")
    for words in (("status",), ("show", "1"), ("run", "-n")):
        _keep(story, "again", words)
    describe(herd, *MODES[:4], "added")
    story.content["before refused"] = herd.content()
    story.said["refused", "run"] = herd("run", code=1)
    story.content["refused"] = herd.content()
    story.said["orphaned", "run"] = herd("run", "--wait", "-f")
    _keep(story, "orphaned", ("status",))
    story.said["orphaned", "status"] = herd("status")
    return story


def _keep(story: Story, moment: str, words: tuple[str, ...]) -> None:
    story.documents[moment, " ".join(words)] = story.herd.json(*words)


def _until_accounted(herd: Herd) -> None:
    """sacct is late by seconds."""
    herd.until(
        lambda: all(t["elapsed_seconds"] is not None for t in herd.json("stats")["trials"]), "what was used"
    )
