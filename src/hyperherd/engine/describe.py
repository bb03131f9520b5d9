"""The trials that ``hyperherd.yaml`` describes now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hyperherd.engine import source_history
from hyperherd.errors import ConfigError, Fault, HerdError
from hyperherd.launchers import shipped
from hyperherd.search import combinations
from hyperherd.search.source import Proposal, Source, propose
from hyperherd.sweep import naming
from hyperherd.sweep.plan import Described
from hyperherd.sweep.spec import Parameter, SweepSpec, bare
from hyperherd.sweep.trial import Combination
from hyperherd.workspace import layout
from hyperherd.workspace.folder import Workspace

if TYPE_CHECKING:
    from hyperherd.engine.facts import Known
    from hyperherd.engine.scripts import Script, ScriptSource

MANY = 1_000_000
"""A sweep of more trials than this is a slip of the pen until the user says otherwise."""
MOST = 5_000_000
"""As many as memory holds, a kilobyte each."""


@dataclass(frozen=True)
class Description:
    """The checked YAML and the trials that its source proposes, in order; or the same of a sweep over a ``script``."""

    spec: SweepSpec
    proposal: Proposal
    script: Script | None = None

    @property
    def trials(self) -> Sequence[Described]:
        """All that are described now."""
        return self.proposal.trials

    @property
    def source(self) -> Source:
        return self.proposal.source

    @property
    def job_name(self) -> str:
        """What the scheduler shows: promised to users, who look for it with ``squeue --name``."""
        return self.script.job_name if self.script else f"hyperherd_{self.spec.name}"

    def names(self, new: Sequence[Described], taken: Sequence[str]) -> Sequence[str]:
        """Names for new trials, unique also against those taken."""
        chosen = [Combination(dict(t.params), dict(t.extras)) for t in new]
        keys = self.source.named_by(self.proposal.proposed)
        spec = self.spec if keys is None else replace(self.spec, parameters=tuple(map(parameter, keys)))
        return naming.names(spec, chosen, set(taken))

    def again(self, workspace: Workspace, known: Known | None = None) -> Description:
        """What the source proposes now; ``known``: how the trials stand, for one that learns."""
        asked = source_history.history(workspace, self.source, known)
        return replace(self, proposal=propose(self.source, asked))


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


def describe(
    workspace: Workspace, *, source: Source | None = None, even_if_many: bool = False
) -> Description:
    """Read the YAML and ask its source (or another) for the trials; of a script's sweep, the trials that it has, and
    what is asked for now.

    Raises `ConfigError`, and `HerdError` for more than `MANY` unless told, and for more than `MOST`.
    """
    if workspace.script:
        from hyperherd.engine import scripts  # reads bash, which commands that only look do without

        if isinstance(source, scripts.ScriptSource):
            return _of_script(workspace, source)
        return _of_script(workspace, scripts.ScriptSource(scripts.load_again(workspace, workspace.script)))
    checked = read_spec(workspace)
    many = 0 if source else combinations.count(checked)
    if many > (MOST if even_if_many else MANY):
        wanted = "" if many > MOST else "if that is what you want: herd run --yes; else "
        raise HerdError(
            f"{layout.CONFIG} describes {many:,} combinations before its conditions",
            where=layout.CONFIG,
            hint=f"{wanted}use sample: {{n: ...}}, or narrow the grid",
        )
    asked = source or combinations.Combinations(checked)
    return Description(
        checked, propose(asked, source_history.history(workspace, asked, _as_noted(workspace, asked)))
    )


def _as_noted(workspace: Workspace, source: Source) -> Known | None:
    """How the trials of a source that learns stand by what lies in the workspace; nobody is asked."""
    if not source.learns:
        return None
    from hyperherd.engine import facts

    return facts.read(workspace, {}, silent_is_fatal=False)


def _of_script(workspace: Workspace, source: ScriptSource) -> Description:
    """The sweep over a script: the trials that were ever asked for, what is asked for now, and what the script asks
    for now.
    """
    script = source.script
    proposal = propose(source, source_history.history(workspace, source, None))
    keys = dict.fromkeys(name for one in proposal.trials for name in one.params)
    spec = SweepSpec(
        name=script.path.name,
        launcher=str(script.path),
        parameters=tuple(map(parameter, keys)),
        slurm=script.asked.request.native,
        extra_args=script.asked.request.native_lines,
    )
    return Description(spec, proposal, script)


def parameter(name: str) -> Parameter:
    """A key of a sweep over a script, for its trials' names."""
    return Parameter(name, (), abbrev=bare(name))
