"""Whose a row of squeue's or sacct's is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperherd.attempts.filenames import Unit
from hyperherd.jobs import Job, Offer, Phase
from hyperherd.launchers.slurm import element_states, job_identity, parse
from hyperherd.launchers.slurm.job_identity import Whose, whose

TOKEN, OTHER = "0b1c2d3e4f-20300101-120000-9f8e7d6c", "0b1c2d3e4f-20300101-120001-0a1b2c3d"
JOB = Job(TOKEN, "hyperherd_a", "7", "c", 1000.0, None, {0: Offer(Unit(0), 1)})  # type: ignore[arg-type]
OURS = f"hyperherd_a|{TOKEN}|/w/jobs/{TOKEN}.sbatch"
NOTHING = "(null)|(null)|(null)"


def row(shown: str, job_id: str = "7", submitted_at: float | None = 1001.0) -> parse.QueueRow:
    return parse.QueueRow(job_id, (0,), "RUNNING", submitted_at, 1.0, None, "n1", "None", shown)


SHOWN = {
    OURS: Whose.OURS,
    f"hyperherd_a|(null)|/w/jobs/{TOKEN}.sbatch": Whose.OURS,
    f"x|charged to 7|/w/jobs/{TOKEN}.sbatch": Whose.OURS,
    f"a|b|{TOKEN}|(null)": Whose.OURS,
    f"a\nb|c|/w\nv|w/jobs/{TOKEN}.sbatch": Whose.OURS,
    f"hyperherd_a|{OTHER}|/w/jobs/{OTHER}.sbatch": Whose.ANOTHERS,
    f"hyperherd_a|{OTHER}|(null)": Whose.ANOTHERS,
    "hyperherd_a|(null)|/w/train.sh": Whose.ANOTHERS,
    f"hyperherd_a||sbatch --parsable /w/jobs/{TOKEN}.sbatch": Whose.OURS,
    "hyperherd_a||sbatch --wrap true": Whose.ANOTHERS,
    f"hyperherd_a|after {TOKEN}0|(null)": Whose.UNSAID,
    NOTHING: Whose.UNSAID,
    "hyperherd_a|mine|": Whose.UNSAID,
    "allocation||": Whose.UNSAID,
}


@pytest.mark.parametrize("shown", SHOWN)
def test_a_row_shows_whose_it_is_by_its_comment_or_its_script(shown: str) -> None:
    assert whose(shown, TOKEN) is SHOWN[shown]


def test_a_row_that_shows_nothing_is_ours_only_where_the_job_has_said_so_itself() -> None:
    unsaid = row(NOTHING)
    assert job_identity.own(JOB, [unsaid], lambda: True) == ([unsaid], [])
    assert job_identity.own(JOB, [unsaid], lambda: False) == ([], [unsaid])
    assert job_identity.own(JOB, [row(OURS), unsaid], lambda: False) == ([row(OURS), unsaid], [])


def test_nor_is_it_where_the_id_is_anothers_too_or_where_it_is_older_than_our_submission() -> None:
    unsaid, others = row(NOTHING), row(f"b|{OTHER}|(null)")
    assert job_identity.own(JOB, [unsaid, others], lambda: True) == ([], [unsaid])
    assert job_identity.own(JOB, [row(NOTHING, submitted_at=1.0)], lambda: True) == ([], [])


def test_what_shows_our_token_under_another_id_is_a_twin_and_never_judged() -> None:
    twin = row(OURS, "9")
    assert job_identity.twins(JOB, [row(OURS), twin, row(NOTHING, "8")]) == [twin]
    assert element_states.of_queue(JOB, [twin], lambda: True) == {}


@given(st.lists(st.sampled_from([*SHOWN]), max_size=4), st.booleans())
def test_nothing_of_anothers_ever_says_how_our_job_is(shown: list[str], registered: bool) -> None:
    rows = [row(text) for text in shown]
    states = element_states.of_queue(JOB, rows, lambda: registered)
    if states and states[0].phase is not Phase.UNKNOWN:
        ours, _ = job_identity.own(JOB, rows, lambda: registered)
        assert ours and all(SHOWN[one.shown] is not Whose.ANOTHERS for one in ours)


def test_of_a_job_of_version_0_1_3_the_name_and_its_script_say_it() -> None:
    legacy = replace(JOB, token="legacy-7", offers={0: Offer(Unit(0), 0)})
    mine, other = row("hyperherd_a||/w/.hyperherd/job.sbatch"), row("hyperherd_a||/w/train.sh")
    assert job_identity.own(legacy, [mine, other, row("b||")], lambda: False) == ([mine], [])
