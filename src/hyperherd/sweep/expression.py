"""Arithmetic on parameters, as in ``lr > 0.01 and opt == 'sgd'``: checked as a tree, then run as Python's own
code.

What passes the check cannot reach anything but the parameters: no attributes, no calls but ``min``, ``max``,
``abs`` and ``round``. Operators that can make something huge of a short text (``**``, ``*``, ``%`` on text,
``round``) are replaced by functions that refuse to.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hyperherd.errors import ExpressionError, nearest
from hyperherd.sweep.trial import Value

MAX_CHARACTERS = 2_000
MAX_BITS = 4_096
"""An integer with more bits is nobody's hyperparameter."""

_CONSTANTS = {"true": True, "false": False, "null": None}
_OPERATORS = ("and", "or", "not", "in", "if", "else", "True", "False", "None")
_CALLS = ("min", "max", "abs", "round")
_ALLOWED = (
    *(ast.Expression, ast.Constant, ast.Name, ast.Load, ast.List, ast.Tuple, ast.IfExp),
    *(ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.UAdd),
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow),
    *(ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn),
)


@dataclass(frozen=True)
class Expression:
    """A checked expression. ``names`` are the parameters it reads, ``where`` its place for messages."""

    text: str
    names: frozenset[str]
    where: str = field(compare=False)
    _function: Callable[[Mapping[str, Any]], Any] = field(compare=False, repr=False)

    def evaluate(self, params: Mapping[str, Value]) -> Value:
        """The value for these parameters. Raises `ExpressionError` with the parameters that it reads."""
        try:
            value: Value = self._function(params)
        except (ArithmeticError, TypeError, ValueError, KeyError) as error:
            raise ExpressionError(
                self._failure(error, params), where=self.where, hint=self._hint(error)
            ) from error
        return value

    def _failure(self, error: Exception, params: Mapping[str, Value]) -> str:
        known = ", ".join(f"{name}={params[name]!r}" for name in sorted(self.names) if name in params)
        return f"{_in_words(error)} in `{self.text}`" + (f", where {known}" if known else "")

    def _hint(self, error: Exception) -> str:
        if isinstance(error, ZeroDivisionError):
            return "guard it, as in 'b != 0 and a / b > 1'"
        return "compare text with text, and numbers with numbers" if "instances of" in str(error) else ""


