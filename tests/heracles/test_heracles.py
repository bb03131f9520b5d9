"""Every example of heracles' own document works as it says, without the faults."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
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


once = pytest.mark.parametrize("home", ["archive"], indirect=True)
"""As the one file alone: what it promises does not hang on how it was started."""

LATER = {
    "another option": HEAD.replace("6:00:00", "9:00:00"),
    "another command": "#!/bin/bash\nother.py\n",
    "a pipe at its end": HEAD + " | tee log\n",
    "no command": "#!/bin/bash\n",
}


def all_files(home: Home) -> list[str]:
    return sorted(path.name for path in home.folder.iterdir())


@once
@pytest.mark.parametrize("edit", LATER)
@pytest.mark.parametrize("sweep", [SWEEP, ()], ids=["a sweep", "no sweep"])
def test_files_of_an_edited_script_are_still_deleted(home: Home, edit: str, sweep: tuple[str, ...]) -> None:
    home.script(HEAD)
    printed = home("sbatch.sh", "-w", *sweep).stdout
    home.script(LATER[edit])
    assert home("sbatch.sh", "-d").stdout == printed
    assert all_files(home) == ["sbatch.sh"]


@once
def test_writing_again_replaces_the_files_of_an_edited_script(home: Home) -> None:
    home.script(HEAD)
    home("sbatch.sh", "-w", *SWEEP)
    home.script("#!/bin/bash\nmain\n")
    home("sbatch.sh", "-w", "a=1,2")
    assert home.files() == {f"sbatch_hydra{i}.sh": f"#!/bin/bash\nmain a={i + 1}\n" for i in (0, 1)}
    home.script(HEAD)
    home("sbatch.sh", "-r=sbatch", "a=1")
    assert list(home.files()) == ["sbatch_hydra1.sh"]
    home("sbatch.sh", "-d")
    assert all_files(home) == ["sbatch.sh"]


@once
def test_what_the_user_has_changed_since_stays_also_when_the_script_was_edited(home: Home) -> None:
    home.script(HEAD)
    home("sbatch.sh", "-w", "a=1,2,3")
    home.script("mine", "sbatch_hydra1.sh")
    home.script(LATER["another option"])
    home.script(LATER["another option"], "sbatch_hydra7.sh")
    assert "sbatch_hydra1.sh" in home("sbatch.sh", "-w", "a=1,2", code=1).stderr
    done = home("sbatch.sh", "-d", code=3)
    assert done.stdout.split() == ["sbatch_hydra0.sh", "sbatch_hydra2.sh"]
    assert done.stderr.count("left as it is") == 2
    assert all_files(home) == ["sbatch.sh", "sbatch_hydra1.sh", "sbatch_hydra7.sh"]


@once
def test_a_copied_folder_is_known_and_another_scripts_files_are_not(home: Home, tmp_path: Path) -> None:
    home.script(HEAD)
    home.script(HEAD, "other.sh")
    home("sbatch.sh", "-w", "a=1,2")
    home("other.sh", "-w", "a=1,2")
    copy = shutil.copytree(home.folder, tmp_path / "copy", symlinks=True)
    (copy / "sbatch.sh").write_text("#!/bin/bash\nmain\n")
    home(str(copy / "sbatch.sh"), "-d")
    assert sorted(path.name for path in copy.iterdir()) == [
        ".other.sh.heracles",
        "other.sh",
        "other_hydra0.sh",
        "other_hydra1.sh",
        "sbatch.sh",
    ]
    assert len(home.files()) == 4


@once
def test_without_the_record_the_scripts_own_files_are_known_by_their_text(home: Home) -> None:
    home.script(HEAD)
    home("sbatch.sh", "-w", *SWEEP)
    (home.folder / ".sbatch.sh.heracles").unlink()
    home("sbatch.sh", "-d")
    assert all_files(home) == ["sbatch.sh"]
    home("sbatch.sh", "-w", "a=1")
    (home.folder / ".sbatch.sh.heracles").unlink()
    home.script(LATER["another option"])
    assert "sbatch_hydra0.sh is not known as made by heracles" in home("sbatch.sh", "-d", code=3).stderr
    assert all_files(home) == ["sbatch.sh", "sbatch_hydra0.sh"]


@once
@pytest.mark.parametrize(
    "name", ["sbatch.sh", "a b\\n.sh", "new\nline.sh", "\r.sh", "-x.sh", "$(touch oops).sh", "é.sh"]
)
def test_the_record_is_one_that_sha256sum_checks(home: Home, name: str) -> None:
    home.script(HEAD, name)
    home(f"./{name}", "-w", "a=1,2")
    argv = ["sha256sum", "--check", "--strict", "--quiet", f"./.{name}.heracles"]
    subprocess.run(argv, cwd=home.folder, check=True, timeout=60)
    home.script(LATER["another option"], name)
    home(f"./{name}", "-d")
    assert all_files(home) == [name]


@once
@pytest.mark.parametrize("kind", ["text", "folder", "link"])
def test_what_is_no_record_is_the_users(home: Home, kind: str) -> None:
    home.script(HEAD)
    path = home.folder / ".sbatch.sh.heracles"
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("nowhere")
    else:
        path.write_text("my notes\n")
    for action in ("-w", "-d", "-r=sbatch"):
        assert ".sbatch.sh.heracles: " in home("sbatch.sh", action, "a=1", code=1).stderr
    assert all_files(home) == [".sbatch.sh.heracles", "sbatch.sh"]
    assert list(home.jobs.iterdir()) == []


PLAIN_SIGNALS = """\
import os, signal, sys
for each in (signal.SIGINT, signal.SIGHUP):
    signal.signal(each, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])
