"""What happens only because the user said so: completed trials again, hosts that are gone, names that were used."""

from __future__ import annotations

from dataclasses import replace

from eventually import until

from .sweeps import GATE, OTHER_HOST, Sweep
from .test_two_hosts import pytestmark as needs_another_host_name


def test_force_with_named_trials_runs_those_again_and_decides_nothing_about_others(here: Sweep) -> None:
    here.herd("run")
    here.describe([1])
    told = here.herd("run", "-f", "-i", "0", code=1).stderr
    assert "no longer describes" in told and "herd run -f" in told
    assert here.starts() == {"1": 1, "2": 1}
    here.describe([1, 2])
    here.herd("run", "-f", "-i", "0")
    assert here.starts() == {"1": 2, "2": 1}


def test_force_without_named_trials_keeps_orphans_and_runs_nothing_again(here: Sweep) -> None:
    here.herd("run")
    here.describe([1])
    here.herd("run", "-f")
    assert here.starts() == {"1": 1, "2": 1}
    assert [trial["orphan"] for trial in here.trials()] == [False, True]


def test_the_name_of_a_dropped_trial_that_had_begun_is_given_to_no_other(here: Sweep) -> None:
    """Its checkpoint may lie in the folder of that name."""
    here.describe([0.12341])
    here.script("[[ $x == 0.12341 ]] && exit 1")
    here.herd("run", code=3)
    (first,) = here.trials()
    here.describe([0.12342])
    here.herd("run")
    (second,) = here.trials()
    assert first["experiment_name"] == "x-0.1234"
    assert second["experiment_name"] not in ("", first["experiment_name"])


@needs_another_host_name
def test_trials_of_a_host_that_is_gone_run_again_when_the_user_names_them_as_lost(here: Sweep) -> None:
    here.script(GATE)
    here.on(OTHER_HOST, "-j", "2")
    until(lambda: len(here.lines()) == 2, "both to start")
    assert set(here.statuses().values()) == {"running"}
    assert "--lost" in here.herd("run", "-i", "0", code=1).stderr
    here.herd("run", "--lost")
    assert here.starts() == {"1": 1, "2": 1}
    own_places = replace(here, env={**here.env, "HYPERHERD_SLOTS_DIR": str(here.root.parent / "places")})
    own_places.herd("run", "-i", "0", "--lost", "--detach")
    until(lambda: here.starts() == {"1": 2, "2": 1}, "the named one to start again")
    here.go()


def test_a_trial_that_was_dropped_and_comes_back_has_its_old_name(here: Sweep) -> None:
    """Its checkpoints lie under it; it has another number, and nobody else gets the name meanwhile."""
    here.describe([1, 2])
    here.script("[[ $x != 2 ]] || exit 1")
    here.herd("run", code=3)
    here.describe([1])
    here.herd("run")
    here.describe([1, 2.0])
    here.herd("run")
    here.describe([1, 2, 2.0])
    here.script()
    here.herd("run")
    names = {trial["index"]: trial["experiment_name"] for trial in here.trials()}
    assert names[3] == "x-2" != names[2]
    assert names[2] == "x-2.0"


def test_git_need_not_know_of_what_herd_keeps(here: Sweep) -> None:
    here.herd("run", "-n")
    assert not (here.root / ".hyperherd").exists()
    here.herd("run")
    assert (here.root / ".hyperherd/.gitignore").read_text() == "*\n"
    (here.root / ".hyperherd/.gitignore").write_text("logs/\n")
    here.herd("run")
    assert (here.root / ".hyperherd/.gitignore").read_text() == "logs/\n"
