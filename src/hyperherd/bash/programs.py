"""What a command does: surely no training, perhaps one, or nothing that words behind it would reach.

The known_programs name programs by what they do; what is in none of them may be a training.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from enum import Enum

from hyperherd.bash import commands, known_programs
from hyperherd.bash.scanning import Scan
from hyperherd.errors import ScriptError

_PYTHON = re.compile(r"(?:python|pypy|ipython)[\d.]*t?")
_CODE = re.compile(r"-[A-Za-z]*c[A-Za-z]*")
_SHELL_OPTION = re.compile(r"[-+].")
_VALUED_SHELL_OPTION = re.compile(r"[-+][A-Za-z]*[oO]|--rcfile|--init-file")
_CODE_OF_FLOCK = ("-c", "--command")
SOURCING = (".", "source")
"""Builtins that run a file in the same shell."""
_EACH = '"$@"'
_HARMLESS_CODE = re.compile(r"(?:(?:import|from|assert|print|exit|quit|sys\.exit|pass|#)\b.*)?", re.DOTALL)
_CALLS_A_TRAINING = re.compile(r"\b(?:main|train|run|fit|launch)\w*\s*\(", re.IGNORECASE)
_NO_NAME = re.compile(r"\n|^[^/$`]*\s[^/$`]*$")
"""A text in quotes, such as a comment in three of them: bash finds no such program."""
_FILE = re.compile(r"\.(?:py|sh|bash|R|r|jl|m|pl|js|jar|ipynb)$")
_BEHIND_C = "the text behind a shell's -c, which appended words do not reach"


class Does(Enum):
    """What a command does, as far as it is certain."""

    NO_TRAINING = "no training"
    PERHAPS_TRAINS = "perhaps a training"


def bare(word: str) -> str:
    r"""A word without its quotes and backslashes, as far as they are plain.

    >>> bare('"$VENV/bin/python"'), bare("'a'b"), bare(r"\eval")
    ('$VENV/bin/python', 'ab', 'eval')
    """
    return re.sub(r"[\"'\\]", "", word)


def program(words: Sequence[str]) -> list[str]:
    """The words from the program on that really does something, behind ``srun``, ``timeout``, ``exec`` and the like;
    what cannot be told apart is left as it is.

    >>> program(["srun", "-n", "4", "--mpi=pmix", "timeout", "5m", "hostname", "-f"])
    ['hostname', '-f']
    >>> program(["apptainer", "exec", "--nv", "-B", "/a:/b", "x.sif", "python", "t.py"]), program(["exec"])
    (['python', 't.py'], [])
    """
    rest = list(words)
    while rest:
        name = _name(rest[0])
        if name not in known_programs.RUNNING or name in known_programs.RUNS_ITS_WORDS or name == "xargs":
            return rest
        if _is_flock_with_code(rest):
            return rest
        behind = _behind(name, rest)
        if behind is None:
            return rest
        rest = behind
    return rest


def _behind(name: str, words: Sequence[str]) -> list[str] | None:
    """What stands behind the options of a program that runs another; None where it runs none."""
    rest = list(words[1:])
    if name == "command" and rest[:1] in (["-v"], ["-V"]):
        return None
    subcommand = known_programs.SUBCOMMANDS.get(name)
    if subcommand is not None:
        while rest and rest[0].startswith("-"):
            rest = rest[1:]
        if rest[:1] != [subcommand]:
            return None
        rest = rest[1:]
    valued = known_programs.RUNNING[name]
    passed = known_programs.PASSED.get(name, 0)
    while rest and (rest[0].startswith("-") or passed or commands.is_assignment(rest[0])):
        if rest[0] in valued:
            rest = rest[1:]
        elif rest[0] in known_programs.PAIRED:
            rest = rest[2:]
        elif not rest[0].startswith("-") and not commands.is_assignment(rest[0]):
            passed -= 1
        rest = rest[1:]
    return rest


def does(words: Sequence[str]) -> Does:
    """What a command does whose words these are, as they stand in the script.

    >>> [does(line.split()).name for line in ("echo x", "srun nvidia-smi -L", "python train.py", "pip install torch")]
    ['NO_TRAINING', 'NO_TRAINING', 'PERHAPS_TRAINS', 'NO_TRAINING']
    """
    return Does.NO_TRAINING if _surely_none(program(words)) else Does.PERHAPS_TRAINS


def may_train(words: Sequence[str]) -> bool:
    return does(words) is Does.PERHAPS_TRAINS


def _surely_none(words: Sequence[str]) -> bool:
    if not words:
        return True
    if not bare(words[0]) or _NO_NAME.search(bare(words[0])):
        return True
    name, rest = _name(words[0]), [bare(word) for word in words[1:]]
    if name in SOURCING and is_named_training(next(iter(rest), "")):
        return False
    if _is_bare_or_of_the_system(words[0]) and (
        name in known_programs.NEVER or (name == "command" and len(rest) > 1)
    ):
        return True
    first = next((word for word in rest if not word.startswith("-")), "")
    if name in known_programs.NEVER_WITH:
        return first in known_programs.NEVER_WITH[name] or (not first and bool(rest))
    if rest in (["--version"], ["-V"], ["--help"], ["-h"]):
        return True
    if name == "find":
        return _find_runs_none(rest)
    if name == "perl":
        return bool(rest) and re.fullmatch(r"-[A-Za-z0-9.]*[en]", rest[0]) is not None
    if _PYTHON.fullmatch(name):
        return _python_trains_nothing(words[1:])
    text = text_for_a_shell(words)
    return text is not None and _text_trains_nothing(text)


def _find_runs_none(rest: Sequence[str]) -> bool:
    runs = [place for place, word in enumerate(rest) if word in ("-exec", "-execdir", "-ok", "-okdir")]
    return all(_surely_none(program(rest[place + 1 :])) for place in runs)


def _python_trains_nothing(words: Sequence[str]) -> bool:
    for place, word in enumerate(words):
        following = words[place + 1 : place + 2]
        if word == "-m":
            module = bare(following[0]) if following else ""
            return module in known_programs.MODULES or (module, *words[place + 2 : place + 3]) == (
                "spacy",
                "download",
            )
        if word == "-c":
            return bool(following) and _code_trains_nothing(following[0])
        if not word.startswith("-"):
            return bare(word).rpartition("/")[2] == "setup.py"
    return False


def _code_trains_nothing(word: str) -> bool:
    """Whether Python's code on the command line only imports, prints and checks."""
    code = word.strip("\"'")
    statements = [statement.strip() for statement in re.split(r"[;\n]", code)]
    return all(map(_HARMLESS_CODE.fullmatch, statements)) and not _CALLS_A_TRAINING.search(code)


