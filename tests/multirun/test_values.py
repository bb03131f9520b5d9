"""What is typed arrives as typed, whatever it holds, and none of it is run."""

from __future__ import annotations

import string
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .home import Home

ODD = [
    "a b",
    "  leading and trailing  ",
    "$(touch oops)",
    "`touch oops`",
    "$HOME ${HOME} $0 $$",
    "x; touch oops #",
    "x & touch oops && touch oops | cat > oops",
    "two\nlines\n",
    "tab\tand\rreturn",
    '"double" and "more"',
    "back\\slash \\n \\",
    "*.sh ? [a-z] ~ ~root {a,b} !!",
    "ünïcödé 漢字 🐑 \u2028 \u00a0",
    "-n --help",
    "%A %a %% %",
    "{overrides}",
    "EOF\nEOF",
    "x" * 3000,
    "=ls",
]


def quoted(text: str) -> str:
    """As Hydra's grammar quotes any text."""
    escaped = text.replace("\\\\", "\\\\\\\\").replace("'", "\\'")
    if escaped.endswith("\\"):
        escaped += "\\"
    return f"'{escaped}'"


def words(texts: Sequence[str]) -> list[str]:
    return [f"k{number}={quoted(text)}" for number, text in enumerate(texts)]


@pytest.mark.parametrize("first", ["#!/bin/bash", "#!/bin/sh"])
def test_odd_values_arrive_as_they_were_typed(home: Home, first: str) -> None:
    home.script(f"{first}\n#SBATCH --time=5\napp 'x  y' {{overrides}}\n")
    typed = words(ODD)
    home.multirun(*typed)
    assert home.given() == [["x  y", *typed]]
    assert not list(home.folder.glob("oops"))


def test_odd_values_arrive_in_a_sweep_each_in_its_run(here: Home) -> None:
    here.script("#!/bin/bash\napp\n")
    here.multirun("text=" + ",".join(map(quoted, ODD)))
    assert here.given() == sorted([f"text={quoted(text)}"] for text in ODD)
    assert len({trial["experiment_name"] for trial in here.document("status", "job.sh")["trials"]}) == len(
        ODD
    )


def test_odd_values_are_kept_by_a_second_run_and_shown(here: Home) -> None:
    here.script("#!/bin/bash\napp\n")
    typed = words(ODD)
    here.fail(typed[0])
    here.multirun(*typed, code=3)
    here.fail()
    here.herd("run", "job.sh", "--on", "local")
    assert here.given() == [typed, typed]
    assert here.document("status", "job.sh")["trials"][0]["params"]["k12"] == ODD[12]
    here.herd("show", "job.sh", "0")


TEXT = st.text(
    st.sampled_from(string.printable + "éß漢🐑")
    | st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    max_size=30,
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXT, min_size=20, max_size=40))
def test_any_text_arrives_as_it_was_typed(here: Home, texts: list[str]) -> None:
    for path in here.seen.iterdir():
        path.unlink()
    here.script("#!/bin/bash\napp\n")
    typed = words(texts)
    here.multirun(*typed)
    ran = here.given()
    assert ran in ([typed], []), "run once, or not again"
    if not ran:
        assert set(here.statuses()) == {"completed"}
