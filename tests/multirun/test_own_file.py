"""A script finds itself, its folder and its arguments as where it is run by hand, and may queue itself again."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest
from eventually import until

from .home import Home

READS_ITSELF = """\
#!/bin/bash
#SBATCH --time=5
cat "$0" >"$SEEN/../text" && cp "$0" "$SEEN/../copy.sh"
app x
"""


def left(folder: Path) -> list[str]:
    """Files of herd's beside the script."""
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_a_script_may_read_itself_and_nobody_else_its_file(home: Home) -> None:
    home.script(READS_ITSELF)
    home.multirun("text='a $b'")
    assert home.given() == [["x", "text='a $b'"]]
    above = home.folder.parent
    assert (above / "text").read_text() == READS_ITSELF.replace(
        "app x\n", "app x 'text='\"'\"'a $b'\"'\"''\n"
    )
    assert stat.S_IMODE((above / "copy.sh").stat().st_mode) & 0o077 == 0
    assert left(home.folder) == []


@pytest.mark.parametrize("word", ["$0", "${BASH_SOURCE[0]}"])
def test_a_script_finds_its_own_folder_wherever_it_is_called_from(here: Home, word: str) -> None:
    (here.folder / "project/scripts").mkdir(parents=True)
    (here.folder / "elsewhere").mkdir()
    here.script(f'#!/bin/bash\ncd "$(dirname "{word}")/.."\napp\n', "project/scripts/job.sh")
    here.multirun("lr=1", script="../project/scripts/job.sh", cwd=here.folder / "elsewhere")
    assert here.folders() == {str(here.folder / "project")}


def test_what_a_killed_trial_has_left_beside_the_script_goes_with_its_next_run(here: Home) -> None:
    here.script('#!/bin/bash\n[[ -e $SEEN/../go ]] || { touch "$SEEN/../up"; kill -KILL $PPID $$; }\napp\n')
    here.multirun("lr=1", code=3)
    assert re.fullmatch(r"\.job_herd0\.0-1-[\w-]+\.sh", left(here.folder)[0])
    (here.folder.parent / "go").touch()
    here.multirun("lr=1")
    assert left(here.folder) == []
    (here.folder.parent / "go").unlink()
    here.multirun("lr=2", code=3)
    here.herd("clean", "-l", "--yes", "job.sh")
    assert left(here.folder) == []


def test_its_own_arguments_are_handed_to_it_and_kept_for_the_next_run(home: Home) -> None:
    home.script('#!/bin/bash\n#SBATCH --time=5\napp "$1" "${2:?}" $#\n')
    home.fail("lr=1")
    done = home.multirun("--args", "a  b", "-c", "--", "lr=1,2", code=3)
    assert home.given() == [["a  b", "-c", "2", "lr=1"], ["a  b", "-c", "2", "lr=2"]]
    assert "note:" not in done.stderr
    home.fail()
    home.herd("run", "job.sh", "--on", home.place, "--wait")
    assert home.given()[0] == home.given()[1]
    assert home.statuses() == ["completed"] * 2


def test_a_script_that_is_given_no_argument_though_it_reads_one_is_told(here: Home) -> None:
    here.script('#!/bin/bash\nconfig=${1:?}\napp "$config"\n')
    shown = here.herd("multirun", "job.sh", "-n", "--on", "local", "lr=1").stderr
    assert (
        "note: line 2 reads an argument of the script, and none is given; type: herd multirun job.sh --args"
        in shown
    )
    error = here.herd("multirun", "job.sh", "--args", "a", "lr=1", code=2).stderr
    assert "a -- ends the script's arguments" in error


def test_one_line_says_which_command_gets_the_overrides(here: Home) -> None:
    here.script("#!/bin/bash\nfor i in 1; do\n  app x | cat\ndone\necho done\n")
    for words in (["-n"], ["--wait"]):
        told = here.herd("multirun", "job.sh", *words, "--on", "local", "lr=1").stderr
        assert told.splitlines()[0] == "overrides go to line 3: app x"


def test_where_several_may_be_the_training_the_user_names_the_line(here: Home) -> None:
    here.script("#!/bin/bash\napp 1\napp 2\n")
    before = here.files()
    error = here.multirun("lr=1", code=1).stderr
    assert "line 2: app 1\n  line 3: app 2\n" in error
    assert "--at 3" in error
    assert here.files() == before
    here.fail("2")
    here.multirun("--at", "2", "lr=1", code=3)
    assert here.given() == [["1", "lr=1"], ["2"]]
    here.script("#!/bin/bash\necho new\napp 1\napp 2\n")
    assert "--at 2 was `app 1` when it was submitted" in here.herd("run", "job.sh", code=1).stderr


