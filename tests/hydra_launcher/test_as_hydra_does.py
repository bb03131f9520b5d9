"""Jobs see what they would see under Hydra's own launcher, which is run for comparison."""

from __future__ import annotations

from pathlib import Path

import pytest

from .applications import OUTPUT, Application, Facts

SWEEPS = {
    "values": [
        "lr=1e-3",
        "name='a b','it\"s \\'$HOME\\' ${oc.env:HOME}',[1,2.0,x y],{a:'b, c'},'é=ü',null",
        "db=postgres",
        "+hydra.job.env_set.OF_THE_JOB='job ${hydra.job.num}'",
    ],
    "structure": ["~db", "+new=1,2", "~name", "hydra.job.chdir=true", "hydra.output_subdir=null"],
    "folders": [
        "--config-name=watched",
        "lr=1,2",
        "name=x,y",
        "hydra.sweep.subdir='${hydra.job.override_dirname}/name=${name}'",
        "hydra.output_subdir=settings",
        "hydra.job.name=trainer",
        "hydra.job_logging.formatters.simple.format='%(message)s'",
    ],
    "named": [
        "--config-name=watched",
        "lr=1,2",
        "+db@more=mysql",
        "++name=x",
        "hydra.sweep.subdir='${hydra:job.name}-${hydra.job.num}/${hydra.job.override_dirname}'",
        "hydra.job.config.override_dirname.kv_sep=_is_",
    ],
    "twice": ["lr=1,1", "hydra.verbose=true"],
}


def files(output: Path) -> dict[str, str | None]:
    """Those of jobs, by name; what they hold, where that is the same in every run."""
    found = [path for path in output.rglob("*") if path.is_file() and ".herd/" not in str(path)]
    stable = ("overrides.yaml", "config.yaml")
    return {
        str(path.relative_to(output)): path.read_text() if path.name in stable else None
        for path in found
        if path.suffix != ".sh" and path.name != "multirun.yaml"
    }


@pytest.mark.parametrize("words", SWEEPS.values(), ids=SWEEPS)
def test_each_job_sees_what_hydras_own_launcher_shows_it(here: Application, words: list[str]) -> None:
    def watched() -> list[str]:
        path = here.root / "watched"
        lines = sorted(path.read_text().splitlines()) if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    here.run("app.py", "--multirun", *words, f"hydra.sweep.dir='{OUTPUT}'")
    expected: list[Facts] = here.facts()
    expected_files, expected_watched = files(here.output), watched()
    here.forget()

    here.sweep(*words)

    assert here.facts() == expected
    assert files(here.output) == expected_files
    assert watched() == expected_watched
    assert len({facts["number"] for facts in expected}) == len(expected) > 1


def test_a_structured_configuration_is_checked_and_filled(here: Application) -> None:
    here.run("typed.py", *here.words("model.depth=2,3", "lr=1"))
    assert [facts["config"] for facts in here.facts()] == [
        {"model": {"depth": depth, "width": None}, "lr": 1.0} for depth in (2, 3)
    ]
