"""How this machine starts one trial: which bash, which text, which environment, which slots; what its bash asks is
`dialect.sh` and `dialect_requeue.sh` beside this.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hyperherd.attempts import variables
from hyperherd.connectors import children
from hyperherd.jobs import Batch, Element
from hyperherd.launchers.direct import cores, gpu_slots
from hyperherd.launchers.direct.slots import Taken
from hyperherd.launchers.node.dialect import Dialect
from hyperherd.launchers.node.script import script

DIALECT = Dialect.of(Path(__file__).parent, job=f'"${variables.JOB}"', number=f'"${{{variables.NUMBER}-}}"')

_IN_A_JOB = "[[ ${SLURM_EXPORT_ENV+set} && -z ${herd_interpreter-} ]] && export SLURM_EXPORT_ENV=ALL\n"


def by_hand(job: str) -> Dialect:
    """For a script that runs here without a supervisor (`herd test`), maybe in a job of Slurm's, whose srun it uses."""
    return replace(DIALECT.as_job(job), always=DIALECT.always + _IN_A_JOB)


_FIRST_SLOT = 200
"""Number of the first slot's descriptor in a trial: above what scripts use by hand and bash for itself."""

_LONGEST_WORD = 100_000
"""Bytes; Linux takes no longer variable, and no longer word, than 131,072 (MAX_ARG_STRLEN, execve(2))."""

_RUN = f'eval "unset {variables.TEXT}; ${variables.TEXT}"'
"""Bash that runs what is in the variable: `ps` shows this and the trial, not the pages of the text."""


@dataclass(frozen=True)
class Spawner:
    """What is the same for all trials of a batch. Each may run for ``time_s`` seconds; None: as long as it likes."""

    batch: Batch
    bash: str
    environ: Mapping[str, str]
    time_s: float | None = None

    def start(self, element: Element, slots: Taken, first: int) -> int:
        """The pid of the trial's bash, which leads a process group of its own and has the slots from now on.

        ``first`` is the number of the submission's first attempt of the trial: its script counts from there.

        Raises OSError.
        """
        environ = dict(self.environ)
        environ[variables.NUMBER] = str(element.number)
        environ[variables.MARK] = self.mark(element)
        if self.time_s:
            environ[variables.TIME_LIMIT_AT] = str(int(time.time() + self.time_s))
        if element.attempt > first:
            environ[variables.RESTARTS] = str(element.attempt - first)
        if slots.gpus:
            environ[gpu_slots.VISIBLE] = ",".join(slots.gpus)
        words, text = self._words(replace(element, attempt=first))
        inherited = {_FIRST_SLOT + k: descriptor for k, descriptor in enumerate(slots.descriptors)}
        with cores.confined(slots.cores if self.batch.share.cores else ()):
            return children.spawn(self.bash, words, {**environ, **text}, inherited)

    def mark(self, element: Element) -> str:
        """What the processes of this trial carry."""
        folder = self.batch.files.attempts
        return variables.mark(self.batch.token, folder.stem(element.unit), element.attempt)

    def _words(self, element: Element) -> tuple[list[str], dict[str, str]]:
        """The command, and what it wants in its environment."""
        text = script(self.batch.only((element,)), DIALECT)
        # What the user's own script holds stays out of the environment, which some programs log.
        if not self.batch.inline and len(text.encode("utf-8", "surrogateescape")) < _LONGEST_WORD:
            return ["bash", "-c", _RUN, f"{self.batch.name} trial {element.unit}"], {variables.TEXT: text}
        return ["bash", str(self.batch.files.script)], {}
