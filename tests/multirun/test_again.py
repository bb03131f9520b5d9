"""A second `herd multirun` of a script: what has succeeded stays, what is new or failed runs, seeds are kept."""

from __future__ import annotations

import re

from eventually import until

from .home import Home

HEAD = "#!/bin/bash\n#SBATCH --time=5\n\n"


def drawn(home: Home) -> list[str]:
    return [seed for words in home.given() for seed in re.findall(r"seed=(\d+)", " ".join(words))]


def test_more_values_run_the_new_combinations_only(home: Home) -> None:
    home.script(f"{HEAD}app\n")
    home.multirun("lr=0.1,0.01")
    home.multirun("lr=0.1,0.01,1", "env=a")
    home.multirun("lr=1,0.1")
    assert home.given() == sorted(
        [["lr=0.01"], ["lr=0.1"], ["lr=1"], *([f"lr={lr}", "env=a"] for lr in ("0.1", "0.01", "1"))]
    )
    assert home.statuses() == ["completed"] * 6


def test_what_failed_runs_again_and_only_that(home: Home) -> None:
    home.script(f"{HEAD}app\n")
    home.fail("lr=2")
    assert "2 completed, 1 failed" in home.multirun("lr=1,2,3", code=3).stderr
    assert home.statuses() == ["completed", "failed", "completed"]
    home.fail()
    home.multirun("lr=2,3")
    assert home.given() == [["lr=1"], ["lr=2"], ["lr=2"], ["lr=3"]]


def test_what_failed_and_is_not_asked_for_is_left(here: Home) -> None:
    here.script(f"{HEAD}app\n")
    here.fail("lr=2")
    here.multirun("lr=1,2", code=3)
    here.multirun("lr=3")
    assert here.statuses() == ["completed", "failed", "completed"]
    assert "All that is asked for has completed" in here.multirun("lr=1,3").stderr
    assert here.given() == [["lr=1"], ["lr=2"], ["lr=3"]]


def test_herd_run_runs_again_what_failed(home: Home) -> None:
    home.script(f"{HEAD}app\n")
    home.fail("lr=2")
    home.multirun("lr=1,2", code=3)
    home.fail()
    home.herd("run", "job.sh", "--on", home.place, "--wait")
    assert home.given() == [["lr=1"], ["lr=2"], ["lr=2"]]
    assert home.statuses() == ["completed"] * 2


def test_pins_choose_among_its_trials(here: Home) -> None:
    here.script(f"{HEAD}app\n")
    here.fail("lr=1", "lr=2")
    here.multirun("lr=1,2", code=3)
    here.fail()
    here.herd("run", "job.sh", "--on", "local", "lr=2")
    assert here.statuses() == ["failed", "completed"]
    assert "no such parameter" in here.herd("run", "job.sh", "--on", "local", "depth=2", code=2).stderr


def test_random_seeds_are_drawn_once_for_a_combination(here: Home) -> None:
    here.script(f"{HEAD}app\n")
    here.multirun("env=a,b", "seed=__randseed(3)__")
    first = drawn(here)
    assert len(set(first)) == len(first) == 6
    here.multirun("env=a,b", "seed=__randseed(3)__")
    assert drawn(here) == first
    here.multirun("env=a,b,c", "seed=__randseed(4)__")
    assert set(first) < set(drawn(here))
    assert len(set(drawn(here))) == len(drawn(here)) == 12


def test_a_run_that_failed_has_its_seed_again(here: Home) -> None:
    here.script(f"{HEAD}app\n")
    here.fail("env=b")
    here.multirun("env=a,b", "seed=__randseed(2)__", code=3)
    here.fail()
    here.multirun("env=a,b", "seed=__randseed(2)__")
    seeds = drawn(here)
    assert len(seeds) == 6
    assert len(set(seeds)) == 4
    assert here.statuses() == ["completed"] * 4


def test_a_seed_makes_the_draw_repeatable(here: Home) -> None:
    here.script(f"{HEAD}app\n")
    here.script(f"{HEAD}app\n", "other.sh")
    here.multirun("--seed", "7", "seed=__randseed(3)__")
    first = drawn(here)
    here.multirun("--seed", "7", "seed=__randseed(3)__", script="other.sh")
    assert sorted(drawn(here)) == sorted(first * 2)


def test_the_script_as_it_is_edited_is_what_new_runs_run(home: Home) -> None:
    home.script(f"{HEAD}app old\n")
    home.multirun("lr=1")
    home.script("#!/bin/bash\n#SBATCH --time=6\n#SBATCH --job-name=other\napp {overrides} new\n")
    home.multirun("lr=1,2")
    assert home.given() == [["lr=2", "new"], ["old", "lr=1"]]


def test_what_waits_runs_the_script_as_it_stood_when_it_was_submitted(home: Home) -> None:
    home.script(f"{HEAD}GATE={home.folder.parent}/go app old\n")
    home.begin("lr=1,2", "-j", "1")
    until(lambda: len(home.runs()) == 1, "the first one")
    home.script(f"{HEAD}app new\n")
    (home.folder.parent / "go").touch()
    assert home.until_ended() == ["completed"] * 2
    assert home.given() == [["old", "lr=1"], ["old", "lr=2"]]


def test_a_script_that_is_broken_by_an_edit_leaves_what_is_known_readable(here: Home) -> None:
    script = here.script(f"{HEAD}app\n")
    here.multirun("lr=1")
    before = here.files()
    here.script(f"{HEAD}app | other\n")
    here.multirun("lr=2", code=1)
    assert here.files() == before
    assert here.statuses() == ["completed"]
    script.unlink()
    assert here.herd("status", "job.sh.herd").stdout.count("completed") == 2
    here.herd("run", "job.sh.herd", code=1)


def test_combinations_are_the_same_however_they_are_typed(here: Home) -> None:
    here.script(f"{HEAD}app\n")
    here.multirun("lr=1e-1,2", "env=a")
    here.multirun("lr=choice(0.1,2)", "env='a'")
    here.multirun("lr=0.10")
    assert here.given() == [["lr=0.10"], ["lr=1e-1", "env=a"], ["lr=2", "env=a"]]


def test_a_key_given_twice_is_told(here: Home) -> None:
    here.script(f"{HEAD}app\n")
    assert "note: lr=1 is not used" in here.multirun("lr=1", "lr=2").stderr
    assert here.given() == [["lr=2"]]