def is_code(words: Sequence[str]) -> bool:
    """Whether the program runs code that stands on the command line. In ``$(...)`` it is there for what it prints.

    >>> is_code(["python", "-c", "'print(1)'"]), is_code(["python", "train.py", "-c", "x"])
    (True, False)
    """
    return program(words)[1:2] in (["-c"], ["-e"], ["-"])


def trainer(words: Sequence[str]) -> str:
    """What tells one training from another: its file, else its module, else its program.

    >>> lines = "srun python -m torch.distributed.run train.py", "python -m pkg.train", "./a"
    >>> [trainer(line.split()) for line in lines]
    ['train.py', 'pkg.train', './a']
    """
    plain = list(map(bare, program(words)))
    files = [word for word in plain if _FILE.search(word)]
    modules = [after for word, after in itertools.pairwise(plain) if word == "-m"]
    return next(iter([*files, *modules, *plain]), "")


def named(words: Sequence[str]) -> Sequence[str]:
    """The words that may name what a command runs: its program, and of one that runs files the first word of its own.

    >>> named(["srun", "python", "-u", "$file", "x"]), named(["./a", "$x"]), named(["$L", '"$@"'])
    (['python', '$file'], ['./a'], ['$L', '"$@"'])
    """
    words = program(words)
    runs_files = bool(words) and (
        "$" in words[0] or _PYTHON.fullmatch(_name(words[0])) or _name(words[0]) in known_programs.RUNS_FILES
    )
    files = [word for word in words[1:] if runs_files and not word.startswith("-")]
    is_container = bool(words) and _name(words[0]) in known_programs.CONTAINERS
    return [*words[:1], *files[: None if is_container else 1]]


