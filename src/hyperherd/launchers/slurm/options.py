"""sbatch's long options: which there are, of which kind, and the ``#SBATCH`` lines that they become.

Source: ``sbatch --help`` and man sbatch of 22.05 to 24.11.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from hyperherd import units
from hyperherd.errors import Fault, OptionError, nearest
from hyperherd.jobs import NativeValue as Value
from hyperherd.launchers.slurm import forms
from hyperherd.launchers.slurm.forms import Kind
from hyperherd.launchers.slurm.option_table import ONE_OF, REFUSED

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_):
        return lambda kind: kind


Text: TypeAlias = "str | int | None"
Count: TypeAlias = "int | str | None"
From_zero: TypeAlias = "int | str | None"
Flag: TypeAlias = "bool | None"
Optional: TypeAlias = "str | int | bool | None"
Time: TypeAlias = "str | int | None"
Memory: TypeAlias = "str | int | None"
Nodes: TypeAlias = "str | int | None"
Gpus: TypeAlias = "str | int | None"
Gres: TypeAlias = "str | None"


@dataclass_transform(kw_only_default=True)
class _Table:
    """Editors and type checkers read the fields as a dataclass's; making a real one of 93 takes 3 ms."""

    __slots__ = ("_in_use",)


class SlurmOptions(_Table):
    """sbatch's options by their long names with ``_``. None is not asked for, True a bare option.

    They may be assigned (``options.gpus = 2``) until they are used: once a launcher has them, or a hash was taken,
    nothing changes them.

    ``time`` is text as sbatch reads it, or whole minutes; memory is text such as ``32G``, or whole MiB. One node is
    asked for, unless ``nodes`` is None. ``gpu_per_node`` is taken for ``gpus_per_node``. Raises `OptionError` with all
    that sbatch would refuse.

    >>> SlurmOptions(partition="gpu", time="1:00:00", exclusive=True).args()
    ['--nodes=1', '--time=1:00:00', '--partition=gpu', '--exclusive']
    """

    nodes: Nodes = 1
    time: Time = None
    account: Text = None
    qos: Text = None
    partition: Text = None
    constraint: Text = None
    mem: Memory = None
    exclude: Text = None
    mem_per_gpu: Memory = None
    cpus_per_task: Count = None
    nodelist: Text = None
    ntasks_per_node: Count = None
    gpus: Gpus = None
    gpus_per_node: Gpus = None
    acctg_freq: Text = None
    batch: Text = None
    bb: Text = None
    bbf: Text = None
    begin: Text = None
    chdir: Text = None
    cluster_constraint: Text = None
    comment: Text = None
    container: Text = None
    container_id: Text = None
    contiguous: Flag = None
    core_spec: From_zero = None
    cores_per_socket: Count = None
    cpu_freq: Text = None
    cpus_per_gpu: Count = None
    deadline: Text = None
    delay_boot: Text = None
    dependency: Text = None
    distribution: Text = None
    exclusive: Optional = None
    export: Text = None
    export_file: Text = None
    extra: Text = None
    extra_node_info: Text = None
    get_user_env: Optional = None
    gid: Text = None
    gpu_bind: Text = None
    gpu_freq: Text = None
    gpus_per_socket: Gpus = None
    gpus_per_task: Gpus = None
    gres: Gres = None
    gres_flags: Text = None
    hint: Text = None
    hold: Flag = None
    ignore_pbs: Flag = None
    input: Text = None
    kill_on_invalid_dep: Text = None
    licenses: Text = None
    mail_type: Text = None
    mail_user: Text = None
    mcs_label: Text = None
    mem_bind: Text = None
    mem_per_cpu: Memory = None
    mincpus: Count = None
    network: Text = None
    nice: Optional = None
    no_kill: Optional = None
    no_requeue: Flag = None
    nodefile: Text = None
    ntasks: Count = None
    ntasks_per_core: Count = None
    ntasks_per_gpu: Count = None
    ntasks_per_socket: Count = None
    open_mode: Text = None
    overcommit: Flag = None
    oversubscribe: Optional = None
    parsable: Flag = None
    power: Text = None
    prefer: Text = None
    priority: Text = None
    profile: Text = None
    propagate: Optional = None
    quiet: Flag = None
    reboot: Flag = None
    requeue: Flag = None
    reservation: Text = None
    resv_ports: Text = None
    segment: Optional = None
    signal: Text = None
    sockets_per_node: Count = None
    spread_job: Flag = None
    stepmgr: Optional = None
    switches: Text = None
    thread_spec: Count = None
    threads_per_core: Count = None
    time_min: Time = None
    tmp: Memory = None
    tres_bind: Text = None
    tres_per_task: Text = None
    uid: Text = None
    use_min_nodes: Flag = None
    verbose: Flag = None
    wait_all_nodes: Text = None
    wckey: Text = None

    if not TYPE_CHECKING:

        def __init__(self, **options):
            given = _named(options)
            wrong = faults(given, "SlurmOptions")
            if wrong:
                raise OptionError([_IN_PYTHON.get(fault.where, fault) for fault in wrong])
            self.__dict__.update(given)

        def __setattr__(self, name, value):
            if getattr(self, "_in_use", False):
                raise AttributeError(
                    f"these options are in use: make others with changed({name}={value!r}), "
                    f"or a launcher with config({name}={value!r})"
                )
            self.__dict__.update(vars(self.changed(**{name: value})))

        def __getstate__(self):
            return dict(vars(self))

    def in_use(self) -> SlurmOptions:
        """The same, of which nothing can be changed any more."""
        object.__setattr__(self, "_in_use", True)
        return self

    def changed(self, **options: Value) -> SlurmOptions:
        """The same but for these; None takes one away. Raises `OptionError`."""
        return SlurmOptions(**{**vars(self), **_named(options)})

    def given(self) -> dict[str, Value]:
        """What is asked for, in the order of the fields."""
        values = ((name, getattr(self, name)) for name in KINDS)
        return {name: value for name, value in values if is_asked(value)}

    def args(self) -> list[str]:
        """The arguments of sbatch's command line."""
        return arguments(self.given())

    @staticmethod
    def format_time(seconds: float) -> str:
        """A time limit of so many seconds, rounded up, as hours:minutes:seconds.

        >>> SlurmOptions.format_time(90061)
        '25:1:1'
        """
        minutes, second = divmod(math.ceil(seconds), 60)
        return f"{minutes // 60}:{minutes % 60}:{second}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SlurmOptions) and self.given() == other.given()

    def __hash__(self) -> int:
        return hash(tuple(self.in_use().given().items()))

    def __repr__(self) -> str:
        return f"SlurmOptions({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


