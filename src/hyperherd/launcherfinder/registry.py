"""What the user has described: ``launchers.py`` for those who write Python, ``launchers.yaml`` for the others."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType

from hyperherd.errors import ChoiceError, ConfigError, Fault, HerdError, nearest
from hyperherd.launcherfinder import configuration, hosts, layers, presets
from hyperherd.launcherfinder.configuration import Sources
from hyperherd.launcherfinder.hosts import Host
from hyperherd.launcherfinder.layers import Layered
from hyperherd.launchers.base import Candidate, Launcher, candidate
from hyperherd.requirements import HostRequirement, HostSimpleRequirement, HostSpecification
from hyperherd.requirements.matching import meets
from hyperherd.requirements.requirement import watched


def described(sources: Sources) -> list[Host]:
    """The hosts of ``launchers.yaml``, in its order; none where there is no such file. What they leave out, such as the
    account, is filled in from the user's ``user.yaml``.

    Raises `HerdError`, and `ConfigError` with all faults of all hosts.
    """
    path = configuration.folder() / configuration.HOSTS
    if not path.exists():
        return []
    document = layers.read(path)
    content = Layered.of(document).values
    faults = [
        Fault(
            document.where((key,)),
            "unknown key",
            nearest(key, ["hosts"]) or "the one key is hosts: {name: {...}}",
        )
        for key in content
        if key != "hosts"
    ]
    entries = Layered.of(document, ("hosts",)).values if "hosts" in content else {}

    def find(name: str) -> Layered:
        if name in entries:
            return Layered.of(document, ("hosts", name))
        return presets.of_file(name, sources)

    found: list[Host] = []
    filling_in = presets.of_user(sources)[::-1]
    for name in entries:
        try:
            described = layers.inherited(name, find, hosts.over)
            for layer in filling_in:
                described = hosts.over(described, layer.without(hosts.taken_away(described)))
            found.append(hosts.host(name, described.resolved()))
        except ConfigError as error:
            faults += error.faults
    if faults:
        raise ConfigError(list(dict.fromkeys(faults)))  # those of a base are told of each host on it
    return found


def python_file() -> Path | None:
    """The user's ``launchers.py``, where there is one."""
    path = configuration.folder() / configuration.PYTHON
    return path if path.is_file() else None


@dataclass(frozen=True)
class Look:
    """A machine that ``find_launcher`` has held against what is required, in a ``line`` of the file (0: elsewhere)."""

    line: int
    host: HostSpecification
    asked: HostRequirement

    @property
    def meets(self) -> HostSimpleRequirement | None:
        """The alternative that the machine has."""
        return next((one for one in self.asked.requirements if meets(self.host, one)), None)

    @property
    def refusal(self) -> str:
        """What it lacks; nothing where it has what is asked."""
        return "" if self.meets else "; or ".join(self.asked.refusals(self.host))

    @property
    def where(self) -> str:
        """For people."""
        return f"line {self.line}" if self.line else "a machine"


@dataclass(frozen=True)
class Answer:
    """What a ``launchers.py`` has answered: ``candidate`` is None for nobody, ``looks`` are the machines that it
    has tried, each once, in its order.
    """

    path: Path
    need: HostRequirement
    candidate: Candidate | None
    looks: tuple[Look, ...]

    def found(self) -> Candidate:
        """The launcher. Raises `ChoiceError` that says of each machine what it lacks."""
        if self.candidate is not None:
            return self.candidate
        rows = [(look.where, look.refusal or "has it, and was not chosen") for look in self.looks]
        width = max((len(where) for where, _ in rows), default=0)
        lines = "".join(f"\n  {where:<{width}}  {why}" for where, why in dict.fromkeys(rows))
        raise ChoiceError(
            f"find_launcher knows nobody who has what is required: {self.need}{lines}",
            where=str(self.path),
            hint="ask for less, or add a machine to the file: where find_launcher returns None, nobody runs the job",
        )

    def decided(self) -> Look | None:
        """The last machine that was tried and has what is required; None where none was."""
        return next((look for look in reversed(self.looks) if look.meets), None)

    def chosen(self) -> Launcher:
        """The launcher to use this time. Raises as `found`, and `HerdError` where their ``update`` is at fault."""
        candidate = self.found()
        with _theirs(self.path):
            return candidate.chosen()


def ask(path: Path, requirements: HostRequirement, tags: Set[str] = frozenset()) -> Answer:
    """What ``find_launcher`` of that file answers. Raises `HerdError` that shows the file's own line where it is at
    fault.
    """
    module = ModuleType("hyperherd_user_launchers")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look their module up there
    looks: dict[Look, None] = {}

    def watcher(asked: HostRequirement, host: HostSpecification) -> None:
        looks[Look(_line(path), host, asked)] = None

    with _theirs(path), watched(watcher):
        answer = _answer(path, module, requirements, tags)
    found = candidate(answer)
    if answer is None or found is not None:
        return Answer(path, requirements, found, tuple(looks))
    raise _no_launcher(path, answer)


@contextlib.contextmanager
def _theirs(path: Path) -> Iterator[None]:
    """Their code runs: what it prints is none of ours (which may be a JSON document), and its errors are shown."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except _NoFunctionError:
        raise
    except (Exception, SystemExit) as error:
        raise _of_theirs(path, error) from error


def _line(path: Path) -> int:
    """The line of the file that has led here; 0 where none has."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename != str(path):
        frame = frame.f_back
    return frame.f_lineno if frame else 0


def _no_launcher(path: Path, answer: object) -> HerdError:
    shown = f"the class {answer.__name__}" if isinstance(answer, type) else type(answer).__name__
    if hasattr(answer, "spawn") and not isinstance(answer, type):
        return HerdError(
            f"find_launcher returned {shown}, a connector: how a machine is reached, not who runs jobs",
            where=str(path),
            hint="return DirectLauncher(connector), or SlurmLauncher(connector=connector)",
        )
    return HerdError(
        f"find_launcher returned {shown}, which is no launcher",
        where=str(path),
        hint="return a DirectLauncher(), a SlurmLauncher(), a DynamicLauncher([...]), or None for nobody",
    )


def _answer(path: Path, module: ModuleType, requirements: HostRequirement, tags: Set[str]) -> object:
    exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    if not callable(found := getattr(module, "find_launcher", None)):
        raise _NoFunctionError(
            "it defines no find_launcher",
            where=str(path),
            hint="def find_launcher(requirements, tags=set()): ...",
        )
    return found(requirements, set(tags))


class _NoFunctionError(HerdError):
    """There is nobody to ask."""


def _of_theirs(path: Path, error: BaseException) -> HerdError:
    """Their error with the lines of their files, and none of ours."""
    said = "".join(traceback.format_exception_only(type(error), error)).rstrip()
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(str(Path(__file__).parent.parent))
    ]
    lines = "".join(traceback.format_list(frames)).rstrip()
    return HerdError(f"it failed:\n{lines}\n{said}".replace("\n\n", "\n"), where=str(path))