def compile(
    text: str,
    names: Iterable[str],
    *,
    bare_words: bool = False,
    where: str = "",
) -> Expression:
    """Check ``text`` and make it ready to be evaluated.

    A parameter is named as it is, without Hydra's prefix where that is clear, or as ``p['model.depth']``.
    With ``bare_words`` an unknown word to the right of a comparison is text: ``status == failed``. Raises
    `ExpressionError`.

    >>> compile("lr * 2 > 0.1 and opt in ['sgd', 'adam']", ["lr", "opt"]).evaluate({"lr": 0.2, "opt": "sgd"})
    True
    """
    known = _Names(names)
    tree = _parsed(text, where)
    checker = _Checker(text, where, known, bare_words=bare_words)
    body = checker.checked(tree.body)
    arguments = ast.arguments(posonlyargs=[], args=[ast.arg("p")], kwonlyargs=[], kw_defaults=[], defaults=[])
    function = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, body)))
    scope = {"__builtins__": {}, **_GUARDS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = builtins.compile(function, "<expression>", "eval")
    return Expression(text, frozenset(checker.used), where, eval(code, scope))


class _Names:
    """The parameters by the names that an expression may use: the full one, or without prefix where that is clear."""

    def __init__(self, names: Iterable[str]) -> None:
        self.by_name: dict[str, str] = {}
        for name in names:
            self.by_name.setdefault(name.lstrip("+~"), name)
        self.by_name.update((name, name) for name in list(self.by_name.values()))

    def hint(self, word: str) -> str:
        if dotted := next((name for name in self.by_name if name.split(".")[0] == word), None):
            return f"a name with a dot is written p['{dotted}']"
        if near := nearest(word, self.by_name):
            return near
        return f"the parameters are {', '.join(sorted(set(self.by_name.values())))}" if self.by_name else ""


def _parsed(text: str, where: str) -> ast.Expression:
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(
            f"an expression of {len(text):,} characters; {MAX_CHARACTERS:,} at most", where=where
        )
    flat = text.replace("\n", " ").strip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(flat, mode="eval")
    except SyntaxError as error:
        column = max((error.offset or 1) - 1, 0)
        what = f"not an expression: {error.msg}"
        raise ExpressionError(_pointed(what, flat, column), where=where, hint=_syntax_hint(flat)) from error
    except (RecursionError, MemoryError, ValueError) as error:
        raise ExpressionError(f"not an expression: `{flat[:60]}`", where=where) from error


def _syntax_hint(text: str) -> str:
    words = re.findall(r"\w+", text)
    if taken := [word for word in words if keyword.iskeyword(word) and word not in _OPERATORS]:
        return f"a parameter of that name is written p['{taken[0]}']"
    return "write == to compare" if re.search(r"[^=<>!]=[^=]", text) else ""


def _pointed(what: str, text: str, column: int) -> str:
    return f"{what}\n  {text}\n  {' ' * column}^"


class _Checker:
    """A copy of the tree with all that is allowed, names looked up in ``p`` and dangerous operators guarded."""

    def __init__(self, text: str, where: str, names: _Names, *, bare_words: bool) -> None:
        self.text = text.replace("\n", " ").strip()
        self.where = where
        self.names = names
        self.bare_words = bare_words
        self.used: set[str] = set()

    def checked(self, node: ast.AST, *, right: bool = False, depth: int = 0) -> Any:
        """``right``: the node stands to the right of a comparison, where bare words are text."""
        if depth > 60:
            raise self.refused(node, "nested too deep")
        if isinstance(node, ast.Name):
            return self.name(node, right=right)
        if isinstance(node, ast.Subscript):
            return self.subscript(node)
        if isinstance(node, ast.Call):
            return self.call(node, depth)
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            hint = f"a name with a dot is written p['{name}']" if name in self.names.by_name else ""
            raise self.refused(node, "a dot cannot be used here", hint)
        if not isinstance(node, _ALLOWED) or (isinstance(node, ast.Constant) and not _plain(node.value)):
            raise self.refused(node, "this is not allowed in an expression")
        if isinstance(node, ast.Compare):
            if not all(isinstance(operator, _ALLOWED) for operator in node.ops):
                raise self.refused(node, "'is' is not allowed here", "write == to compare")
            right_sides = [self.checked(side, right=True, depth=depth + 1) for side in node.comparators]
            return ast.Compare(self.checked(node.left, depth=depth + 1), node.ops, right_sides)
        if isinstance(node, (ast.List, ast.Tuple)):
            return ast.List([self.checked(e, right=right, depth=depth + 1) for e in node.elts], ast.Load())
        return self.same_with_parts_checked(node, depth)

    def same_with_parts_checked(self, node: ast.AST, depth: int) -> Any:
        fields = {
            name: [self.checked(part, depth=depth + 1) for part in value]
            if isinstance(value, list)
            else self.checked(value, depth=depth + 1)
            if isinstance(value, ast.AST)
            else value
            for name, value in ast.iter_fields(node)
        }
        copy = type(node)(**fields)
        guard = _GUARDED.get(type(getattr(node, "op", None)))
        return _call(guard, copy.left, copy.right) if guard and isinstance(copy, ast.BinOp) else copy

    def name(self, node: ast.Name, *, right: bool) -> ast.expr:
        if node.id in self.names.by_name:
            return self.lookup(node.id)
        if node.id in _CONSTANTS:
            return ast.Constant(_CONSTANTS[node.id])
        if self.bare_words and right:
            return ast.Constant(node.id)
        raise self.refused(node, f"unknown name '{node.id}'", self.names.hint(node.id))

    def lookup(self, word: str) -> ast.expr:
        name = self.names.by_name[word]
        self.used.add(name)
        return ast.Subscript(ast.Name("p", ast.Load()), ast.Constant(name), ast.Load())

    def subscript(self, node: ast.Subscript) -> ast.expr:
        key = node.slice
        if not (isinstance(node.value, ast.Name) and node.value.id == "p" and isinstance(key, ast.Constant)):
            raise self.refused(node, "only p['name'] may have brackets behind it")
        if not isinstance(key.value, str) or key.value not in self.names.by_name:
            raise self.refused(node, f"unknown parameter {key.value!r}", self.names.hint(str(key.value)))
        return self.lookup(key.value)

    def call(self, node: ast.Call, depth: int) -> ast.expr:
        if not (isinstance(node.func, ast.Name) and node.func.id in _CALLS):
            raise self.refused(node, f"only {', '.join(_CALLS)} may be called")
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args) or not node.args:
            raise self.refused(node, f"{node.func.id} takes plain values, as in {node.func.id}(a, 2)")
        return _call(node.func.id, *(self.checked(argument, depth=depth + 1) for argument in node.args))

    def refused(self, node: ast.AST, what: str, hint: str = "") -> ExpressionError:
        column = len(self.text.encode()[: getattr(node, "col_offset", 0)].decode(errors="replace"))
        return ExpressionError(_pointed(what, self.text, column), where=self.where, hint=hint)


