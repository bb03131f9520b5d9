"""``herd launchers``: which machines are described, and who would run what."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import click

from hyperherd import __version__, fsio
from hyperherd.cli import arguments
from hyperherd.engine import launchers_here
from hyperherd.errors import HerdError, UsageError
from hyperherd.launcherfinder import choice, configuration, presets, registry
from hyperherd.launcherfinder.choice import Chooser, Chosen
from hyperherd.launcherfinder.configuration import Sources
from hyperherd.launcherfinder.registry import Answer
from hyperherd.launchers import shipped
from hyperherd.requirements import HostRequirement
from hyperherd.requirements.parser import parse
from hyperherd.views import machines as view
from hyperherd.views.columns import Screen

TAGS = click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only machines with this tag.")
ON = click.option("--on", "place", default="auto", metavar="local|slurm|auto", help="Only these launchers.")


@click.group(
    invoke_without_command=True,
    epilog="\b\nExamples:\n  herd launchers detect --write\n  herd launchers explain 'cuda(mem=8GiB) * 2'",
)
@click.pass_context
def launchers(context: click.Context) -> int | None:
    """Describe your machines, and see which of them has what a trial requires."""
    return None if context.invoked_subcommand else int(context.invoke(list_hosts, as_json=False))


@launchers.command("list")
@arguments.as_json
def list_hosts(as_json: bool) -> int:
    """The machines that launchers.yaml describes, and this one where it counts."""
    found = choice.candidates(Sources(arguments.workspace_folder()), launchers_here.names())
    if as_json:
        arguments.print_json({"hosts": [view.host(host) for host in found]})
        return 0
    if path := registry.python_file():
        click.echo(f"{path} chooses (its find_launcher); the machines below are for --on local.", err=True)
    click.echo(view.table(found, Screen.of()))
    if not found:
        click.echo(
            f"No machines are described in {configuration.folder() / configuration.HOSTS}.\n"
            "  Have this cluster described: herd launchers detect --write",
            err=True,
        )
    return 0


@launchers.command(epilog="\b\nExample:\n  herd launchers find 'duration=4h & cuda(mem=24GiB) * 2'")
@click.argument("requirement")
@TAGS
@ON
@arguments.as_json
def find(requirement: str, tags: tuple[str, ...], place: str, as_json: bool) -> int:
    """Who would run what REQUIREMENT says, and what Slurm would be asked for."""
    need, kind = parse(requirement), launchers_here.kind(place)
    chosen = Chooser(Sources(arguments.workspace_folder()), launchers_here.launchers(), kind, tags).choose(
        need
    )
    if as_json:
        arguments.print_json(view.chosen(chosen))
        return 0
    click.echo(f"{chosen.host}: {chosen.why}", err=True)
    for line in view.directives(chosen):
        click.echo(line)
    return 0


@launchers.command(
    epilog="\b\nExample:\n  herd launchers explain 'cuda(mem=80GiB) * 8 | cuda(mem=40GiB) * 16'"
)
@click.argument("requirement")
@TAGS
@ON
@arguments.as_json
def explain(requirement: str, tags: tuple[str, ...], place: str, as_json: bool) -> int:
    """Of every machine: whether it has what REQUIREMENT says, or what it lacks; exit code 1 where none has it."""
    need, kind = parse(requirement), launchers_here.kind(place)
    chooser = Chooser(Sources(arguments.workspace_folder()), launchers_here.launchers(), kind, tags)
    if answer := chooser.asked(need):
        return _explain_python(chooser, answer, as_json)
    verdicts = chooser.judge(need)
    if as_json:
        fits = verdicts[0].meets is not None
        _print_explained(
            need, [view.verdict(one) for one in verdicts], chooser.choose(need) if fits else None
        )
    else:
        click.echo(view.explained(verdicts, Screen.of()), nl=False)
    return 0 if verdicts[0].meets else 1


def _explain_python(chooser: Chooser, answer: Answer, as_json: bool) -> int:
    chosen = chooser.answered(answer) if answer.candidate is not None else None
    if as_json:
        _print_explained(answer.need, [view.look(one) for one in answer.looks], chosen)
    else:
        click.echo(f"{answer.path} chooses (its find_launcher).", err=True)
        click.echo(view.answered(answer, chosen, Screen.of()), nl=False)
    return 0 if chosen else 1


def _print_explained(need: HostRequirement, hosts: list[dict[str, Any]], chosen: Chosen | None) -> None:
    told = view.chosen(chosen) if chosen else None
    arguments.print_json({"requirement": str(need), "chosen": told, "hosts": hosts})


def _looks_around(kind: str) -> str:
    """The launcher that is asked: another package's where that is named, a cluster's that is here, this machine's."""
    if kind and kind not in shipped.SHIPPED:
        return kind
    here = [name for name in launchers_here.names() if kind in ("", name)]
    return launchers_here.cluster(here) or launchers_here.machine(shipped.SHIPPED)


