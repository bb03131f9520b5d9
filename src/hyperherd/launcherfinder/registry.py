"""What the user has described: ``launchers.py`` for those who write Python, ``launchers.yaml`` for the others."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Set
from pathlib import Path
from types import ModuleType

from hyperherd.errors import ConfigError, Fault, HerdError, nearest
from hyperherd.launcherfinder import configuration, hosts, layers, presets
from hyperherd.launcherfinder.configuration import Sources
from hyperherd.launcherfinder.hosts import Host
from hyperherd.launcherfinder.layers import Layered
from hyperherd.launchers.base import Launcher
from hyperherd.requirements import HostRequirement


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


def ask(path: Path, requirements: HostRequirement, tags: Set[str] = frozenset()) -> Launcher | None:
    """The launcher that ``find_launcher`` of that file answers, chosen already; None for "nobody".

    Raises `HerdError` that shows the file's own line where it is at fault.
    """
    module = ModuleType("hyperherd_user_launchers")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look their module up there
    try:
        with contextlib.redirect_stdout(sys.stderr):  # ours may be a JSON document
            answer = _answer(path, module, requirements, tags)
            if answer is None:
                return None
            if hasattr(answer, "chosen") and not isinstance(answer, type):
                return answer.chosen()  # type: ignore[no-any-return]  # it was asked for
    except _NoFunctionError:
        raise
    except (Exception, SystemExit) as error:
        raise _of_theirs(path, error) from error
    shown = f"the class {answer.__name__}" if isinstance(answer, type) else type(answer).__name__
    raise HerdError(
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
