"""Of what was seen here and on a node, what would fail is told from what only differs, with what to do about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hyperherd.bash import training
from hyperherd.doctor import diagnosis, probe
from hyperherd.doctor.diagnosis import Case, Diagnosis
from hyperherd.doctor.probe import Seen
from hyperherd.views import doctoring
from hyperherd.views.columns import Screen

FACTS = {
    "begun": ("n3",),
    "reached": ("/work",),
    "workspace": ("there", "writable"),
    "program": ("python",),
    "found": ("/venv/bin/python",),
    "executable": ("yes",),
    "cuda_visible": ("0,1",),
    "gpu": ("GPU 0: NVIDIA A40 (UUID: GPU-1)", "GPU 1: NVIDIA A40 (UUID: GPU-2)"),
    "free_kib": ("104857600",),
    "nofile": ("1024",),
}


def python(path: str = "/venv/bin/python", **packages: str | None) -> dict[str, Any]:
    return {
        "executable": path,
        "version": "3.11.2",
        "prefix": path.rpartition("/bin/")[0],
        "file": "train.py",
        "file_found": True,
        "unreadable": "",
        "hyperherd": True,
        "packages": {
            name: {
                "origin": None if version is None else f"/x/site-packages/{name}",
                "version": version or "",
                "needed": True,
            }
            for name, version in packages.items()
        },
    }


CASE = Case(training.find("python train.py $1"), "launch.sh", gpus=True, herd_prefix="/herd")
HERE = Seen("here", FACTS, python(torch="2.3"), 0)
NODE = replace(HERE, place="n3")


def without(*names: str, **facts: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    return {**{name: value for name, value in FACTS.items() if name not in names}, **facts}


def fatal(found: Diagnosis) -> str:
    (one,) = [finding for finding in found.findings if finding.fatal]
    assert one.hint
    assert not found.well
    return one.what


def test_two_that_see_the_same_are_well() -> None:
    found = diagnosis.diagnose(CASE, HERE, NODE)
    assert found.well
    assert found.findings == []
    assert not any(row.differs for row in found.rows)
    assert [row.node for row in found.rows if row.what == "GPUs"] == [
        "2 x NVIDIA A40; CUDA_VISIBLE_DEVICES=0,1"
    ]


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (
            {"python": python("/usr/bin/python3", torch=None)},
            "/usr/bin/python3 on n3 does not have torch, which /venv/bin/python has here",
        ),
        ({"python": python(torch=None)}, "/venv/bin/python on n3 does not have torch"),
        ({"python": {**python(torch="2.3"), "file_found": False}}, "train.py is not there on n3, seen from /work"),
        ({"python": {**python(), "unreadable": "train.py: invalid syntax"}}, "cannot read the trainer on n3"),
        ({"python": {"version": "2.7.5", "too_old": True}}, "Python is 2.7.5 on n3"),
        ({"python": None, "exit_code": 1, "last_words": "no libpython"}, "on n3 (exit 1): no libpython"),
        ({"facts": without("found", "executable"), "python": None}, "python is not on PATH on n3 (here it is /venv"),
        ({"facts": without("executable", exists=("yes",)), "python": None}, "cannot be executed on n3"),
        (
            {"facts": without("reached"), "exit_code": 1, "last_words": "no module x"},
            "before it comes to its training (exit 1): no module x",
        ),
        ({"facts": without("workspace")}, "the workspace is not there on n3"),
        ({"facts": without(workspace=("there",))}, "the workspace cannot be written on n3"),
        ({"facts": without("gpu", cuda_visible=("unset",))}, "asks for GPUs, and none is to be seen on n3"),
        ({"facts": {}, "python": None, "exit_code": 1}, "the probe told nothing on n3 (exit 1)"),
        (
            {"facts": without("reached"), "exit_code": 143, "ended": "failed, time limit"},
            "before it comes to its training (failed, time limit)",
        ),
        ({"facts": {}, "python": None, "ended": "queued (Priority)", "late": True}, "the job was queued (Priority)"),
    ],
)  # fmt: skip
def test_what_would_fail_on_the_node_is_told(node: dict[str, Any], words: str) -> None:
    assert words in fatal(diagnosis.diagnose(CASE, HERE, replace(NODE, **node)))


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (
            {"python": python("/usr/bin/python3", torch="2.3")},
            "python is /venv/bin/python here and /usr/bin/python3 on n3",
        ),
        ({"python": python(torch="2.1")}, "torch 2.3 here and 2.1 on n3"),
        ({"facts": without(free_kib=("1024",))}, "1 MiB are free in the workspace on n3"),
        ({"python": {**python(torch="2.3"), "prefix": "/herd"}}, "the trainer's Python is herd's own"),
    ],
)  # fmt: skip
def test_what_only_differs_fails_nothing(node: dict[str, Any], words: str) -> None:
    found = diagnosis.diagnose(CASE, HERE, replace(NODE, **node))
    assert found.well
    assert words in found.findings[0].what


def test_a_script_that_ends_with_success_before_its_training_fails_nothing() -> None:
    found = diagnosis.diagnose(CASE, HERE, replace(NODE, facts=without("reached"), python=None))
    assert found.well
    assert "before it comes to its training (exit 0)" in found.findings[0].what


def test_where_no_python_is_named_it_is_said_that_none_was_looked_at() -> None:
    case = replace(CASE, training=training.find("./simulate $1"))
    found = diagnosis.diagnose(case, replace(HERE, python=None), replace(NODE, python=None))
    assert found.well
    assert "which Python ./simulate runs, if any, cannot be told" in found.findings[0].what


def test_a_program_whose_own_python_does_not_start_would_fail() -> None:
    case = replace(CASE, training=training.find("srun torchrun train.py $1"))
    node = replace(NODE, python=None, exit_code=127, last_words="/gone/python: not found")
    found = diagnosis.diagnose(case, replace(HERE, python=None), node)
    assert "on n3 (exit 127): /gone/python: not found" in fatal(found)
    assert "srun torchrun --help" in found.findings[0].hint


def test_where_nothing_is_told_here_the_disk_may_be_full() -> None:
    found = diagnosis.diagnose(CASE, Seen("here", exit_code=74, last_words="hyperherd: cannot write x"), None)
    assert "on this machine (exit 74): hyperherd: cannot write x" in fatal(found)
    assert "df -h" in found.findings[0].hint


def test_a_look_that_took_too_long_here_is_told_where_there_is_no_node() -> None:
    late = replace(HERE, facts=without("reached"), python=None, ended="not done after 120 s", late=True)
    assert "on this machine was not done after 120 s" in fatal(diagnosis.diagnose(CASE, late, None))
    assert diagnosis.diagnose(CASE, late, NODE).well


def test_what_is_missing_here_alone_fails_nothing() -> None:
    here = replace(HERE, python=None, facts=without("found", "executable"))
    assert diagnosis.diagnose(CASE, here, NODE).well


def test_without_a_node_this_machine_is_judged() -> None:
    here = replace(HERE, python=python(torch=None), facts=without("gpu", cuda_visible=("unset",)))
    found = diagnosis.diagnose(CASE, here, None)
    assert "does not have torch" in fatal(found)
    assert {row.node for row in found.rows} == {None}


def test_a_package_that_the_trainer_can_do_without_fails_only_where_it_is_here() -> None:
    def maybe(version: str | None) -> dict[str, Any]:
        seen = python(wandb=version)
        seen["packages"]["wandb"]["needed"] = False
        return seen

    absent = replace(NODE, python=maybe(None))
    rows = diagnosis.diagnose(CASE, replace(HERE, python=maybe("1.0")), absent).rows
    assert [(row.here, row.node) for row in rows if row.what == "wandb"] == [("1.0", "not there")]
    assert diagnosis.diagnose(CASE, replace(HERE, python=maybe(None)), absent).well
    assert "wandb" in fatal(diagnosis.diagnose(CASE, replace(HERE, python=maybe("1.0")), absent))


def test_what_is_missing_is_named_as_pip_knows_it_and_hyperherd_by_what_herd_was_installed_from() -> None:
    case = replace(CASE, herd_source="/src/my herd")
    lacking = python(torch=None, sklearn=None, hyperherd=None)
    (one,) = diagnosis.diagnose(case, replace(HERE, python=lacking), None).findings
    pip = "/venv/bin/python -m pip install"
    assert one.hint.startswith(
        f"{pip} torch scikit-learn; {pip} --no-deps '/src/my herd' (the hyperherd of PyPI is"
    )
    assert one.hint.endswith("; or activate the right environment in launch.sh")
    (same_path, *_) = diagnosis.diagnose(case, HERE, replace(NODE, python=python(torch=None))).findings
    assert f"{pip} torch" in same_path.hint


def test_a_trainer_that_does_without_hyperherd_where_it_is_not_loses_its_metrics_and_fails_not() -> None:
    seen = python(torch="2.3", hyperherd=None)
    seen["packages"]["hyperherd"]["needed"] = False
    (one,) = diagnosis.diagnose(CASE, replace(HERE, python=seen), replace(NODE, python=seen)).findings
    assert not one.fatal
    assert "on n3 does not have hyperherd" in one.what and "does not reach herd" in one.what
    assert "pip install --no-deps herd-sweeps " in one.hint


def test_what_differs_stands_first() -> None:
    node = replace(NODE, python=python(torch="2.1"))
    rows = diagnosis.diagnose(CASE, HERE, node).rows
    assert [row.what for row in rows if row.differs] == ["torch"] == [rows[0].what]


def test_of_several_ranks_the_first_whole_answer_is_taken_however_srun_labels_it() -> None:
    told = '@m python {"a": @m python {"a": 0}3}\n0: @m python {"a": 1}\n@m gpu A: b\n'
    told += '1: @m python {"a": 2}\n@m gpu C\n@m reached \n'
    facts, seen = probe.read(told, "@m")
    assert seen == {"a": 1}
    assert facts == {"gpu": ("A: b", "C"), "reached": ("",)}


def test_the_documents_sample_is_what_is_printed() -> None:
    page = (Path(__file__).parents[2] / "docs/doctor.md").read_text()
    common = {"reached": ("/data/ada/digits",), "program": ("python",), "bash": ("5.1.8(1)-release",)}
    here = Seen(
        "here", without("gpu", cuda_visible=("unset",), **common, found=("/home/ada/venv/bin/python",))
    )
    node = Seen("n3", {**FACTS, **common, "found": ("/usr/bin/python",), "nofile": ("131072",)})
    there = {**python("/usr/bin/python3", torch=None, numpy="1.23.5"), "version": "3.9.18", "prefix": "/usr"}
    here = replace(here, python=python("/home/ada/venv/bin/python", torch="2.3.1", numpy="1.26.4"))
    found = diagnosis.diagnose(CASE, here, replace(node, python={**there, "hyperherd": False}))
    sample = "\n".join([doctoring.table(found, Screen()), *doctoring.told(found)])
    assert sample in page