def is_named_training(file: str) -> bool | None:
    """Whether the name of a file says that it trains, or that it does not; None where it says neither, or both.

    >>> [is_named_training(name) for name in ("src/train_gpt2.py", "./prepare-data.sh", "main.py", "eval_train.py")]
    [True, False, None, None]
    """
    stem = _FILE.sub("", file.rpartition("/")[2])
    words = set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", stem).lower()))
    trains, otherwise = (
        bool(words & known_programs.NAMED_TRAINING),
        bool(words & known_programs.NAMED_OTHERWISE),
    )
    return None if trains == otherwise else trains


def text_for_a_shell(words: Sequence[str]) -> str | None:
    """The text that another shell is given to run; None where the command gives none, "" where it is not known.

    >>> text_for_a_shell(["bash", "-lc", "'hostname; date'"]), text_for_a_shell(["ssh", "-p", "22", "n1", "date"])
    ('hostname; date', 'date')
    """
    words = program(words)
    if not words:
        return None
    name = _name(words[0])
    if name == "ssh":
        return " ".join(map(_unquoted, _behind("ssh", words) or [":"]))
    if name == "eval":
        return " ".join(map(_unquoted, words[1:]))
    if name in ("xargs", "parallel"):
        return " ".join(_behind(name, words) or [])
    if name in known_programs.RUNS_ITS_WORDS:
        return next((_unquoted(after) for word, after in itertools.pairwise(words) if word == "-c"), "")
    behind = _behind_code(words)
    return None if behind is None else "".join(map(_unquoted, behind[:1]))


def _behind_code(words: Sequence[str]) -> Sequence[str] | None:
    """What stands behind the ``-c`` of a shell: its text, and arguments; None where no shell is given any."""
    if _is_flock_with_code(words):
        return words[1 + next(place for place, word in enumerate(words[1:], 1) if word in _CODE_OF_FLOCK) :]
    for place, word in enumerate(words):
        rest, has_code = list(words[place + 1 :]), False
        while _name(word) in known_programs.SHELLS and rest and _SHELL_OPTION.match(bare(rest[0])):
            option = bare(rest[0])
            has_code = has_code or _CODE.fullmatch(option) is not None
            rest = rest[2 if _VALUED_SHELL_OPTION.fullmatch(option) else 1 :]
        if has_code:
            return rest
    return None


def _is_flock_with_code(words: Sequence[str]) -> bool:
    return bool(words) and _name(words[0]) == "flock" and any(word in _CODE_OF_FLOCK for word in words)


def _hands_on(behind: Sequence[str]) -> bool:
    """Whether the text behind a shell's ``-c`` hands the words behind it to a program, each as it is."""
    quoted, named = behind[:1], behind[1:]
    if not named or not re.fullmatch(r"'[^']*'|\"(?:[^\"\\$`]|\\.|\$(?![@*{]))*\"", quoted[0], re.DOTALL):
        return False
    try:
        found = [command.texts for command in commands.read(Scan(_unquoted(quoted[0])))]
    except ScriptError:
        return False
    perhaps = [words for words in found if does(words) is Does.PERHAPS_TRAINS]
    others = [word for words in perhaps for word in words if word != _EACH and re.search(r"\$\{?[@*]", word)]
    return any(_EACH in words for words in perhaps) and not others and not any(map(_is_unreached, perhaps))


def _is_unreached(words: Sequence[str]) -> bool:
    return bool(unreached(words, ()))