"""


@once
@pytest.mark.parametrize(("name", "code"), [("KILL", -9), ("TERM", 143), ("HUP", 129), ("INT", 130)])
def test_a_run_that_is_told_to_end_deletes_its_files_and_one_that_was_killed_leaves_them_known(
    home: Home, name: str, code: int
) -> None:
    home.script(HEAD)
    stop = home.script(f"#!/bin/bash\nkill -{name} $PPID\n", "stop")
    argv = [sys.executable, "-c", PLAIN_SIGNALS, *home.argv, "sbatch.sh", "-r=./stop", "a=1,2,3"]
    done = subprocess.run(argv, cwd=home.folder, env=home.env, capture_output=True, timeout=60)
    assert done.returncode == code, done.stderr
    stop.unlink()
    if name == "KILL":
        assert len(home.files()) == 3
        home.script("#!/bin/bash\nmain\n")
        home("sbatch.sh", "-d")
    assert all_files(home) == ["sbatch.sh"]


@once
@pytest.mark.parametrize("action", ["-w", "-r=sbatch"])
def test_a_reader_that_leaves_stops_nothing(home: Home, action: str) -> None:
    home.script(HEAD)
    typed = shlex.join([*home.argv, "sbatch.sh", action, "a=1,2,3"])
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {typed} | true"],
        cwd=home.folder,
        env=home.env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr
    assert len(home.files() if action == "-w" else list(home.jobs.iterdir())) == 3


@once
def test_two_calls_at_once_do_not_meet(home: Home) -> None:
    home.script(HEAD)
    again = home.script(
        f"#!/bin/bash\n{shlex.join(home.argv)} sbatch.sh -w b=1 2>said; echo $? >>said\n", "again"
    )
    home("sbatch.sh", "-r=./again", "a=1")
    assert (
        (home.folder / "said")
        .read_text()
        .startswith("heracles: sbatch.sh: another heracles is at work on it")
    )
    assert (home.folder / "said").read_text().endswith("\n1\n")
    again.unlink()
    (home.folder / "said").unlink()
    assert all_files(home) == ["sbatch.sh"]


@once
def test_what_is_no_file_is_refused(home: Home) -> None:
    os.mkfifo(home.folder / "pipe")
    (home.folder / "folder").mkdir()
    for name in ("pipe", "folder"):
        assert f"{name}: is not a file" in home(name, "-w", "a=1", code=1).stderr


@once
def test_a_script_behind_a_link_has_its_files_beside_the_link(home: Home) -> None:
    (home.folder / "elsewhere").mkdir()
    home.script(HEAD, "elsewhere/real.sh", 0o755)
    (home.folder / "link.sh").symlink_to("elsewhere/real.sh")
    assert home("link.sh", "-w", "a=1").stdout == "link_hydra0.sh\n"
    assert stat.S_IMODE((home.folder / "link_hydra0.sh").stat().st_mode) == 0o755
    home("link.sh", "-d")
    assert all_files(home) == ["elsewhere", "link.sh"]


@once
@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/sh", "/usr/bin/env zsh", "/bin/dash"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_scripts_of_any_shell_and_line_end_are_written_and_deleted(home: Home, shell: str, end: str) -> None:
    home.script(f"#!{shell}\nmain a{end}")
    home("sbatch.sh", "-w", "b='x y'", "c='1\n2'")
    assert " 'b='" in home.files()["sbatch_hydra0.sh"]
    home.script(f"#!{shell}\nother{end}")
    home("sbatch.sh", "-d")
    assert all_files(home) == ["sbatch.sh"]


@once
def test_a_key_given_twice_is_told(home: Home) -> None:
    home.script(HEAD)
    done = home("sbatch.sh", "-w", "a=1,2", "a=3")
    assert (
        done.stderr.partition("\n")[2]
        == "heracles: note: a=1,2 is not used: a=3 comes later, and a key counts once\n"
    )
    assert home.files()["sbatch_hydra0.sh"].endswith(" a=3")


def test_the_user_may_name_the_command_and_give_the_script_its_arguments(home: Home) -> None:
    home.script("#!/bin/bash\nmain $1\nother\n")
    done = home("sbatch.sh", "-w", "--at", "2", "a=1")
    assert done.stderr == "heracles: overrides go to line 2: main $1\n"
    assert home.files() == {"sbatch_hydra0.sh": "#!/bin/bash\nmain $1 a=1\nother\n"}
    home("sbatch.sh", "-w", "--at=last", "a=1")
    assert home.files() == {"sbatch_hydra0.sh": "#!/bin/bash\nmain $1\nother a=1\n"}
    home("sbatch.sh", "-d")
    assert home("sbatch.sh", "-r=echo", "--at=2", "--args", "b c", "-d", "--", "a=1").stdout.startswith(
        "sbatch_hydra0.sh b c -d\n"
    )


@once
@pytest.mark.parametrize("recorded", [True, False])
def test_a_copy_that_lost_its_line_end_and_one_by_the_last_command_are_known(
    home: Home, recorded: bool
) -> None:
    home.script("#!/bin/bash\npython train.py\necho done\n")
    home("sbatch.sh", "-w", "--at=last", "a=1")
    (home.folder / "sbatch_hydra0.sh").write_text("#!/bin/bash\npython train.py\necho done a=1")
    if not recorded:
        (home.folder / ".sbatch.sh.heracles").unlink()
    home("sbatch.sh", "-w", "a=2")
    assert home.files() == {"sbatch_hydra0.sh": "#!/bin/bash\npython train.py a=2\necho done\n"}
    assert home("sbatch.sh", "-d").stdout == "sbatch_hydra0.sh\n"


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
        (("sbatch.sh", "-w", "--seed"), 2, "--seed=7"),
        (("sbatch.sh", "-w", "--seed=1", "--", "-5"), 1, "cannot stand in a name"),
        (("nowhere.sh", "-w"), 1, "nowhere.sh: cannot be read"),
        (("sbatch.sh", "-w", "a=[1"), 1, "  a=[1\n      ^"),
        (("sbatch.sh", "-w", "a"), 1, "write name=value"),
        (("sbatch.sh", "-w", "a=range(1000000)"), 1, "1000000 combinations"),
        (("sbatch.sh", "-r=no-such-command", "a=1"), 1, "cannot run 'no-such-command'"),
        (("pipe.sh", "-w", "a=1"), 1, "  line 2: main\n  line 2: other\n"),
        (("pipe.sh", "-w", "--args", "a", "--", "a=1"), 2, "--args goes with -r=CMD"),
        (("pipe.sh", "-r=sbatch", "--args", "a", "b=1"), 2, "a -- ends the script's arguments"),
        (("pipe.sh", "-w", "--at=two", "a=1"), 2, "the number of a line, or last"),
    ],
)
def test_a_refusal_says_why_and_writes_nothing(
    home: Home, words: tuple[str, ...], code: int, said: str
) -> None:
    home.script(HEAD)
    home.script("#!/bin/bash\nmain | other\n", "pipe.sh")
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
