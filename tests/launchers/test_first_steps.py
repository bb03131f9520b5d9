"""The first steps (init, test, completion) and looking a trial up in the manifest."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import herding
import pytest

from .conftest import here
from .herd import Herd

pytestmark = here
JQ_LOOK_UP = """\
MANIFEST=".hyperherd/manifest.json"
TASK_ID="$SLURM_ARRAY_TASK_ID"
OVERRIDES=$(jq -r --argjson id "$TASK_ID" '
  .[] | select(.index == $id) | .params | to_entries | map("\\(.key)=\\(.value)") | join(" ")
' "$MANIFEST")
TRIAL_NAME=$(jq -r --argjson id "$TASK_ID" '.[] | select(.index == $id) | .experiment_name' "$MANIFEST")
[[ "experiment_name=$TRIAL_NAME $OVERRIDES" == "$1" ]] || exit 4
"""
SAY = (
    'echo "out: $1"; echo "err" >&2\nprintf "%s" "$1" >"$HYPERHERD_WORKSPACE/argument.$HYPERHERD_TRIAL_ID"\n'
)


def herd_in(folder: Path, env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return herding.herd(*words, folder=folder, env={**env, "PWD": str(folder)}, code=None)


def test_the_documents_jq_look_up_finds_what_the_script_is_handed(herd: Herd) -> None:
    if not shutil.which("jq"):
        pytest.skip("no jq here")
    herd.yaml("grid: all\nparameters:\n  lr: [0.1, 1e-3]\n  opt: [adam]\n  n: [3]\n  on: [true]\n")
    herd.launch(JQ_LOOK_UP)
    herd("run")
    assert set(herd.statuses().values()) == {"completed"}


def test_resolve_overrides_prints_what_the_script_is_handed(herd: Herd) -> None:
    herd.yaml(
        "grid: all\nparameters:\n  x: [1, 'a b']\nstatic_overrides: [data.root=/d]\n"
        "conditions: [{when: {x: 1}, set: {warmup: 5}}]\n"
    )
    herd.launch(SAY)
    herd("run")
    manifest = str(herd.root / ".hyperherd/manifest.json")
    for index in (0, 1):
        told = herd_in(herd.root.parent, dict(herd.env), "resolve-overrides", manifest, str(index))
        assert told.stdout == (herd.root / f"argument.{index}").read_text() + "\n"
    assert herd_in(herd.root, dict(herd.env), "resolve-overrides", manifest, "7").returncode == 1
    assert herd_in(herd.root, dict(herd.env), "resolve-overrides", "nothing.json", "0").returncode == 1


def test_the_manifest_is_a_bare_list_with_the_documented_keys(herd: Herd) -> None:
    herd.describe([1, 2])
    herd.launch("((HYPERHERD_TRIAL_ID == 0)) || exit 1")
    herd("run", code=3)
    herd("run", "-i", "1", code=3)
    trials = json.loads((herd.root / ".hyperherd/manifest.json").read_text())
    assert [trial["index"] for trial in trials] == [0, 1]
    assert {"index", "hash", "params", "extras", "experiment_name", "status"} <= set(trials[0])
    assert (trials[0]["params"], trials[0]["extras"], trials[0]["status"]) == ({"x": 1}, {}, "completed")


def test_init_makes_a_workspace_that_works_as_written(tmp_path: Path, herd: Herd) -> None:
    env = dict(herd.env)
    assert "herd run 'my sweep' " in herd_in(tmp_path, env, "init", "my sweep").stdout
    folder = tmp_path / "my sweep"
    assert {path.name for path in folder.iterdir()} == {"hyperherd.yaml", "launch.sh", "train.py"}
    listed = json.loads(herd_in(folder, env, "ls", "--json").stdout)["trials"]
    assert len(listed) == 24
    train = folder / "train.py"
    train.write_text(train.read_text().replace("time.sleep(0.02)", "pass"))
    assert herd_in(folder, env, "test").returncode == 0
    ran = herd_in(folder, env, "run", "--on", "local")
    assert ran.returncode == 3 and "FloatingPointError: the loss is" in ran.stderr
    told = json.loads(herd_in(folder, env, "snapshot").stdout)
    assert (told["sweep_name"], told["totals"]) == ("my_sweep", {"total": 24, "completed": 21, "failed": 3})
    found = json.loads(herd_in(folder, env, "res", "--json").stdout)
    assert found["metric"] == "val_loss" and found["best"] is not None
    losses = [trial["metrics"]["val_loss"] for trial in found["trials"] if trial["metrics"].get("val_loss")]
    assert min(losses) < 0.1 < max(losses)


def test_init_replaces_nothing_unless_told(tmp_path: Path, herd: Herd) -> None:
    env = dict(herd.env)
    herd_in(tmp_path, env, "init", "one")
    (tmp_path / "one/launch.sh").write_text("mine")
    refused = herd_in(tmp_path, env, "init", "one")
    assert (refused.returncode, (tmp_path / "one/launch.sh").read_text()) == (1, "mine")
    assert "-f" in refused.stderr
    assert herd_in(tmp_path, env, "init", "one", "-f").returncode == 0
    assert (tmp_path / "one/launch.sh").read_text() != "mine"
    copied = herd_in(
        tmp_path, env, "init", "two", "--config", "one/hyperherd.yaml", "--launcher", "one/launch.sh"
    )
    assert copied.returncode == 0
    for name in ("hyperherd.yaml", "launch.sh"):
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_a_try_runs_the_first_trial_before_any_run_and_leaves_no_trace(herd: Herd) -> None:
    herd.describe([5, 6])
    herd.launch(SAY + '[[ -d ${HYPERHERD_RESULTS%/*} && $PWD == "$HYPERHERD_WORKSPACE" ]] || exit 9')
    done = herd("test")
    assert "out: experiment_name=x-5 x=5\n" in done.stdout
    assert "err\n" in done.stderr
    assert "trial 0: exit 0" in done.stderr
    assert not (herd.root / ".hyperherd").exists()
    assert herd.started() == [0]
    herd("test", "1")
    assert herd.started() == [0, 1]


def test_a_trial_is_tried_when_nothing_of_it_runs_any_more(herd: Herd) -> None:
    herd.describe([5])
    herd.launch('[[ -e "$HYPERHERD_WORKSPACE/go" ]] && exit 7\nsleep 600\n')
    herd("run", "--detach")
    herd.until(lambda: herd.started() == [0], "its start")
    refused = herd("test", "0", code=1).stderr
    assert "trial 0 is running, and its checkpoints may be in use" in refused
    herd("stop", "0")
    herd.until(lambda: herd.statuses()[0] == "cancelled", "its end")
    (herd.root / "go").touch()
    assert "trial 0: exit 7" in herd("test", "0", code=1).stderr
    assert herd.statuses()[0] == "cancelled"


def test_a_try_ends_with_1_where_the_trial_fails(herd: Herd) -> None:
    herd.describe([5])
    herd.launch("exit 7")
    assert "trial 0: exit 7" in herd("test", code=1).stderr


def test_a_try_logs_apart_from_the_real_results_and_says_what(herd: Herd) -> None:
    herd.describe([5, 6])
    herd.launch(
        f"'{sys.executable}' -c 'from hyperherd import log_result; log_result(\"accuracy\", 0.5, strict=True)'"
    )
    herd("run", "-i", "0")
    before = {name: data for name, data in herd.content().items() if "results" in name or "logs" in name}
    assert "logged accuracy=0.5" in herd("test", "1").stderr
    after = {name: data for name, data in herd.content().items() if "results" in name or "logs" in name}
    assert after == before
    assert [t["metrics"] for t in herd.json("res")["trials"]] == [{"accuracy": 0.5}, {}]


def test_a_trial_that_has_completed_is_not_tried(herd: Herd) -> None:
    herd.describe([5, 6])
    herd.launch()
    herd("run", "-i", "0")
    refused = herd("test", "0", code=1)
    assert "trial 0 has completed" in refused.stderr
    assert herd.started() == [0]
    herd("test", "1")
    assert herd.started() == [0, 1]


def test_the_configuration_of_any_trial_can_be_checked(herd: Herd) -> None:
    herd.describe([5, 6])
    herd.launch(SAY + 'eval "set -- $HYPERHERD_ARGV"; [[ ${*: -3} == "--cfg job --resolve" ]] || exit 9')
    herd("run", code=3)
    done = herd("test", "0", "--cfg-job")
    assert "out: experiment_name=x-5 x=5 --cfg job --resolve\n" in done.stdout
    every = herd("test", "--cfg-job", "--all")
    assert every.stdout.count("--cfg job --resolve\n") == 2
    assert "====" not in every.stdout + every.stderr
    assert "2 of 2 passed" in every.stderr
    assert "--cfg-job" in herd("test", "--all", code=2).stderr
    herd.launch("((HYPERHERD_TRIAL_ID == 0)) || exit 1")
    assert "1 of 2 passed" in herd("test", "--cfg-job", "--all", code=1).stderr


def _with_herd_on_path(herd: Herd, folder: Path) -> dict[str, str]:
    program = folder / "bin/herd"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m hyperherd "$@"\n')
    program.chmod(0o755)
    return {**herd.env, "PATH": f"{program.parent}{os.pathsep}{herd.env['PATH']}"}


def test_bash_completes_commands_and_options(herd: Herd, tmp_path: Path) -> None:
    env = _with_herd_on_path(herd, tmp_path)
    script = """\
eval "$(herd completion bash)"
complete -p herd >/dev/null || exit 4
ask() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMPREPLY=()
  "$(complete -p herd | sed 's/.*-F \\([^ ]*\\).*/\\1/')" herd
  echo "${COMPREPLY[*]}"
}
ask herd st
ask herd run --det
"""
    done = subprocess.run(
        ["bash", "--norc", "-c", script], env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [["status", "stats", "stop"], ["--detach"]]


ALIASED = {
    "bash": """\