KINDS = {name: Kind[kind.upper()] for name, kind in SlurmOptions.__annotations__.items()}
"""Option by its name with ``_`` -> its kind."""

_IN_PYTHON = {
    "SlurmOptions.job_name": Fault(
        "SlurmOptions.job_name", "the job's name is the task's", "Task(command, name=...)"
    )
}
"""Faults that are told in other words than a sweep's."""

_ALIASES = {"gpu_per_node": "gpus_per_node"}


def is_asked(value: object) -> bool:
    """None and False ask for nothing; 0 does."""
    return value is not None and value is not False


def _named(options: Mapping[str, Value]) -> dict[str, Value]:
    """Under the names that sbatch knows. Raises `OptionError` where two are the same."""
    named = {_ALIASES.get(name, name): value for name, value in options.items()}
    twice = [(other, name) for other, name in _ALIASES.items() if {other, name} <= set(options)]
    if twice:
        raise OptionError(
            [Fault(f"SlurmOptions.{name}", f"'{other}' is the same option") for other, name in twice]
        )
    return named


def merged(under: Mapping[str, Value], over: Mapping[str, Value]) -> dict[str, Value]:
    """Options where ``over`` wins, also over those that sbatch would not take beside them.

    >>> merged({"partition": "a", "mem_per_cpu": "1G", "qos": "q"}, {"mem": "8G", "partition": "b"})
    {'qos': 'q', 'mem': '8G', 'partition': 'b'}
    """
    asked = {name for name, value in over.items() if is_asked(value)}
    beaten = {name for group in ONE_OF if group & asked for name in group}
    return {**{n: v for n, v in under.items() if n not in beaten and n not in over}, **over}


_PLAIN = re.compile(r"[A-Za-z0-9@%+=:,./_\[\]*&|!()<>{}~^-]+")


def faults(options: Mapping[str, object], place: str = "slurm") -> list[Fault]:
    """What sbatch would refuse, or would take for something else; ``where`` is ``<place>.<name>``."""
    named = ((name, fault(name, value)) for name, value in options.items())
    return [Fault(f"{place}.{name}", *told) for name, told in named if told]


def fault(name: str, value: object) -> forms.Told:
    """What is wrong with one option, and what would be right."""
    return refusal(name, value) or forms.slip(KINDS[name], value)


def refusal(name: str, value: object) -> forms.Told:
    """The same, of what sbatch would refuse, or herd."""
    if name in REFUSED:
        return f"'{name}' cannot be set here", REFUSED[name]
    if name not in KINDS:
        dashed = name.lstrip("-").replace("-", "_")
        hint = f"write {dashed}" if dashed in KINDS else nearest(dashed, [*KINDS, *REFUSED])
        return f"sbatch has no option '--{dashed.replace('_', '-')}'", hint
    return forms.fault(KINDS[name], value)


def together(options: Mapping[str, object]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Options that sbatch does not take beside others that are asked for: each with what is wrong."""
    for group in ONE_OF:
        asked = [name for name, value in options.items() if name in group and is_asked(value)]
        for name in asked[1:]:
            yield name, (f"'{asked[0]}' is there as well, and sbatch takes one of them", "remove one")


def lines(options: Mapping[str, Value]) -> list[str]:
    """``#SBATCH`` lines, in order; True is a bare flag, False and None give no line.

    >>> print("\\n".join(lines({"time": 60, "exclusive": True, "qos": None, "prefer": 'a "b" #'})))
    #SBATCH --time=60
    #SBATCH --exclusive
    #SBATCH --prefer="a \\"b\\" #"
    """
    return [line(name, value) for name, value in options.items() if is_asked(value)]


def arguments(options: Mapping[str, Value]) -> list[str]:
    """The same as arguments of sbatch's command line."""
    return [argument(name, value) for name, value in options.items() if is_asked(value)]


def line(name: str, value: Value) -> str:
    """One ``#SBATCH`` line."""
    return f"#SBATCH {argument(name, value if value is True else quoted(str(value)))}"


def argument(name: str, value: Value) -> str:
    """One argument of sbatch's command line."""
    option = f"--{name.replace('_', '-')}"
    return option if value is True else f"{option}={value}"


def quoted(value: str) -> str:
    """A word of an ``#SBATCH`` line: quotes, backslashes and ``#`` mean something to sbatch there."""
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def seconds(value: Value) -> float | None:
    """The time limit that an option asks for; None where it asks for none or cannot be read."""
    if value is None or isinstance(value, bool):
        return None
    try:
        return units.seconds_of_limit(str(value))
    except ValueError:
        return None
