"""What the bash on a node asks of whoever queues it: a launcher's own words, and nowhere else in the script."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hyperherd.bash.quoting import quote


@dataclass(frozen=True)
class Dialect:
    """Bash that answers for one scheduler. It uses builtins alone, but for the scheduler's own commands;
    any other name that it sets begins with `herd_its`.

    ``job``           a word: the id that the register holds, the same for all elements of a submission
    ``number``        a word: which element this is, as `Job.array` numbers them
    ``always``        sets ``herd_element`` (the id of this element that people see and the scheduler is asked by; herd
                      shows it as ``<job>_<number>``; empty where it has none), ``herd_restarts`` (how often the
                      scheduler has queued it again), ``herd_node`` (this node's name; empty: the kernel's),
                      ``herd_own_job`` and ``herd_job_variable`` (the job's id in the environment of its processes,
                      and under which name); puts right what would keep the trial's own programs from its variables;
                      and defines

                      ``herd_queued_itself``   true where the user's script has queued this element again by itself,
                                               or nobody can say that it has not
                      ``herd_flush PATH...``   optional: writes what is kept in memory of these to the disk; true

    ``requeue``       for batches with `Requeue`: sets ``herd_scheduler`` (its name, for people) and ``herd_requeues``
                      (anything: it queues this element again on request, or by itself; empty: the launcher follows the
                      mark AGAIN, and need not answer the last three), and defines

                      ``herd_ask_why``         sets ``herd_why`` to what ends this element now: TIMEOUT or PREEMPTION,
                                               where herd is to queue it again; empty for any other
                      ``herd_ask_why_before``  sets ``herd_why`` to what the scheduler says that it ended the attempt
                                               before for: NODE_FAIL, PREEMPTION or REQUEUE; empty where it says
                                               nothing
                      ``herd_ask_to_queue``    queues this element again; 0: it is queued, 1: ask again in a while,
                                               2: refused. ``herd_said``: the answer's own words
                      ``herd_kill_elsewhere``  kills what the trial has started on other nodes

    ``ends_earlier``  whether what an earlier attempt of the trial has left running on the node is ended first (this
                      machine's supervisor knows of it, and each line of bash costs a trial time)
    """

    job: str
    number: str
    always: str
    requeue: str
    ends_earlier: bool = False

    @staticmethod
    def of(folder: Path, *, job: str, number: str, ends_earlier: bool = False) -> Dialect:
        """From the launcher's own ``dialect.sh`` and ``dialect_requeue.sh``."""
        always, requeue = (
            (folder / name).read_text(encoding="utf-8") for name in ("dialect.sh", "dialect_requeue.sh")
        )
        return Dialect(job, number, always, requeue, ends_earlier)

    def as_job(self, job: str) -> Dialect:
        """The same for the one job of this id."""
        return replace(self, job=quote(job))
