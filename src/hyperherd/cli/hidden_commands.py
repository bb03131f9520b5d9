"""Commands for scripts and for herd itself, not listed in the help."""

from __future__ import annotations

from pathlib import Path

import click

from hyperherd.engine.describe import read_spec
from hyperherd.engine.sweep import Sweep
from hyperherd.errors import HerdError
from hyperherd.sweep import trial_overrides
from hyperherd.workspace import layout, manifest, submissions
from hyperherd.workspace.folder import Workspace


@click.command("resolve-overrides")
@click.argument("path", type=click.Path(path_type=Path), metavar="MANIFEST")
@click.argument("index", type=int)
def resolve_overrides(path: Path, index: int) -> None:
    """Print what the launch script of the trial INDEX is handed as $1."""
    if path.name != layout.MANIFEST or not path.is_file():
        raise HerdError(f"no manifest: {path}", hint=f"name the file {layout.STATE_FOLDER}/{layout.MANIFEST}")
    workspace = Workspace(path.absolute().parent.parent)
    trials = manifest.by_index(manifest.read(workspace).trials)
    if index not in trials:
        raise HerdError(f"no trial {index} in {path}", hint="herd ls lists them")
    given = [
        r.static_overrides for r in submissions.read(workspace) if index in r.trials and r.state != "void"
    ]
    static = given[-1] if given else read_spec(workspace).static_overrides
    click.echo(trial_overrides.handed(trials[index], static).argument)


@click.command("await")
@click.argument("path", type=click.Path(path_type=Path), metavar="WORKSPACE")
def await_(path: Path) -> int:
    """Return when nothing in the workspace is live: 0 if all its trials have completed, else 1."""
    return 0 if Sweep.at(path).succeeds() else 1
