"""The trials that ``hyperherd.yaml`` describes now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hyperherd.errors import ConfigError, Fault, HerdError
from hyperherd.launchers import shipped
from hyperherd.search import combinations
from hyperherd.sweep import naming
from hyperherd.sweep.identity import trial_hash
from hyperherd.sweep.plan import Described
from hyperherd.sweep.spec import Parameter, SweepSpec, bare
from hyperherd.sweep.trial import Combination, Typed
from hyperherd.workspace import layout, manifest
from hyperherd.workspace.folder import Workspace

if TYPE_CHECKING:
    from hyperherd.engine.scripts import Script

MANY = 1_000_000
"""A sweep of more trials than this is a slip of the pen until the user says otherwise."""


@dataclass(frozen=True)
class Description:
    """The checked YAML and the trials it describes, in order; or the same of a sweep over a ``script``."""

    spec: SweepSpec
    trials: Sequence[Described]
    script: Script | None = None

    @property
    def job_name(self) -> str:
        """What the scheduler shows: promised to users, who look for it with ``squeue --name``."""
        return self.script.job_name if self.script else f"hyperherd_{self.spec.name}"

    def names(self, new: Sequence[Described], taken: Sequence[str]) -> Sequence[str]:
        """Names for new trials, unique also against those taken."""
        chosen = [Combination(dict(t.params), dict(t.extras)) for t in new]
        return naming.names(self.spec, chosen, set(taken))


def read_spec(workspace: Workspace) -> SweepSpec:
    """The checked YAML. Raises `ConfigError` with all of its faults, and `HerdError` where it cannot be read."""
    from hyperherd.config import parse  # 0.1 s, and not needed by commands that only look at what has run

    try:
        text = workspace.config.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = workspace.config.read_bytes()[: error.start].count(b"\n") + 1
        raise ConfigError(
            [Fault(f"{layout.CONFIG}:{line}", "not UTF-8", "save the file as UTF-8")]
        ) from error
    except OSError as error:
        raise HerdError(
            f"cannot be read: {error.strerror}",
            where=str(workspace.config),
            hint=f"see `ls -l {workspace.config}`",
        ) from error
    return parse.spec(
        text,
        file=layout.CONFIG,
        native=shipped.native().faults,
        compute=lambda name: _check_preset(name, workspace),
    )


def _check_preset(name: str, workspace: Workspace) -> None:
    """Raises `HerdError` where there is no compute preset of this name."""
    from hyperherd.launcherfinder import presets  # for those who use presets
    from hyperherd.launcherfinder.configuration import Sources

    presets.of_file(name, Sources(workspace.root))


def describe(workspace: Workspace, *, even_if_many: bool = False) -> Description:
    """Read the YAML and make its trials; of a script's sweep, the trials that it has.

    Raises `ConfigError`, and `HerdError` for more than a million unless told.
    """
    if workspace.script:
        from hyperherd.engine import scripts  # reads bash, which commands that only look do without

        return of_script(workspace, scripts.load_again(workspace, workspace.script))
    checked = read_spec(workspace)
    many = combinations.count(checked)
    if many > MANY and not even_if_many:
        raise HerdError(
            f"{layout.CONFIG} describes {many:,} combinations before its conditions",
            where=layout.CONFIG,
            hint="if that is what you want: herd run --yes; else use sample: {n: ...}, or narrow the grid",
        )
    made = combinations.generate(checked)
    return Description(
        checked, [Described(trial_hash(c.params, c.extras), c.params, c.extras, c.requires) for c in made]
    )


def of_script(workspace: Workspace, script: Script) -> Description:
    """The sweep over a script: the trials that were ever asked for, and what the script asks for now."""
    trials = manifest.read(workspace).trials
    parameters = dict.fromkeys(name for trial in trials for name in trial.params)
    spec = SweepSpec(
        name=script.path.name,
        launcher=str(script.path),
        parameters=tuple(map(parameter, parameters)),
        slurm=script.asked.request.native,
        extra_args=script.asked.request.native_lines,
    )
    known = [Described(t.hash, t.params, t.extras, typed=with_tasks(t.typed, script)) for t in trials]
    return Description(spec, known, script)


def with_tasks(typed: Typed | None, script: Script) -> Typed | None:
    """A combination with the array that the script has now."""
    return replace(typed, tasks=script.tasks) if typed else None


def parameter(name: str) -> Parameter:
    """A key of a sweep over a script, for its trials' names."""
    return Parameter(name, (), abbrev=bare(name))
