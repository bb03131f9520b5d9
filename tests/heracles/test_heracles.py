"""Every example of heracles' own document works as it says, without the faults."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from .conftest import ROOT, Home, make

HEAD = """\
#!/bin/bash
#SBATCH --account=ACCOUNT\x20
#SBATCH --time=6:00:00
#SBATCH --job-name=WOW  #Job name
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=16           # CPU cores/threads
#SBATCH --array=1-90

singularity --quiet exec --nv -H ~/projects/ACCOUNT/USER/PROJ/temp/ \\
  --env WANDB_MODE="offline",WANDB_API_KEY="LOL_U_THOUGHT",WANDB_WATCH="false" \\
  apptainer.sif /YOUR_PROJECT/main.py"""
SWEEP = ("env.num_envs=8,16,32", "env.name=HalfCheetah,Reacher")
RUNS = [[f"env.num_envs={n}", f"env.name={name}"] for n in (8, 16, 32) for name in ("HalfCheetah", "Reacher")]
NAMES = [f"sbatch_hydra{index}.sh" for index in range(6)]


@pytest.mark.parametrize("option", ["-w", "--write", "-n", "--noop"])
@pytest.mark.parametrize("end", ["", "\n", "\n\n# end\n"])
def test_write_makes_a_copy_with_the_overrides_for_each_product(home: Home, option: str, end: str) -> None:
    home.script(HEAD + end)
    assert home("sbatch.sh", option, *SWEEP).stdout.split() == NAMES
    written = home.files()
    assert list(written) == NAMES
    assert written[NAMES[0]] == f"{HEAD} env.num_envs=8 env.name=HalfCheetah{end}"
    for name, words in zip(NAMES, RUNS, strict=True):
        assert home.arguments(home.folder / name) == words
    assert home.script(HEAD + end).read_text() == HEAD + end


@pytest.mark.parametrize("option", ["-r=sbatch", "--run=sbatch", "-m=sbatch", "--multirun=sbatch"])
def test_run_gives_each_file_to_the_command_then_deletes_it(home: Home, option: str) -> None:
    home.script(HEAD)
    done = home("sbatch.sh", option, *SWEEP)
    assert home.files() == {}
    assert done.stdout.splitlines() == [f"Submitted batch job {number}" for number in range(1, 7)]
    assert "6 of 6 given to sbatch; jobs 1 2 3 4 5 6" in done.stderr
    assert [home.arguments(home.jobs / f"{number}.sh") for number in range(1, 7)] == RUNS


@pytest.mark.parametrize("option", ["-d", "--delete", "-c", "--clear"])
def test_delete_clears_the_folder_of_what_heracles_made(home: Home, option: str) -> None:
    home.script(HEAD)
    home("sbatch.sh", "-w", *SWEEP)
    assert home("sbatch.sh", option, *SWEEP).stdout.split() == NAMES
    assert [path.name for path in home.folder.iterdir()] == ["sbatch.sh"]
    home("sbatch.sh", "-w", *SWEEP)
    home("sbatch.sh", option)
    assert home.files() == {}


def test_a_range_is_the_list_of_its_values(home: Home) -> None:
    home.script(HEAD)
    home("sbatch.sh", "-w", "env.num_envs=2,4,6,8")
    listed = home.files()
    home("sbatch.sh", "-w", "env.num_envs=range(2,10,2)")
    assert home.files() == listed


def test_seeds_by_array_stay_in_the_script(home: Home) -> None:
    home.script(f"{HEAD} seed=$SLURM_ARRAY_TASK_ID\n")
    home("sbatch.sh", "-w", *SWEEP)
    assert home.files()[NAMES[0]].endswith("seed=$SLURM_ARRAY_TASK_ID env.num_envs=8 env.name=HalfCheetah\n")


@pytest.mark.parametrize(
    ("word", "each"),
    [("__randseed(90)__", 90), ("__randperm(3)__", 3), ("__randperm__", 1), ("__randseed__", 1)],
)
def test_a_unique_seed_for_each_product(home: Home, word: str, each: int) -> None:
    home.script(HEAD)
    home("sbatch.sh", "-w", "env.num_envs=8,16,32", f"seed={word}", "env.name=HalfCheetah,Reacher")
    texts = list(home.files().values())
    seeds = {int(seed) for text in texts for seed in re.findall(r" seed=(\d+) ", text)}
    assert len(texts) == len(seeds) == 6 * each
    assert max(seeds) < 2**31
    assert home("sbatch.sh", "-d").stdout.count("\n") == 6 * each


def test_a_seed_makes_the_draw_repeatable(home: Home) -> None:
    home.script(HEAD)
    home("sbatch.sh", "-w", "seed=__randseed(2)__", "--seed=3")
    first = home.files()
    home("--seed", "3", "-w", "sbatch.sh", "seed=__randseed(2)__")
    assert home.files() == first


@pytest.mark.parametrize("mode", [0o755, 0o644, 0o700])
def test_the_permissions_are_the_scripts(home: Home, mode: int) -> None:
    home.script(HEAD, "job", mode)
    home("job", "-w", "a=1")
    assert stat.S_IMODE((home.folder / "job_hydra0").stat().st_mode) == mode


def test_files_lie_beside_the_script_wherever_one_is(home: Home) -> None:
    (home.folder / "in here").mkdir()
    home.script(HEAD, "in here/a.b.sh")
    assert home("in here/a.b.sh", "-w", "a=1").stdout == "in here/a.b_hydra0.sh\n"


def test_a_file_of_the_users_is_an_error_before_anything_is_written(home: Home) -> None:
    home.script(HEAD)
    home.script("mine", "sbatch_hydra2.sh")
    for action in ("-w", "-r=sbatch"):
        assert "sbatch_hydra2.sh" in home("sbatch.sh", action, *SWEEP, code=1).stderr
        assert home.files() == {"sbatch_hydra2.sh": "mine"}
    assert "sbatch_hydra2.sh" in home("sbatch.sh", "-d", *SWEEP, code=3).stderr
    assert home.files() == {"sbatch_hydra2.sh": "mine"}
    assert list(home.jobs.iterdir()) == []


@pytest.mark.parametrize("kind", ["a copy", "edited", "folder", "link", "more"])
def test_what_is_not_exactly_ours_is_left_alone(home: Home, kind: str) -> None:
    script = home.script(HEAD)
    home("sbatch.sh", "-w", "a=1")
    path = home.folder / "sbatch_hydra0.sh"
    text = path.read_text()
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        script.with_name("real").write_text(text)
        path.symlink_to("real")
    else:
        path.write_text({"a copy": HEAD, "edited": text + " # mine", "more": text + "; rm x"}[kind])
    home("sbatch.sh", "-w", "a=1", code=1)
    home("sbatch.sh", "-d", code=3)
    assert path.is_symlink() or path.exists()


def test_writing_again_replaces_ours_and_leaves_nothing_of_before(home: Home) -> None:
    home.script(HEAD)
    home("sbatch.sh", "-w", *SWEEP)
    home.script("mine", "sbatch_hydra.sh")
    home("sbatch.sh", "-w", "a=1,2")
    assert list(home.files()) == ["sbatch_hydra.sh", "sbatch_hydra0.sh", "sbatch_hydra1.sh"]


def test_one_command_that_fails_is_told_and_the_rest_still_run(home: Home) -> None:
    home.script(HEAD)
    done = home("sbatch.sh", "-r=sbatch --qos 'a b'", "a=1,REFUSE,3", code=3)
    assert "sbatch_hydra1.sh (a=REFUSE): sbatch ended with exit code 4" in done.stderr
    assert "2 of 3 given to sbatch; jobs 1 2" in done.stderr
    assert (home.jobs.parent / "jobs.words").read_text() == "--qos a b sbatch_hydra2.sh\n"
    assert home.files() == {}


def test_no_sweep_at_all_is_one_run(home: Home) -> None:
    home.script(HEAD)
    for _ in range(2):
        home("sbatch.sh", "-w")
        assert home.files() == {"sbatch_hydra0.sh": HEAD}
    (home.folder / "sbatch_hydra0.sh").unlink()
    assert "1 of 1" in home("sbatch.sh", "-r=sbatch").stderr
    assert home.files() == {}


def test_values_arrive_as_typed_and_nothing_is_run(home: Home) -> None:
    home.script(HEAD + "\n")
    home("sbatch.sh", "-w", 'a="$(touch oops)"', "b='it`s ${x}'", "c='1\n2'", "+d=[1,2]")
    text = home.files()["sbatch_hydra0.sh"]
    words = subprocess.run(
        ["bash", "-c", f"printf '<%s>' {text.partition('main.py ')[2]}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert words == "<a=\"$(touch oops)\"><b='it`s ${x}'><c='1\n2'><+d=[1,2]>"
    home.arguments(home.folder / "sbatch_hydra0.sh")
    assert not (home.folder / "oops").exists()
    home("sbatch.sh", "-d")
    assert home.files() == {}


def test_the_overrides_stand_where_the_script_says_so(home: Home) -> None:
    home.script("#!/bin/bash\nfor i in 1 2; do\n  main {overrides} $i | cat\ndone\n")
    home("sbatch.sh", "-w", "a=1")
    assert "  main a=1 $i | cat\n" in home.files()["sbatch_hydra0.sh"]
    home("sbatch.sh", "-d")
    assert home.files() == {}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "no script"),
        (("sbatch.sh", "a=1"), 2, "no action"),
        (("sbatch.sh", "-w", "-d"), 2, "-w and -d"),
        (("sbatch.sh", "-r", "a=1"), 2, "-r=sbatch"),
        (("sbatch.sh", "-r=", "a=1"), 2, "no command"),
        (("sbatch.sh", "-w=x"), 2, "no value"),
        (("sbatch.sh", "--wirte"), 2, "did you mean '--write'?"),
        (("sbatch.sh", "-w", "--seed=x"), 2, "whole number"),
        (("nowhere.sh", "-w"), 1, "nowhere.sh: cannot be read"),
        (("sbatch.sh", "-w", "a=[1"), 1, "  a=[1\n      ^"),
        (("sbatch.sh", "-w", "a"), 1, "write name=value"),
        (("sbatch.sh", "-w", "a=range(1000000)"), 1, "1000000 combinations"),
        (("sbatch.sh", "-r=no-such-command", "a=1"), 1, "cannot run 'no-such-command'"),
        (("pipe.sh", "-w", "a=1"), 1, "pipe.sh:2: the script ends in a pipe"),
    ],
)
def test_a_refusal_says_why_and_writes_nothing(
    home: Home, words: tuple[str, ...], code: int, said: str
) -> None:
    home.script(HEAD)
    home.script("#!/bin/bash\nmain | cat\n", "pipe.sh")
    assert said in home(*words, code=code).stderr
    assert home.files() == {}


def test_help_shows_every_action(home: Home) -> None:
    text = home("--help").stdout
    assert all(
        name in text
        for name in ("--write", "--noop", "--run=", "--multirun=", "--delete", "--clear", "--seed")
    )
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("version", ["python3.10", "python3.12", "python3.13"])
def test_the_one_file_runs_on_other_pythons(version: str, archive: Path, tmp_path: Path) -> None:
    python = shutil.which(version)
    if python is None or subprocess.run([python, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"no {version}")
    home = make(tmp_path, [python, "-I", "-S", str(archive)])
    home.script(HEAD)
    home("sbatch.sh", "-r=sbatch", *SWEEP)
    assert [home.arguments(home.jobs / f"{number}.sh") for number in range(1, 7)] == RUNS


def test_the_guide_prints_what_it_shows(home: Home) -> None:
    page = (ROOT / "docs/from-heracles.md").read_text()
    (script,) = re.findall(r"^```bash\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    home.script(script)
    shown = "".join(re.findall(r"^```console\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL))
    start = " ".join(map(str, home.argv))
    for command, output in re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", shown, flags=re.MULTILINE):
        typed = re.sub(r"^heracles\b", lambda _: start, command)
        done = subprocess.run(
            ["bash", "-c", f"{typed} 2>&1"],
            cwd=home.folder,
            env=home.env,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stdout == output, command
