"""What one Python sees: itself, the trainer's file, and the packages that the file and its local modules import.

`hyperherd.doctor.probe` hands the text of this file to the interpreter that a launch script would start: standard
library only, Python 3.6 and later, and nothing of the trainer is imported.
"""

import ast
import json
import os
import sys
import sysconfig
from collections import deque
from importlib.util import find_spec

MOST_FILES = 200
"""Local modules that are read for their imports; the rest is left out."""

OUTSIDE = ("site-packages", "dist-packages")
CAUGHT = ("'ImportError'", "'ModuleNotFoundError'", "'Exception'", "'BaseException'")
LAUNCHERS = ("torchrun", "torch.distributed.run", "torch.distributed.launch", "accelerate", "deepspeed")
"""Programs and modules that start the trainer, which may be a module behind their own ``-m``."""


class Imports(ast.NodeVisitor):
    """``needed``: a module's dotted name -> whether the file cannot do without it, as far as one can tell: it is not
    under an ``except ImportError``, a ``suppress(ImportError)``, an ``if`` or in a function.
    ``relative``: (dots, name) -> the same. ``moves``: it has to do with ``sys.path``, so that modules may be elsewhere.
    """

    def __init__(self) -> None:
        self.needed: dict[str, bool] = {}
        self.relative: dict[tuple[int, str], bool] = {}
        self.moves = False
        self._aside = 0

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._note(alias.name, 0)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        for name in [module] + [(module + "." + alias.name).lstrip(".") for alias in node.names]:
            self._note(name, node.level)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.moves = self.moves or (node.attr == "path" and getattr(node.value, "id", "") == "sys")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        test = ast.dump(node.test)
        if "TYPE_CHECKING" not in test:
            self._visit(node.body, "__main__" not in test)
        self._visit(node.orelse, True)

    def visit_Try(self, node: ast.Try) -> None:
        caught = [handler.type for handler in node.handlers]
        self._visit(node.body, None in caught or any(map(_names_import_error, caught)))
        self._visit(node.handlers, True)
        self._visit(node.orelse + node.finalbody, False)

    def visit_With(self, node: ast.With) -> None:
        used = [item.context_expr for item in node.items]
        self._visit(
            node.body, any("'suppress'" in ast.dump(one) and _names_import_error(one) for one in used)
        )

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit(node.body, True)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit(node.body, True)

    def _visit(self, nodes: "list[ast.stmt] | list[ast.ExceptHandler]", aside: bool) -> None:
        self._aside += aside
        for node in nodes:
            self.visit(node)
        self._aside -= aside

    def _note(self, name: str, level: int) -> None:
        needed = not self._aside
        if level:
            self.relative[level, name] = self.relative.get((level, name), False) or needed
        elif name:
            self.needed[name] = self.needed.get(name, False) or needed


def _names_import_error(node: "ast.AST | None") -> bool:
    return node is not None and any(name in ast.dump(node) for name in CAUGHT)


def tell(mark: str) -> None:
    """Print all of it as one line of JSON behind a mark; the arguments are those of the trainer."""
    words = sys.argv[1:]
    file = next((word for word in words if word.endswith(".py") and "=" not in word), "")
    modules = modules_in(words, file)
    if sys.path[:1] == [""]:
        # Of `-m torch.distributed.run train.py` both are searched.
        folders = [os.getcwd()] if modules else []
        sys.path[:1] = folders + ([os.path.dirname(os.path.realpath(file))] if file else [])
    needed, unreadable = imported(file, modules)
    seen = {
        "executable": sys.executable,
        "version": ".".join(map(str, sys.version_info[:3])),
        "prefix": sys.prefix,
        "module": modules[-1] if modules else "",
        "file": file,
        "file_found": os.path.isfile(file) if file else None,
        "unreadable": unreadable,
        "packages": packages(needed),
        "hyperherd": origin("hyperherd") is not None,
    }
    # In one piece, as other ranks write to the same file.
    os.write(1, ("\n" + mark + " python " + json.dumps(seen) + "\n").encode())