shopt -s expand_aliases; alias herd="'$HERD'"
source ./script
COMP_WORDS=(herd st) COMP_CWORD=1 COMPREPLY=(); _herd_completion herd; echo "${COMPREPLY[@]}"
""",
    "zsh": """\
compdef() { :; }; _describe() { echo ${(P)3}; }; alias herd="'$HERD'"
source ./script
words=(herd st) CURRENT=2; _herd_completion
""",
    "fish": """\
alias herd "'$HERD'"
source ./script
complete --do-complete "herd st"
""",
}
"""Shells in which ``herd`` is an alias, and completes ``herd st``."""


@pytest.mark.parametrize("shell", list(ALIASED))
def test_completion_works_where_herd_is_an_alias(herd: Herd, tmp_path: Path, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    folder = tmp_path / "it's here"
    folder.mkdir()
    program = _with_herd_on_path(herd, folder)["PATH"].split(os.pathsep)[0] + "/herd"
    Path(program).write_text(
        f"#!{sys.executable}\nfrom hyperherd.cli.main import main\nmain()\n", encoding="utf-8"
    )
    made = subprocess.run(
        [program, "completion", shell], env=herd.env, capture_output=True, text=True, timeout=60
    )
    (tmp_path / "script").write_text(made.stdout)
    done = subprocess.run(
        [shell, "-c", ALIASED[shell]],
        cwd=tmp_path, env={**herd.env, "HERD": program, "HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert {word.split(":")[0] for word in done.stdout.split()} >= {"status", "stats", "stop"}, done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_valid_in_its_shell(herd: Herd, shell: str) -> None:
    script = herd_in(herd.root, dict(herd.env), "completion", shell)
    assert (script.returncode, "_HERD_COMPLETE" in script.stdout) == (0, True)
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    done = subprocess.run([shell, "-n"], input=script.stdout, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_another_shell_is_refused_with_the_ones_that_there_are(herd: Herd) -> None:
    refused = herd_in(herd.root, dict(herd.env), "completion", "tcsh")
    assert refused.returncode == 2
    assert "fish" in refused.stderr
