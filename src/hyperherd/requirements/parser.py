"""The grammar of requirements: ``duration=4h & cpu(mem=32GiB, cores=8) & cuda(mem=24GiB) * 2``.

::

    requirement = alternative { "|" alternative }
    alternative = term { "&" term }
    term        = [ n "*" ] ( one | "(" requirement ")" ) { "*" n }
    one         = "duration" "=" number unit | "cpu" "(" arguments ")" | kind "(" arguments ")"
    kind        = "cuda" | "mps" | "gpu"
    arguments   = "mem" "=" number unit, "model" "=" word or "quoted" (of a kind), "cores" "=" n (of cpu)

Blanks may stand between all of these, commas stand between arguments, the last argument of a name counts.
``*`` counts accelerators. Units are those of `amounts`. ``cpu(...)`` asks for one core where it names none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hyperherd.errors import RequirementError, nearest
from hyperherd.requirements import amounts
from hyperherd.requirements.requirement import (
    PLAIN_MODEL,
    HostRequirement,
    HostSimpleRequirement,
    RequirementUnion,
)
from hyperherd.requirements.specification import (
    AcceleratorSpecification,
    CPUSpecification,
    CudaSpecification,
    MPSSpecification,
)

_KINDS = {one.kind: one for one in (CudaSpecification, MPSSpecification, AcceleratorSpecification)}
_TERMS = ("duration=4h", "cpu(...)", "cuda(...)", "mps(...)", "gpu(...)")
_ARGUMENTS = {"cpu": ("mem", "cores"), **dict.fromkeys(_KINDS, ("mem", "model"))}

_BLANKS = re.compile(r"\s*")
_WORD = re.compile(r"[^\W\d_]\w*")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+")
_QUOTED = re.compile(r"""(["'])((?:\\.|(?!\1)[^\\])*)\1""", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_UNIT = re.compile(r"[^\W\d_]+")
_NEXT = re.compile(r"-?[\w.]+|.", re.DOTALL)

_VALUES = {"mem": "cuda(mem=24GiB)", "model": "cuda(model=A100)", "cores": "cpu(cores=8)"}
"""What may stand in parentheses, with an example of each."""
_ONE_UNIT = "one number and one unit: 1.5h or 90min instead of 1h30m"

_MAX_DIGITS = 100
_MAX_DEPTH = 50


def parse(text: str) -> RequirementUnion:
    """What a text asks for. Raises `RequirementError`, with a caret under the first fault.

    >>> [asked] = parse("duration=1.5h & cuda(mem=24GiB) * 2").requirements
    >>> asked.duration, len(asked.accelerators)
    (5400, 2)
    """
    _check_text(text)
    reader = _Reader(text)
    requirement = reader.requirement(depth=0)
    if following := reader.following():
        lacking = following not in (")", ",", "=")
        what = f"'&' or '|' is missing before {following!r}" if lacking else f"{following!r} is one too many"
        raise reader.fault(what, "'&' joins what one job needs, '|' lists alternatives")
    return RequirementUnion(requirement)


def read_duration(text: str) -> int:
    """Seconds, rounded up, of ``4 days``, ``1.5h``, ``30 min``. Raises `RequirementError`."""
    return _whole(_Reader(text), _Reader.duration)


def read_size(text: str) -> int:
    """Bytes, rounded up, of ``24GiB`` (2^30) or ``24G`` (10^9). Raises `RequirementError`."""
    return _whole(_Reader(text), _Reader.size)


def _check_text(value: object) -> None:
    if not isinstance(value, str):
        hint = 'write text, such as "duration=4h & cuda(mem=24GiB)"'
        raise RequirementError(f"{value!r} cannot be read as a requirement", hint=hint)


def _whole(reader: _Reader, read: Callable[[_Reader], int]) -> int:
    amount = read(reader)
    if following := reader.following():
        raise reader.fault(f"{following!r} is one too many", _ONE_UNIT)
    return amount


class _Reader:
    """A text and how far it has been read. Blanks before anything are passed over."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def requirement(self, depth: int) -> HostRequirement:
        alternatives = [self._alternative(depth)]
        while start := self._passed("|"):
            alternatives.append(self._alternative(depth))
            with self._caret(start - 1):
                RequirementUnion(*alternatives)
        return RequirementUnion(*alternatives) if len(alternatives) > 1 else alternatives[0]

    def _alternative(self, depth: int) -> HostRequirement:
        asked = self._term(depth)
        while start := self._passed("&"):
            term = self._term(depth)
            with self._caret(start - 1):
                asked = asked & term
        return asked

    def _term(self, depth: int) -> HostRequirement:
        start, times = self._skip_blanks(), 1
        if self._at(_NUMBER):
            times = self._count()
            self._expect("*", "a count and what it counts: 2 * cuda(mem=24GiB)")
        term = self._group(depth) if self._passed("(") else self._one()
        with self._caret(start):
            term = term * times if times > 1 else term
        while star := self._passed("*"):
            with self._caret(star - 1):
                term = term * self._count()
        return term

    def _group(self, depth: int) -> HostRequirement:
        if depth == _MAX_DEPTH:
            raise self.fault(f"more than {_MAX_DEPTH} parentheses within each other", at=self._position - 1)
        asked = self.requirement(depth + 1)
        self._expect(")", "'&' joins what one job needs, '|' lists alternatives, ')' closes the parentheses")
        return asked

    def _one(self) -> HostSimpleRequirement:
        start = self._skip_blanks()
        word = self._word()
        if word == "duration":
            self._expect("=", "such as duration=4h")
            return HostSimpleRequirement(duration=self.duration())
        if word not in _ARGUMENTS:
            self._position = start
            raise self._unknown_term(word)
        given = self._arguments(word)
        if word == "cpu":
            return HostSimpleRequirement(
                cpu=CPUSpecification(int(given.get("mem", 0)), int(given.get("cores", 1)))
            )
        one = _KINDS[word](int(given.get("mem", 0)), model=str(given.get("model", "")))
        return HostSimpleRequirement(accelerators=[one])

    def _unknown_term(self, word: str) -> RequirementError:
        hint = f"allowed here: {', '.join(_TERMS)}"
        if not word:
            return (
                self._due("a term", hint)
                if self._text.strip()
                else self.fault("the requirement is empty", hint)
            )
        if word in _VALUES:
            near = f"'{word}' stands in parentheses: {_VALUES[word]};"
        else:
            near = nearest(word.lower(), ("duration", *_ARGUMENTS))
        return self.fault(f"'{word}' is nothing that a job can ask for", _joined(near, hint))

    def _arguments(self, term: str) -> dict[str, int | str]:
        """The last value of each name."""
        self._expect("(", f"such as {term}(mem=24GiB)")
        given: dict[str, int | str] = {}
        while not self._passed(")"):
            name = self._argument_name(term)
            self._expect("=", f"such as {_VALUES[name]}")
            given[name] = self._value(name)
            if not self._passed(","):
                self._expect(")", "',' stands between arguments, ')' closes them")
                break
        return given

    def _argument_name(self, term: str) -> str:
        start, allowed = self._skip_blanks(), _ARGUMENTS[term]
        name = self._word()
        if name in allowed:
            return name
        self._position = start
        hint = f"allowed here: {', '.join(f'{one}=...' for one in allowed)}"
        if not name:
            raise self._due("an argument or ')'", hint)
        near = f"such as {_VALUES[name]};" if name in _VALUES else nearest(name.lower(), allowed)
        raise self.fault(f"{term}(...) takes no '{name}'", _joined(near, hint))

    def _value(self, name: str) -> int | str:
        if name == "mem":
            return self.size()
        return self._whole_number("a number of cores", least=0) if name == "cores" else self._model()

    def _model(self) -> str:
        self._skip_blanks()
        if quoted := self._taken(_QUOTED):
            return _ESCAPE.sub(r"\1", quoted[1:-1])
        model = self._taken(PLAIN_MODEL)
        if not model:
            raise self._due("a model", 'a word, or anything in quotes: model=A100, model="RTX A6000"')
        return model

    def duration(self) -> int:
        """A number and a unit, as seconds."""
        number = self._number("a duration", "such as 4h, 1.5h, 30min, 2 days")
        at = self._skip_blanks()
        unit = self._taken(_UNIT)
        if not unit:
            raise self.fault(
                f"the duration {number} has no unit", f"write {number}h, {number}min or {number}d"
            )
        factor = amounts.seconds_in(unit)
        if factor is None:
            near = "minutes are 'm';" if unit == "M" else nearest(unit.lower(), amounts.SECONDS)
            allowed = "allowed here: s, m (minutes), h, d, w, or their names in full"
            raise self.fault(f"'{unit}' is not a unit of time", _joined(near, allowed), at=at)
        if self._at(_NUMBER):
            raise self.fault("a second number", _ONE_UNIT)
        return amounts.rounded_up(number, factor)

    def size(self) -> int:
        """A number and a unit, as bytes."""
        number = self._number("a size", "such as 24GiB, 24G, 512M, 1.5T")
        at = self._skip_blanks()
        unit = self._taken(_UNIT)
        if not unit:
            hint = f"write {number}G (10^9 bytes each) or {number}GiB (2^30)"
            raise self.fault(f"the size {number} has no unit", hint)
        factor = amounts.bytes_in(unit)
        if factor is None:
            allowed = "allowed here: B, K, M, G, T (powers of 1000), KiB, MiB, GiB, TiB (of 1024)"
            raise self.fault(
                f"'{unit}' is not a unit of memory", _joined(nearest(unit, amounts.BYTES), allowed), at=at
            )
        return amounts.rounded_up(number, factor)

    def _count(self) -> int:
        return self._whole_number("a number of accelerators", least=1)

    def _whole_number(self, what: str, *, least: int) -> int:
        at = self._skip_blanks()
        hint = f"a whole number, {least} or more"
        number = self._number(what, hint)
        if "." in number or int(number) < least:
            raise self.fault(f"{number} is not {what}", hint, at=at)
        return int(number)

    def _number(self, what: str, hint: str) -> str:
        at = self._skip_blanks()
        number = self._taken(_NUMBER)
        if not number:
            raise self._due(what, hint)
        if len(number) > _MAX_DIGITS:
            raise self.fault(f"a number of more than {_MAX_DIGITS} digits", hint, at=at)
        return number

    def _word(self) -> str:
        self._skip_blanks()
        return self._taken(_WORD)

    def _expect(self, character: str, hint: str) -> None:
        if not self._passed(character):
            before = f"before {self.following()!r}" if self.following() else "at the end"
            raise self.fault(f"{character!r} is missing {before}", hint)

    def _passed(self, character: str) -> int:
        """The position behind the character where it is next, which is then passed; else 0."""
        self._skip_blanks()
        if not self._text.startswith(character, self._position):
            return 0
        self._position += 1
        return self._position

    def _at(self, pattern: re.Pattern[str]) -> bool:
        return pattern.match(self._text, self._position) is not None

    def _taken(self, pattern: re.Pattern[str]) -> str:
        """What the pattern finds here, which is then passed; else nothing."""
        found = pattern.match(self._text, self._position)
        if not found:
            return ""
        self._position = found.end()
        return found[0]

    def _skip_blanks(self) -> int:
        """The position where something stands again."""
        self._taken(_BLANKS)
        return self._position

    def following(self) -> str:
        """For messages: the word or character that is next, nothing at the end."""
        found = _NEXT.match(self._text, self._skip_blanks())
        return found[0][:40] if found else ""

    def fault(self, what: str, hint: str = "", *, at: int | None = None) -> RequirementError:
        position = self._skip_blanks() if at is None else at
        return RequirementError(what, text=self._text, position=position, hint=hint)

    def _due(self, what: str, hint: str) -> RequirementError:
        following = self.following()
        return self.fault(
            f"{following!r} where {what} is due" if following else f"{what} is missing at the end", hint
        )

    @contextmanager
    def _caret(self, at: int) -> Iterator[None]:
        """Put a caret into the text under what Python objects refuse."""
        try:
            yield
        except RequirementError as error:
            if error.text:
                raise
            raise RequirementError(error.reason, text=self._text, position=at, hint=error.hint) from None


def _joined(near: str, allowed: str) -> str:
    return f"{near} {allowed}".lstrip()
