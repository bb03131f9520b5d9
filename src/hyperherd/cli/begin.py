"""``herd init``, ``test`` and ``completion``: the first steps."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

import click

from hyperherd.cli import arguments, runs, tailing
from hyperherd.engine import launchers_here, outputs, scaffold, trying
from hyperherd.engine.describe import Description
from hyperherd.engine.sweep import Sweep, meant
from hyperherd.engine.trying import Tried
from hyperherd.errors import UsageError
from hyperherd.sweep import selection
from hyperherd.sweep.trial import Status, Trial
from hyperherd.views import numbers, summary
from hyperherd.workspace import results


@click.command(
    epilog="\b\nExamples:\n  herd init my_sweep\n  herd init --config other/hyperherd.yaml --launcher other/launch.sh"
)
@click.argument("directory", type=click.Path(path_type=Path), default=".", metavar="[DIR]")
@click.option(
    "--config", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Copy this hyperherd.yaml."
)
@click.option(
    "--launcher",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Copy this launch script.",
)
@click.option("-f", "--force", is_flag=True, help="Replace files that are there.")
def init(directory: Path, config: Path | None, launcher: Path | None, force: bool) -> None:
    """Make a workspace that works as written: hyperherd.yaml, launch.sh and an example of a training, train.py."""
    for path in scaffold.make(directory, config=config, launcher=launcher, force=force):
        click.echo(f"wrote {path}")
    place = "" if directory.resolve() == Path.cwd() else f" {shlex.quote(str(directory))}"
    click.echo(
        f"\nNext:\n  herd ls{place}      the trials it describes\n  herd test{place}    run one of them here"
    )
    click.echo(f"  herd run{place}     run them all\n  herd res{place}     what they found, the best first")


@click.command(
    epilog="\b\nExamples:\n  herd test\n  herd test 3\n  herd test --on slurm\n  herd test --cfg-job --all"
)
@arguments.workspace_and_trials
@click.option(
    "--cfg-job",
    is_flag=True,
    help="Let Hydra print the configuration, interpolations resolved, and train nothing.",
)
@click.option("--all", "everything", is_flag=True, help="With --cfg-job: check every trial.")
@click.option(
    "--on", "place", default="local", metavar="local|slurm|auto", help="slurm: as a job, and show its log."
)
def test(given: tuple[str, ...], cfg_job: bool, everything: bool, place: str) -> int:
    """Run one trial here (the first, if not said), or as a job, before the first run too. Its logs and results are kept
    apart.
    """
    if cfg_job and launchers_here.kind(place) != "local":
        raise UsageError("--cfg-job runs here", hint="leave --on out")
    if everything and not cfg_job:
        raise UsageError("--all goes with --cfg-job", hint="to run every trial: herd run --on local")
    found = arguments.read(given, trials=True)
    sweep, description = found.sweep, found.sweep.describe()
    arguments.warn(description.spec.notes)
    trials = [one.trial for one in sweep.listed(description)]
    chosen = (
        selection.named(found.trials, trials, meant)
        if found.trials
        else [t.index for t in (trials if everything else trials[:1])]
    )
    here = launchers_here.kind(place) == "local"
    cluster = launchers_here.cluster(launchers_here.names()) if here and not cfg_job else ""
    beside = f" on this machine (as a job: herd test --on {cluster})" if cluster else ""
    failed = 0
    for trial in (t for t in trials if t.index in set(chosen)):
        click.echo(f"testing trial {trial.index}{beside}: {trial.name}", err=True)
        tried = (
            sweep.test(description, trial, cfg_job=cfg_job)
            if here
            else _as_a_job(sweep, description, trial, place)
        )
        logged = ", ".join(f"{name}={numbers.value(value)}" for name, value in tried.metrics.items())
        click.echo(
            f"trial {trial.index}: exit {tried.exit_code}{f'; logged {logged}' if logged else ''}", err=True
        )
        failed += tried.exit_code != 0
    if len(chosen) > 1:
        click.echo(f"{len(chosen) - failed} of {len(chosen)} passed", err=True)
    return 1 if failed else 0


def _as_a_job(sweep: Sweep, description: Description, trial: Trial, place: str) -> Tried:
    """Submit it, and show its log until it has ended; Ctrl-C cancels it."""
    from hyperherd.drill import single_run

    trying.check(sweep.workspace, sweep.launchers, trial)

    def tell(told: str) -> None:
        click.echo(told, err=True)

    with single_run.folder(sweep, tell) as folder:
        side = single_run.alone(sweep, description, trial, runs.wish(place, "", ()), folder / "test", tell)
        going = side.start(lambda prepared: tell(summary.announced(prepared, None)))
        look = side.sweep.look()
        view = look.one()
        paths = outputs.sources(look.workspace, view, (outputs.STDOUT, outputs.STDERR))
        tailing.follow_to_its_end(look, view, paths, count=1000)
        going.until_ended()
        fact = side.fact()
        if fact.status is not Status.COMPLETED and fact.reason:
            tell(f"{fact.status} ({fact.reason})")
        code = fact.outcome.exit_code if fact.outcome else 1
        metrics = results.finals(side.workspace.results, trial.index)
    return Tried(trial, code, metrics)


SHELLS = {
    "bash": '~/.bashrc:  eval "$(herd completion bash)"',
    "zsh": '~/.zshrc:  eval "$(herd completion zsh)"',
    "fish": "~/.config/fish/completions/herd.fish:  herd completion fish | source",
}


@click.command(
    epilog="\b\nPut it into your shell's start-up file:\n"
    + "\n".join(f"  {line}" for line in SHELLS.values())
)
@click.argument("shell", type=click.Choice(list(SHELLS)))
def completion(shell: str) -> None:
    """Print the completion script of a shell."""
    from click.shell_completion import get_completion_class

    from hyperherd.cli.main import herd

    made = get_completion_class(shell)
    if made is None:
        raise UsageError(f"no completion for {shell}", hint=", ".join(SHELLS))
    click.echo(_calling_this_herd(made(herd, {}, "herd", "_HERD_COMPLETE").source()))


def _calling_this_herd(script: str) -> str:
    """The script with the path of the herd that printed it where click calls it by name: an alias has no name to call.

    click (8.1 to 8.5) ends its call with ``$1)`` for bash, with ``herd)`` for the others; zsh's also looks for the
    name on PATH.
    """
    program = os.path.abspath(sys.argv[0])
    is_module = program.endswith("__main__.py")
    this = shlex.join([sys.executable, "-m", "hyperherd"] if is_module else [program])
    script = re.sub(r"^.*\$\+commands\[herd\].*\n", "", script, flags=re.MULTILINE)
    return re.sub(r" (\$1|herd)\)", lambda _: f" {this})", script)
