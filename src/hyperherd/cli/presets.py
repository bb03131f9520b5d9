"""``herd compute``: the compute presets."""

from __future__ import annotations

from pathlib import Path

import click

from hyperherd.cli import arguments
from hyperherd.errors import HerdError
from hyperherd.launcherfinder import presets
from hyperherd.launcherfinder.configuration import Sources
from hyperherd.views import machines as view
from hyperherd.views.columns import Screen


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
