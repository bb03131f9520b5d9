"""The trials that ``hyperherd.yaml`` describes now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hyperherd.errors import ConfigError, Fault, HerdError
from hyperherd.launchers.slurm import options
from hyperherd.sweep import combinations, naming
from hyperherd.sweep.description import SweepSpec
from hyperherd.sweep.identity import trial_hash
from hyperherd.sweep.plan import Described
from hyperherd.workspace import layout
from hyperherd.workspace.folder import Workspace

MANY = 1_000_000
"""A sweep of more trials than this is a slip of the pen until the user says otherwise."""


@dataclass(frozen=True)
class Description:
    """The checked YAML and the trials it describes, in order."""

    spec: SweepSpec
    trials: Sequence[Described]

    def names(self, new: Sequence[Described], taken: Sequence[str]) -> Sequence[str]:
        """Names for new trials, unique also against those taken."""
        chosen = [combinations.Combination(dict(t.params), dict(t.extras)) for t in new]
        return naming.names(self.spec, chosen, set(taken))


def read_spec(workspace: Workspace) -> SweepSpec:
    """The checked YAML. Raises `ConfigError` with all of its faults, and `HerdError` where it cannot be read."""
    from hyperherd.sweep import spec  # 0.1 s, and not needed by commands that only look at what has run

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
    return spec.parse(text, file=layout.CONFIG, slurm_options=options.KINDS)


def describe(workspace: Workspace, *, even_if_many: bool = False) -> Description:
    """Read the YAML and make its trials. Raises `ConfigError`, and `HerdError` for more than a million unless told."""
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