def _text_trains_nothing(text: str) -> bool:
    if (hook := re.fullmatch(r"\$\(\s*([^\s()]+)[^()]*\)", text.strip())) and _name(
        hook[1]
    ) in known_programs.HOOKS:
        return True
    try:
        scan = Scan(text)
    except ScriptError:
        return False
    return bool(text.strip()) and all(
        _surely_none(program([word.text for word in command.words])) for command in commands.read(scan)
    )


def unreached(words: Sequence[str], redirections: Sequence[str]) -> str:
    """Why words behind a command would not reach a training: "" if they would.

    >>> unreached(["srun", "bash", "-c", "'python t.py'"], []), unreached(["python", "t.py"], [">log"])
    ("the text behind a shell's -c, which appended words do not reach", '')
    """
    given, words = words, program(words)
    name = _name(words[0]) if words else ""
    rest = [bare(word) for word in words[1:]]
    if name == "xargs":
        return "what xargs runs, which gets words of its own behind them"
    if _behind_code(words) is not None or name in known_programs.RUNS_ITS_WORDS:
        return misread(words)
    if name == "find":
        return "what find -exec runs, which appended words do not reach"
    if "--multi-prog" in given:
        return "srun --multi-prog, whose programs stand in a file"
    if any("<<" in one[:6] and "<<<" not in one[:7] for one in redirections):
        return "a command with a here-document"
    fed = any(re.match(r"\d*<(?![<(&])", one) for one in redirections)
    files = [word for word in rest if not word.startswith("-")]
    if (name in known_programs.SHELLS or _PYTHON.fullmatch(name)) and not files and "-" not in rest:
        return f"{name} without a file: appended words would be taken for one"
    if name == "matlab" or (
        name in ("R", "octave", "sas", "stata") and (fed or rest[:2] == ["CMD", "BATCH"])
    ):
        return f"{name}, which does not hand on appended words to what it runs"
    return ""


def misread(words: Sequence[str]) -> str:
    r"""Why words of a command would be run, as a shell does, or be lost, wherever they stand in it; "" if neither.

    >>> misread(["timeout", "10", "./bin/ssh", "n1", "x"]), misread([r"\\eval", "x"]), misread(["python", "x"])
    ('ssh, which would run what is in the overrides', 'eval, which would run what is in the overrides', '')
    """
    words = program(words)
    name = _name(words[0]) if words else ""
    if name in known_programs.RUNS_ITS_WORDS:
        return f"{name}, which would run what is in the overrides"
    behind = _behind_code(words) if words else None
    return "" if behind is None or _hands_on(behind) else _BEHIND_C


def reads_commands(words: Sequence[str]) -> bool:
    """Whether what is piped into it is run."""
    name = next(iter(map(_name, program(words))), "")
    if name in known_programs.SHELLS:
        return bool(unreached(words, ()))
    return name in known_programs.RUNS_ITS_WORDS or name == "xargs"


def runs_no_program(words: Sequence[str]) -> bool:
    """Whether it is a builtin that words mean nothing to, such as ``exit``."""
    return not program(words) or (words[0] in known_programs.BUILTINS and words[0] not in (".", "source"))


def _name(word: str) -> str:
    return bare(word).rpartition("/")[2]


def _is_bare_or_of_the_system(word: str) -> bool:
    """Whether a program is looked up on PATH, or lies in a folder for programs: one beside the script may be anything.

    >>> [_is_bare_or_of_the_system(word) for word in ("date", "/usr/bin/date", "./date", "tools/date")]
    [True, True, False, False]
    """
    folder, slash, _ = bare(word).rpartition("/")
    return not slash or (folder[:1] in "/$~" and folder.endswith("bin"))


def _unquoted(word: str) -> str:
    if word[:1] == "'" and word[-1:] == "'":
        return word[1:-1]
    if word[:1] == '"' and word[-1:] == '"':
        return re.sub(r'\\(["$`\\])', r"\1", word[1:-1])
    return word
