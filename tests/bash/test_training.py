"""The command of a launch script that does the work is found; where it is not certain which, that is said."""

from __future__ import annotations

import pytest

from hyperherd.bash import training
from hyperherd.bash.training import Runs

FOUND = {
    "python train.py $1": ("", "python", "train.py $1"),
    "cd x && exec python3.11 -u -X dev -m pkg.train $1 || exit 75\n": (
        "cd x && ",
        "python3.11 -u -X dev",
        "-m pkg.train $1",
    ),
    "cat data | time python train.py $1 2>&1 | tee log": ("", "python", "train.py $1"),
    "OMP_NUM_THREADS=1 srun -n2 /opt/py/bin/python train.py $1 >log &\nwait\n": (
        "",
        "OMP_NUM_THREADS=1 srun -n2 /opt/py/bin/python",
        "train.py $1",
    ),
    'PY=/x/python\n"$PY" -u train.py "$@"\n': ("PY=/x/python\n", '"$PY" -u', 'train.py "$@"'),
    '"${TRAIN_PYTHON:-python3}" train.py "$1"': ("", '"${TRAIN_PYTHON:-python3}"', 'train.py "$1"'),
    "uv run --frozen train.py $1": ("", "uv run --frozen python", "train.py $1"),
    "uv run --frozen python train.py $1": ("", "uv run --frozen python", "train.py $1"),
    "UV_OFFLINE=1 srun uv run --with rich train.py $1": (
        "",
        "UV_OFFLINE=1 srun uv run --with rich python",
        "train.py $1",
    ),
    "uv run -m pkg.train $1": ("", "uv run python", "-m pkg.train $1"),
    "python train.py $1\ncp train.py $OUT\n": ("", "python", "train.py $1"),
    'conda run -n "my env" python train.py $1': ("", 'conda run -n "my env" python', "train.py $1"),
    "python prepare.py\npython train.py $1\ncp -r out /else\npython upload.py\n": (
        "python prepare.py\n",
        "python",
        "train.py $1",
    ),
    "if ! python -c 'import torch'; then exit 1; fi\npython train.py $1\n": (
        "if ! python -c 'import torch'; then exit 1; fi\n",
        "python",
        "train.py $1",
    ),
    "python train.py $1\nexit\npython never.py $1": ("", "python", "train.py $1"),
    "python - $1 <<EOF\npython never.py $1\nEOF\n": ("", "python", "- $1"),
    "python -c 'import x; x.main()' $1": ("", "python", ""),
    "python train.py {overrides} --last": ("", "python", "train.py --last"),
}


@pytest.mark.parametrize("script", FOUND)
def test_the_training_is_found(script: str) -> None:
    found = training.find(script)
    told = (found.setup, " ".join(found.words), " ".join(found.arguments))
    assert (told, found.runs, found.why) == (FOUND[script], Runs.PYTHON, "")


@pytest.mark.parametrize(
    ("script", "words", "arguments", "runs"),
    [
        (
            "srun torchrun --nproc-per-node 2 train.py $1",
            "srun",
            "torchrun --nproc-per-node 2 train.py $1",
            "script",
        ),
        ("/opt/bin/accelerate launch train.py $1", "", "/opt/bin/accelerate launch train.py $1", "script"),
        ("uv run torchrun train.py $1", "uv run", "torchrun train.py $1", "script"),
        ("torchrun -m pkg.train $1", "", "torchrun -m pkg.train $1", "script"),
        ("./train.py $1", "", "./train.py $1", "script"),
        ("srun ./train.py $1", "srun", "./train.py $1", "script"),
        ("./mv train.py $1", "./mv train.py $1", "", "program"),
        ("uv run my-train recipe.py $1", "uv run my-train recipe.py $1", "", "program"),
        ("source env\n./simulate $1", "./simulate $1", "", "program"),
        (
            'apptainer exec x.sif sh -c "cd /x && python train.py"',
            'apptainer exec x.sif sh -c "cd /x && python train.py"',
            "",
            "program",
        ),
    ],
)
def test_what_is_no_python_by_its_name_is_told_apart(
    script: str, words: str, arguments: str, runs: str
) -> None:
    found = training.find(script)
    kind = Runs.CONSOLE_SCRIPT if runs == "script" else Runs.PROGRAM
    assert (" ".join(found.words), " ".join(found.arguments), found.runs) == (words, arguments, kind)
    assert found.program == (words or arguments).split()[0]


@pytest.mark.parametrize(
    ("script", "setup", "why"),
    [
        ("source env\nfor s in 1 2; do\n  python train.py $1\ndone\n", "source env\n", "in a loop"),
        (
            "source env\ntrain() {\n  python train.py $1\n}\nmodule load x\ntrain $1\n",
            "source env\n",
            "a function",
        ),
        ("source env\nif true; then python train.py; fi", "source env\n", "a condition"),
        ("source env\necho $1\n", "source env\n", "may be a training"),
        ("source env\nx=$(python train.py $1)\n", "source env\n", "a substitution"),
        ("# nothing\n", "# nothing\n", "may be a training"),
        ('source env\npython "train.py', "", "never closed"),
    ],
)
def test_where_no_single_command_can_be_told_that_is_said(script: str, setup: str, why: str) -> None:
    found = training.find(script)
    assert why in found.why
    assert (found.setup, found.words, found.arguments) == (setup, (), ())


def test_only_slurms_own_programs_ask_for_an_allocation() -> None:
    assert training.find("X=1 srun python train.py $1").asks_slurm
    assert training.find("/usr/bin/srun python train.py $1").asks_slurm
    assert not training.find("uv run python train.py $1 --by srun").asks_slurm
