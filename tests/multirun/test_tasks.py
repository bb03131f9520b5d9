"""A script that is an array itself (`#SBATCH --array=1-3%2`) keeps its array for each combination."""

from __future__ import annotations

import json
from collections import Counter

from eventually import until

from .home import Home

HEAD = "#!/bin/bash\n#SBATCH --time=5\n#SBATCH --array=1-3%2\n\n"
SEED = "app seed=$SLURM_ARRAY_TASK_ID\n"


def tasks(home: Home) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words) for words in home.given())


def test_each_combination_is_a_submission_of_all_tasks(home: Home) -> None:
    home.script(HEAD + SEED)
    document = json.loads(home.multirun("lr=1,2", "--json").stdout)
    assert [one["indices"] for one in document["submissions"]] == [[0], [1]]
    assert tasks(home) == Counter((f"seed={seed}", f"lr={lr}") for seed in (1, 2, 3) for lr in (1, 2))
    assert home.statuses() == ["completed"] * 2


def test_a_dry_run_shows_one_and_counts_the_others_as_trials(here: Home) -> None:
    here.script(HEAD + SEED)
    assert "(1 trial not shown here" in here.multirun("lr=1,2", "--dry-run").stderr
    assert "left out" not in here.multirun("lr=1", "--dry-run").stderr


def test_its_own_bound_holds_and_tasks_in_progress_are_told(home: Home) -> None:
    home.script(f"{HEAD}GATE={home.folder.parent}/go {SEED}")
    home.begin("lr=1")
    until(lambda: len(home.runs()) == 2, "two tasks")
    assert home.statuses() == ["running"]
    assert len(home.runs()) == 2
    (home.folder.parent / "go").touch()
    assert home.until_ended() == ["completed"]
    assert sum(tasks(home).values()) == 3


def test_one_failed_task_fails_the_trial_and_runs_again_alone(home: Home) -> None:
    home.script(HEAD + SEED)
    home.fail("seed=2")
    home.multirun("lr=1", code=3)
    trial = home.document("status", "job.sh")["trials"][0]
    assert trial["status"] == "failed"
    assert trial["reason"].startswith("1 of 3 tasks")
    home.fail()
    home.multirun("lr=1")
    assert home.statuses() == ["completed"]
    assert tasks(home) == {("seed=1", "lr=1"): 1, ("seed=2", "lr=1"): 2, ("seed=3", "lr=1"): 1}
    home.herd("run", "job.sh", "--on", home.place, "--wait")
    assert sum(tasks(home).values()) == 4


def test_a_task_is_shown_by_tail_and_the_failed_one_first(here: Home) -> None:
    here.script(f'{HEAD}echo "task $SLURM_ARRAY_TASK_ID"\n{SEED}')
    here.fail("seed=2")
    here.multirun("lr=1,2", code=3)
    shown = here.herd("tail", "job.sh", "1")
    assert "task 2 of 3" in shown.stderr
    assert "task 2\n" in shown.stdout
    assert "task 3\n" in here.herd("tail", "job.sh", "0", "--task", "3").stdout
    assert here.herd("tail", "job.sh", "0", "--task", "9", code=None).returncode in (1, 2)
    for command in ("show", "stats", "status", "res"):
        here.herd(command, "job.sh", "0")
        here.document(command, "job.sh", "0")
    here.herd("snapshot", "job.sh")


def test_stop_ends_all_tasks_of_a_trial_and_no_other(home: Home) -> None:
    home.script(f"{HEAD.replace('%2', '%1')}GATE={home.folder.parent}/go {SEED}")
    home.begin("lr=1,2")
    until(lambda: len(home.runs()) == 2, "a task of each")
    home.herd("stop", "job.sh", "0")
    until(lambda: home.statuses()[0] == "cancelled", "the end of one")
    assert home.statuses() == ["cancelled", "running"]
    (home.folder.parent / "go").touch()
    assert home.until_ended() == ["cancelled", "completed"]
    assert sum(count for words, count in tasks(home).items() if "lr=2" in words) == 3
    home.multirun("lr=1")
    assert home.statuses() == ["completed"] * 2


def test_a_larger_array_runs_the_tasks_that_have_not_run(home: Home) -> None:
    home.script(HEAD + SEED)
    home.multirun("lr=1")
    home.script(HEAD.replace("1-3%2", "2-5") + SEED)
    assert home.herd("status", "job.sh").stdout
    home.multirun("lr=1,2")
    wanted = {(f"seed={seed}", "lr=1"): 1 for seed in range(1, 6)}
    assert tasks(home) == {**wanted, **{(f"seed={seed}", "lr=2"): 1 for seed in range(2, 6)}}
    assert home.statuses() == ["completed"] * 2


def test_tasks_of_a_former_array_that_still_run_keep_the_trial_from_running_again(home: Home) -> None:
    home.script(f"{HEAD}GATE={home.folder.parent}/go {SEED}")
    home.begin("lr=1")
    until(lambda: len(home.runs()) == 2, "two tasks")
    home.script(HEAD.replace("1-3%2", "7") + SEED)
    home.begin("lr=1")
    (home.folder.parent / "go").touch()
    assert home.until_ended() == ["completed"]
    home.multirun("lr=1")
    assert tasks(home) == {(f"seed={seed}", "lr=1"): 1 for seed in (1, 2, 3, 7)}


def test_an_array_that_is_taken_away_leaves_trials_of_one_run(here: Home) -> None:
    here.script(HEAD + SEED)
    here.multirun("lr=1")
    here.script("#!/bin/bash\napp alone\n")
    here.multirun("lr=1,2")
    assert tasks(here)[("alone", "lr=1")] == 1
    assert tasks(here)[("alone", "lr=2")] == 1
    assert here.statuses() == ["completed"] * 2


def test_herd_test_runs_the_first_task(here: Home) -> None:
    here.script(HEAD.replace("1-3%2", "4,6") + SEED)
    here.multirun("lr=1")
    here.herd("test", "job.sh", "--cfg-job")
    assert ["seed=4", "lr=1", "--cfg", "job", "--resolve"] in here.given()


def test_array_forms_of_sbatch_are_taken(here: Home) -> None:
    forms = {"0": [0], "7,3-5": [3, 4, 5, 7], "0-6:3": [0, 3, 6], "[1-2]": [1, 2]}
    for form, (array, numbers) in enumerate(forms.items()):
        here.script(f"#!/bin/bash\n#SBATCH -a {array}\n{SEED}", f"job{form}.sh")
        here.multirun(f"form={form}", script=f"job{form}.sh")
        ran = [words[0] for words in here.given() if words[-1] == f"form={form}"]
        assert ran == [f"seed={number}" for number in numbers]