def modules_in(words: "list[str]", file: str) -> "list[str]":
    """The modules that are run: Python's own ``-m``, and a launcher's where it starts no file."""
    modules = words[1:2] if words[:1] == ["-m"] else []
    started = (modules or [os.path.basename(word) for word in words[:1]] or [""])[0]
    if started in LAUNCHERS and not file:
        flags = [place for place, word in enumerate(words) if place and word in ("-m", "--module")]
        modules += words[flags[0] + 1 : flags[0] + 2] if flags else []
    return modules


def imported(file: str, modules: "list[str]") -> "tuple[dict[str, bool], str]":
    """What the trainer's own files import, by top-level name, and why a file could not be read. Where they change
    ``sys.path``, what is not found may yet be there.
    """
    found: dict[str, bool] = {}
    unreadable = ""
    moves = False
    waiting: deque[tuple[str, bool]] = deque([(file, True)] if os.path.isfile(file) else [])
    for module in modules:
        found[module.split(".")[0]] = True
        waiting.extend((path, True) for path in local_files(module) + local_files(module + ".__main__"))
    read: set[str] = set()
    while waiting and len(read) < MOST_FILES:
        path, needed = waiting.popleft()
        path = os.path.realpath(path)
        if path in read:
            continue
        read.add(path)
        try:
            with open(path, "rb") as opened:
                tree = ast.parse(opened.read(), path)
        except (OSError, SyntaxError, ValueError) as error:
            unreadable = unreadable or "{}: {}".format(path, error)  # noqa: UP032
            continue
        imports = Imports()
        imports.visit(tree)
        moves = moves or imports.moves
        for name, must in imports.needed.items():
            top = name.split(".")[0]
            found[top] = found.get(top, False) or (must and needed)
            waiting.extend((local, must and needed) for local in local_files(name))
        for (level, name), must in imports.relative.items():
            folder = path
            for _ in range(level):
                folder = os.path.dirname(folder)
            waiting.extend((local, must and needed) for local in files_of(folder, name))
    return {name: must and not moves for name, must in found.items()}, unreadable


def origin(name: str) -> "str | None":
    """Where a top-level module lies: its file, the folder of one without a file; "" of one that is built in."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None:
        return None
    if spec.origin in (None, "namespace"):
        places = list(spec.submodule_search_locations or [])
        return str(places[0]) if places else ""
    return "" if spec.origin in ("built-in", "frozen") else str(spec.origin)


def local_files(name: str) -> "list[str]":
    """The files of a dotted name, where it is the trainer's own: neither installed nor Python's."""
    place = origin(name.split(".")[0])
    library = [sysconfig.get_paths()[key] + os.sep for key in ("stdlib", "platstdlib")]
    if not place or any(part in place for part in OUTSIDE) or place.startswith(tuple(library)):
        return []
    package = place if os.path.isdir(place) else os.path.dirname(place)
    is_module = os.path.isfile(place) and not os.path.basename(place).startswith("__init__.")
    return files_of(package if is_module else os.path.dirname(package), name)


def files_of(folder: str, name: str) -> "list[str]":
    """The files of a dotted name and of the packages around it, below a folder.

    Without a name, the folder's own ``__init__.py``.
    """
    parts = name.split(".") if name else []
    tries = [os.path.join(folder, *parts[:count]) for count in range(1, len(parts) + 1)] or [folder]
    files = [path for start in tries for path in (start + ".py", os.path.join(start, "__init__.py"))]
    return [path for path in files if os.path.isfile(path)]


def packages(needed: "dict[str, bool]") -> "dict[str, dict[str, object]]":
    """Of each top-level module where it is, None where it is not, its distribution's version, "" where unknown."""
    places = {name: origin(name) for name in needed}
    known = versions([name for name, place in places.items() if place and any(p in place for p in OUTSIDE)])
    return {
        name: {"origin": places[name], "version": known.get(name, ""), "needed": needed[name]}
        for name in sorted(needed)
        if name not in ("__future__", "__main__")
    }


def versions(names: "list[str]") -> "dict[str, str]":
    """The versions of installed modules; those of Python 3.6 and 3.7 are not known."""
    try:
        from importlib import metadata
    except ImportError:
        return {}
    found = {}
    left = []
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            left.append(name)
    if left and sys.version_info >= (3, 10):
        distributions = metadata.packages_distributions()
        for name in left:
            for distribution in distributions.get(name, [])[:1]:
                found[name] = metadata.version(distribution)
    return found