@launchers.command("detect", epilog="\b\nExamples:\n  herd launchers detect\n  herd launchers detect --write")
@click.option("--write", is_flag=True, help="Write launchers.yaml in the configuration folder.")
@click.option("-f", "--force", is_flag=True, help="With --write: replace the file that is there.")
@ON
def detect_hosts(write: bool, force: bool, place: str) -> int:
    """Describe this cluster (this machine, where there is no Slurm) as launchers.yaml, for you to edit."""
    from hyperherd.launcherfinder import gpu_names, hosts_yaml

    if force and not write:
        raise UsageError("-f goes with --write")
    table = gpu_names.read(configuration.folder() / gpu_names.NAME)
    found = shipped.survey(_looks_around(launchers_here.kind(place)))(table)
    now = datetime.date.today().isoformat()
    text = hosts_yaml.text(found, written=f"{now} by herd {__version__}")
    if not write:
        click.echo(text, nl=False)
        return 0
    path = configuration.folder() / configuration.HOSTS
    if path.exists() and not force:
        raise HerdError(
            "there is one already",
            where=str(path),
            hint="see what would be written: herd launchers detect; replace it: herd launchers detect --write -f",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fsio.replace(path, text.encode())
    except OSError as error:
        raise HerdError(
            f"cannot be written: {error.strerror}",
            where=str(path),
            hint="have it printed: herd launchers detect; or name another folder: HYPERHERD_CONFIG_DIR=...",
        ) from error
    click.echo(f"wrote {path}: {len(found.hosts)} kinds of machines", err=True)
    for sentence in found.unknown:
        click.echo(f"  note: {sentence}", err=True)
    return 0


@click.group(invoke_without_command=True, epilog="\b\nExample:\n  herd compute show killarney/l40s_1x")
@click.pass_context
def compute(context: click.Context) -> int | None:
    """Compute presets: what `compute:` in hyperherd.yaml may name."""
    return None if context.invoked_subcommand else int(context.invoke(list_presets, as_json=False))


@compute.command("list")
@arguments.as_json
def list_presets(as_json: bool) -> int:
    """All presets: those of the workspace and its project, of the configuration folder, and those that ship."""
    sources = _sources()
    found, wrong = [], []
    for name, path in sources.presets():
        try:
            found.append((presets.load(name, sources), path))
        except HerdError as error:
            wrong.append(error)
    for message in dict.fromkeys(map(str, wrong)):
        click.echo(f"herd: {message}", err=True)
    if as_json:
        arguments.print_json({"presets": [view.preset(one, path) for one, path in found]})
    else:
        click.echo(view.presets(found, Screen.of()))
    return 1 if wrong else 0


@compute.command()
@click.argument("name")
@arguments.as_json
def show(name: str, as_json: bool) -> int:
    """A preset with everything filled in, and the #SBATCH lines that it becomes."""
    sources = _sources()
    found = presets.load(name, sources)
    if as_json:
        arguments.print_json(view.preset(found, sources.preset(name)))
        return 0
    click.echo(view.resolved(found), nl=False)
    return 0


def _sources() -> Sources:
    """In the workspace, or from the folder that we are in."""
    return Sources(arguments.workspace_folder(), here=Path.cwd())