def test_a_script_that_would_take_herds_script_for_its_own_is_refused(here: Home) -> None:
    asks = "scontrol show job $SLURM_JOB_ID | awk -F= '/Command=/{print $2}'"
    here.script(f'#!/bin/bash\ncd "$(dirname "$({asks})")"\napp\n')
    error = here.multirun("lr=1", code=1).stderr
    assert "job.sh:2: it asks scontrol for its own path" in error
    assert "write $0" in error
    assert here.files() == {"job.sh"}
    own = f'if [[ ${{HYPERHERD_TRIAL_ID-}} ]]; then script=$0; else script=$({asks}); fi\ncd "$(dirname "$script")"\n'
    here.script(f"#!/bin/bash\n{own}app\n")
    here.multirun("lr=1", cwd=here.folder)
    assert here.folders() == {str(here.folder)}


@pytest.mark.parametrize(
    "asks",
    [
        "scontrol show jobid $SLURM_JOB_ID | grep -oP 'Command=\\K.*'",
        "scontrol show job $SLURM_JOB_ID |\n  awk -F= '/Command=/{print $2}'",
        "scontrol show job \\\n  $SLURM_JOB_ID | awk -F= '/Command=/{print $2}'",
        "squeue -h -j $SLURM_JOB_ID -o %o",
    ],
)
def test_however_it_asks_for_its_own_path_it_is_refused_but_not_a_comment(here: Home, asks: str) -> None:
    here.script(f'#!/bin/bash\ncd "$(dirname "$({asks})")"\napp\n')
    assert "job.sh:2: it asks scontrol for its own path" in here.multirun("lr=1", code=1).stderr
    here.script(f"#!/bin/bash\n# {asks}\napp\n".replace("\n  ", "\n# "))
    here.herd("multirun", "job.sh", "-n", "--on", "local", "lr=1")


def test_a_script_that_queues_itself_again_by_a_variable_gets_jobs_of_their_own(here: Home) -> None:
    here.script("#!/bin/bash\nid=$SLURM_JOB_ID\ntrap 'scontrol requeue $id' USR1\napp\n")
    said = here.herd("multirun", "job.sh", "-n", "--on", "local", "lr=1").stderr
    assert "each combination is a job of its own" in said


ONCE = '[[ ${SLURM_RESTART_COUNT-} ]] || { scontrol requeue "%s"; exit 0; }\n'


@pytest.mark.parametrize("word", ["$SLURM_JOB_ID", "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"])
def test_a_script_that_queues_itself_again_goes_on_and_is_no_success(real: Home, word: str) -> None:
    real.script(f"#!/bin/bash\n#SBATCH --time=5\n{ONCE % word}app\n")
    real.begin("lr=1,2")
    jobs: set[str] = set()
    hastened: set[str] = set()

    def all_have_completed() -> bool:
        listed = real.run("squeue", "--noheader", "--array", "--format=%F_%K %r %Z").stdout.splitlines()
        mine = [line.split()[:2] for line in listed if line.endswith(f" {real.folder}")]
        jobs.update(job.partition("_")[0] for job, _ in mine)
        for job, reason in mine:
            # Slurm lets what was queued again wait for two minutes. Told each time, it would wait on.
            if reason == "BeginTime" and job not in hastened:
                hastened.add(job)
                real.run("scontrol", "update", f"JobId={job}", "StartTime=now+5", code=None)
        completed = real.statuses().count("completed")
        assert completed <= len(real.given()), "completed, and its training has not run"
        return completed == 2

    until(all_have_completed, "both to go on")
    assert len(jobs) == (2 if word == "$SLURM_JOB_ID" else 1)
    assert real.given() == [["lr=1"], ["lr=2"]]
    assert [trial["attempt"] for trial in real.document("status", "job.sh")["trials"]] == [2, 2]


@pytest.mark.parametrize("said", ["--requeue", "--no-requeue"])
def test_what_is_typed_of_queueing_again_stands_above_the_script(fake: Home, said: str) -> None:
    other = {"--requeue": "--no-requeue", "--no-requeue": "--requeue"}[said]
    fake.script(f"#!/bin/bash\n#SBATCH {other}\napp\n")
    shown = fake.document("multirun", "job.sh", "-n", "--on", "slurm", said, "lr=1")["sbatch_script"]
    head = shown.partition("\n\n")[0]
    assert re.findall(r"^#SBATCH (--(?:no-)?requeue)$", head, re.MULTILINE) == [said]


def test_whether_it_may_be_queued_again_is_as_the_script_or_the_site_has_it(cluster: Home) -> None:
    cluster.script("#!/bin/bash\n#SBATCH -H\napp\n")
    shown = cluster.document("multirun", "job.sh", "-n", "--on", "slurm", "lr=1")["sbatch_script"]
    assert "requeue" not in re.findall(r"^#SBATCH .*", shown, re.MULTILINE)[-1] + shown.partition("\n\n")[0]
    said = cluster.document("multirun", "job.sh", "-n", "--on", "slurm", "--no-requeue", "lr=1")[
        "sbatch_script"
    ]
    assert "#SBATCH --no-requeue\n" in said
    assert os.listdir(cluster.folder) == ["job.sh"]