def _plain(value: object) -> bool:
    if isinstance(value, int):
        return value.bit_length() <= MAX_BITS
    return value is None or isinstance(value, (float, str))


def _call(function: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(function, ast.Load()), list(arguments), [])


def _numbers(sign: str, *values: object) -> None:
    for value in values:
        if not isinstance(value, (int, float)):
            raise TypeError(f"'{sign}' takes numbers, not {_shown(value)}")


def _small(value: Any) -> Any:
    if isinstance(value, complex):
        raise ValueError("the root of a negative number")
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise OverflowError("a number too large")
    return value


def _power(base: Any, exponent: Any) -> Any:
    _numbers("**", base, exponent)
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * exponent > MAX_BITS:
        raise OverflowError("a number too large")
    return _small(base**exponent)


def _times(left: Any, right: Any) -> Any:
    _numbers("*", left, right)
    return _small(left * right)


def _modulo(left: Any, right: Any) -> Any:
    _numbers("%", left, right)
    return left % right


def _round(value: Any, digits: Any = None) -> Any:
    _numbers("round", value)
    if digits is not None and (not isinstance(digits, int) or abs(digits) > 400):
        raise ValueError("round takes at most 400 digits")
    return round(value, digits)


_GUARDS: dict[str, Any] = {
    "min": min,
    "max": max,
    "abs": abs,
    "round": _round,
    "_power": _power,
    "_times": _times,
    "_modulo": _modulo,
}
_GUARDED: dict[type, str] = {ast.Pow: "_power", ast.Mult: "_times", ast.Mod: "_modulo"}


def _shown(value: object) -> str:
    return f"the text {value!r}" if isinstance(value, str) else "null" if value is None else repr(value)


_TYPE_NAMES = {
    "'str'": "text",
    "'NoneType'": "null",
    "'int'": "a number",
    "'float'": "a number",
    "'list'": "a list",
}


def _in_words(error: Exception) -> str:
    """What Python says, with the words that users of YAML have for its types."""
    if isinstance(error, ZeroDivisionError):
        return "division by zero"
    if isinstance(error, KeyError):
        return f"no parameter {error}"
    if isinstance(error, OverflowError):
        return "a number too large"
    words = str(error)
    for python, plain in _TYPE_NAMES.items():
        words = words.replace(python, plain)
    if "not supported between instances of" in words:
        left, _, right = words.partition(" instances of ")[2].partition(" and ")
        return f"{left} is compared with {right}"
    return words
