"""Where overrides stand in a script: at the end of its last command, or where it says ``{overrides}``.

What is certain is done; where it is not (a pipe, a loop, ``bash -c``), the error says to write ``{overrides}``.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hyperherd.bash import ending
from hyperherd.bash.ending import without_prefix
from hyperherd.bash.quoting import quote, quote_portably, unquote
from hyperherd.bash.scanning import CLOSERS, OPENERS, PLACEHOLDER, Kind, Scan, Token, line_of
from hyperherd.errors import ScriptError

_SHELLS = frozenset(["bash", "sh", "dash", "ash", "ksh", "zsh"])
_NO_PROGRAM = frozenset(
    (
        *(
            "exit",
            "return",
            "wait",
            "cd",
            "pushd",
            "popd",
            "export",
            "unset",
            "set",
            "shopt",
            "trap",
            "declare",
        ),
        *(
            "local",
            "readonly",
            "typeset",
            "alias",
            "unalias",
            "shift",
            "break",
            "continue",
            "ulimit",
            "umask",
        ),
        *("hash", "kill", "module", "source", ".", "[", "test"),
    )
)
_SHEBANG = re.compile(r"#![ \t]*(\S+)(?:[ \t]+(?:-\S+[ \t]+)*(\S+))?")
_CARRIAGE_RETURN = re.compile(r"[ \t]*\r(?:\n|\Z)")
_HINT = f"write {PLACEHOLDER} where they belong: python main.py {PLACEHOLDER}"


@dataclass(frozen=True)
class Place:
    """A script cut where the overrides stand: ``parts`` are what is around them.

    ``before`` is put before the first word and ``after`` behind the last, where there are any.
    """

    parts: tuple[str, ...]
    before: str
    after: str
    quote: Callable[[str], str]

    def script(self, words: Sequence[str]) -> str:
        """The script with these words; what they hold is never run, and arrives as it is."""
        return self.inserted(words).join(self.parts)

    def inserted(self, words: Sequence[str]) -> str:
        """What stands between the parts for these words; "" for none."""
        return self.before + " ".join(map(self.quote, words)) + self.after if words else ""

    def words(self, script: str) -> list[str] | None:
        """The reverse of `script`; None for a text that it does not make."""
        length, rest = divmod(len(script) - sum(map(len, self.parts)), len(self.parts) - 1)
        if rest or length < 0:
            return None
        first = len(self.parts[0])
        inserted = script[first : first + length]
        if inserted.join(self.parts) != script:
            return None
        if not inserted:
            return []
        if not inserted.startswith(self.before) or not inserted.endswith(self.after):
            return None
        return unquote(inserted[len(self.before) : len(inserted) - len(self.after)])


def find(text: str) -> Place:
    """Where overrides stand in this script. Raises `ScriptError`, which says what else to write."""
    if "\0" in text:
        raise ScriptError("no script: it holds NUL bytes", hint="a text file that bash runs is wanted here")
    quoting = _quoting(text)
    scan = Scan(text)
    places = _placeholders(text, scan)
    if places:
        edges = [0, *(edge for place in places for edge in (place, place + len(PLACEHOLDER))), len(text)]
        parts = tuple(text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))
        after = " #" if any(map(_CARRIAGE_RETURN.match, parts[1:])) else ""
        return Place(parts, "", after, quoting)
    end = _last_command(text, scan.tokens).end
    rest = text[end:] if scan.dangling is None else text[end : scan.dangling] + text[scan.dangling + 1 :]
    # A line end of Windows would become part of the last word: in a comment it does not.
    return Place((text[:end], rest), " ", " #" if _CARRIAGE_RETURN.match(rest) else "", quoting)


def interpreter(text: str) -> tuple[str, ...]:
    """The program that reads the script, and its argument, as the kernel takes them from its first line; bash where
    that names none.

    >>> interpreter("#!/bin/bash -l\\n"), interpreter("echo\\n")
    (('/bin/bash', '-l'), ('bash',))
    """
    line = text.partition("\n")[0]
    words = line[2:].strip().split(None, 1) if line.startswith("#!") else []
    return tuple(words) or ("bash",)


def _quoting(text: str) -> Callable[[str], str]:
    found = _SHEBANG.match(text)
    if found is None:
        return quote
    program = found[1].rpartition("/")[2].strip()
    program = (found[2] or program).rpartition("/")[2].strip() if program == "env" else program
    if program not in _SHELLS:
        raise ScriptError(
            f"a script for {program}: overrides can only be put into shell scripts",
            where="line 1",
            hint="call it from a bash script, and give that",
        )
    return quote if program == "bash" else quote_portably


def _placeholders(text: str, scan: Scan) -> list[int]:
    """Where the script says ``{overrides}``. Raises for one that would not be words of a command."""
    proper = set(scan.placeholders)
    for found in re.finditer(re.escape(PLACEHOLDER), text):
        place = found.start()
        comment = bisect.bisect_right(scan.comments, (place, 0)) - 1
        commented = comment >= 0 and place < scan.comments[comment][1]
        if place not in proper and not commented:
            raise ScriptError(
                _why_no_word(text, place, found.end()),
                where=line_of(text, place),
                hint=f"without quotes, with blanks around it: python main.py {PLACEHOLDER}",
            )
    for words in _commands(scan.tokens):
        plain = without_prefix(words)
        if PLACEHOLDER in [word.text for word in words] and plain and plain[0].text in ("eval", "ssh"):
            what = f"{plain[0].text} would run what is in the overrides"
            raise ScriptError(what, where=line_of(text, plain[0].start), hint="call the program without it")
    if scan.placeholders:
        _refuse_dead(text, scan.tokens, min(scan.placeholders))
    return sorted(scan.placeholders)


def _why_no_word(text: str, start: int, end: int) -> str:
    mark = text[start - 1 : start]
    if mark in ("'", '"') and text[end : end + 1] == mark:
        return (
            f"{PLACEHOLDER} is in quotes, and would be one word: each override is a word of its own, "
            "and is quoted already where it must be"
        )
    return f"{PLACEHOLDER} is not a word of its own here (in quotes, a here-document, or part of a word)"


def _refuse_dead(text: str, tokens: Sequence[Token], place: int) -> None:
    """Raise `ScriptError` if the script has certainly ended before it comes to this place."""
    found = ending.find(tokens)
    if found is not None and found.end <= place:
        word = found.word
        what = f"the script ends here, with {word.text}: the command that overrides belong to would never run"
        hint = f"take it away, or write {PLACEHOLDER} at a command before it: python main.py {PLACEHOLDER}"
        raise ScriptError(what, where=line_of(text, word.start), hint=hint)


def _commands(tokens: Sequence[Token]) -> list[list[Token]]:
    """The words of each simple command."""
    commands: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind in (Kind.OPERATOR, Kind.LINE_END):
            commands.append([])
        elif token.kind is Kind.WORD:
            commands[-1].append(token)
    return commands


def _last_command(text: str, tokens: Sequence[Token]) -> Token:
    """The last token of the last command. Raises `ScriptError` where it is not certain that overrides belong there."""
    ends = len(tokens)
    while ends and tokens[ends - 1].kind is Kind.LINE_END:
        ends -= 1
    if not ends:
        raise ScriptError(
            "the script has no command", hint="its last command is what overrides are appended to"
        )
    if tokens[ends - 1].text in (";", "&"):
        ends -= 1
    begin = ends
    while begin and tokens[begin - 1].kind not in (Kind.OPERATOR, Kind.LINE_END):
        begin -= 1
    _refuse_dead(text, tokens, tokens[min(begin, ends - 1)].start)
    command, before = tokens[begin:ends], begin
    while before and tokens[before - 1].kind is Kind.LINE_END:
        before -= 1
    previous = tokens[before - 1].text if before else ""
    same_list = before == begin or previous in ("|", "|&", "||", "&&")
    fault = _fault(command, previous if same_list else "", _functions(tokens))
    if fault:
        raise ScriptError(fault, where=line_of(text, tokens[ends - 1].start), hint=_HINT)
    return command[-1]


def _fault(command: Sequence[Token], previous: str, functions: frozenset[str]) -> str:
    """Why overrides cannot be appended to a command; empty if they can."""
    words = without_prefix([token for token in command if token.kind is not Kind.REDIRECTION])
    first = words[0].text if words else ""
    if previous in ("|", "|&"):
        return "the script ends in a pipe: overrides may belong to any of its commands"
    if previous == "||":
        return "the script ends in ||: the last command is what runs if the others fail"
    if previous == ")" or first in CLOSERS | OPENERS or (words and words[0].kind is Kind.COMPOUND):
        return "the script ends in a compound command (a loop, a condition, a group, a function)"
    if any("<<" in token.text[:6] and "<<<" not in token.text[:7] for token in _redirections(command)):
        return "the script's last command has a here-document"
    if not words or (first == "exec" and len(words) == 1):
        return "the script's last command runs no program"
    return _fault_of([word.text for word in words], functions)


def _fault_of(words: Sequence[str], functions: frozenset[str]) -> str:
    words = words[1:] if words[0] in ("exec", "command", "nohup") else words
    first = words[0]
    if first in _NO_PROGRAM:
        return f"the script's last command is {first}, which runs no program"
    if first in ("eval", "ssh"):
        return f"the script's last command is {first}, which would run what is in the overrides"
    if first in functions:
        return f"the script's last command is its function {first}, which may do anything with overrides"
    if _is_shell_text(words):
        return "the script's last command is the text behind a shell's -c, which appended words do not reach"
    return ""


def _is_shell_text(words: Sequence[str]) -> bool:
    """Whether it is ``bash -c '...'`` that does not hand on its arguments: ``bash -c '... "$@"' bash`` does."""
    for place, word in enumerate(words):
        if word.rpartition("/")[2] not in _SHELLS:
            continue
        for option, following in enumerate(words[place + 1 :], place + 2):
            if not following.startswith("-"):
                break
            if re.fullmatch(r"-[A-Za-z]*c[A-Za-z]*", following):
                return len(words) < option + 2 or "$@" not in words[option]
    return False


def _redirections(command: Sequence[Token]) -> list[Token]:
    return [token for token in command if token.kind is Kind.REDIRECTION]


def _functions(tokens: Sequence[Token]) -> frozenset[str]:
    """The names of the functions that a script defines."""
    texts = [token.text for token in tokens]
    names = {name for name, *rest in zip(texts, texts[1:], texts[2:], strict=False) if rest == ["(", ")"]}
    return frozenset(names | {name for word, name in itertools.pairwise(texts) if word == "function"})
