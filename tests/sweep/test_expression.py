"""Expressions on parameters: what they compute, what they refuse, and that nothing gets out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperherd.errors import ExpressionError
from hyperherd.sweep import expression

PARAMS: dict[str, Any] = {
    "lr": 0.1,
    "opt": "sgd",
    "n": 3,
    "zero": 0,
    "none": None,
    "model.depth": 4,
    "+width": 8,
    "data.root": "/data",
    "lambda": 2,
}


def value(text: str) -> object:
    return expression.compile(text, PARAMS).evaluate(PARAMS)


def refusal(text: str, **options: Any) -> ExpressionError:
    with pytest.raises(ExpressionError) as raised:
        expression.compile(text, PARAMS, **options).evaluate(PARAMS)
    return raised.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lr > 0.01 and opt == 'sgd'", True),
        ("lr * 2", 0.2),
        ("n // 2 + n % 2", 2),
        ("2 ** n", 8),
        ("-n", -3),
        ("not n", False),
        ("1 < n <= 3", True),
        ("opt in ['sgd', 'adam']", True),
        ("opt not in ('sgd', 'adam')", False),
        ("min(n, 2) + max(n, 7) + abs(-1)", 10),
        ("round(lr * 1.234, 3)", 0.123),
        ("p['model.depth'] * 2", 8),
        ("width + 1", 9),
        ("p['+width'] + p['width']", 16),
        ("p['lambda']", 2),
        ("none == null and true and not false", True),
        ("'big' if n > 2 else 'small'", "big"),
        ("'model_' + opt", "model_sgd"),
        ("[n, lr]", [3, 0.1]),
        ("lr\n  > 0.01", True),
    ],
)
def test_an_expression_has_the_value_that_it_says(text: str, expected: object) -> None:
    assert value(text) == expected
    assert type(value(text)) is type(expected)


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        (
            "1 / zero",
            "division by zero in `1 / zero`, where zero=0",
            "guard it, as in 'b != 0 and a / b > 1'",
        ),
        (
            "opt > 1",
            "text is compared with a number in `opt > 1`, where opt='sgd'",
            "compare text with text, and numbers with numbers",
        ),
        (
            "none < 1",
            "null is compared with a number in `none < 1`, where none=None",
            "compare text with text, and numbers with numbers",
        ),
        ("9**9**9", "a number too large in `9**9**9`", ""),
        ("(-8) ** 0.5", "the root of a negative number in `(-8) ** 0.5`", ""),
        ("'a' * 3", "'*' takes numbers, not the text 'a' in `'a' * 3`", ""),
        ("lr = 1", "not an expression: invalid syntax", "write == to compare"),
        ("lr >", "not an expression: invalid syntax", ""),
        ("ops == 'sgd'", "unknown name 'ops'\n  ops == 'sgd'\n  ^", "did you mean 'opt'?"),
        ("1 + lrr", "unknown name 'lrr'\n  1 + lrr\n      ^", "did you mean 'lr'?"),
        (
            "model.depth > 1",
            "a dot cannot be used here\n  model.depth > 1\n  ^",
            "a name with a dot is written p['model.depth']",
        ),
        (
            "p['model.dept']",
            "unknown parameter 'model.dept'\n  p['model.dept']\n  ^",
            "did you mean 'model.depth'?",
        ),
        ("n is 3", "'is' is not allowed here\n  n is 3\n  ^", "write == to compare"),
        ("open('x')", "only min, max, abs, round may be called\n  open('x')\n  ^", ""),
        (
            "lambda > 1",
            "not an expression: invalid syntax",
            "a parameter of that name is written p['lambda']",
        ),
        ("none * 3", "'*' takes numbers, not null in `none * 3`, where none=None", None),
        ("n % [1]", "'%' takes numbers, not [1] in `n % [1]`", None),
        ("data > 1", "unknown name 'data'\n  data > 1\n  ^", "a name with a dot is written p['data.root']"),
        (
            "something == 1",
            "unknown name 'something'\n  something == 1\n  ^",
            "the parameters are +width, data.root, lambda, lr, model.depth, n, none, opt, zero",
        ),
        ("max()", "max takes plain values, as in max(a, 2)", None),
        ("round(lr, 'x')", "round takes at most 400 digits", None),
        ("n and = 1", "not an expression: invalid syntax", "write == to compare"),
        ("größer + 1", "unknown name 'größer'\n  größer + 1\n  ^", None),
        ("'ü' + nx", "unknown name 'nx'\n  'ü' + nx\n        ^", None),
    ],
)
def test_a_refusal_says_what_and_what_would_be_right(text: str, what: str, hint: str | None) -> None:
    error = refusal(text, where="f.yaml:3: conditions[0].when.expr")
    assert error.what.startswith(what)
    assert hint is None or error.hint == hint
    assert error.where == "f.yaml:3: conditions[0].when.expr"


@pytest.mark.parametrize(
    "text",
    [
        "().__class__.__bases__[0].__subclasses__()",
        "__import__('os').system('true')",
        "lr.__class__",
        "[x for x in [1]]",
        "(lambda: 1)()",
        "f'{lr}'",
        "lr := 3",
        "min(*[1, 2])",
        "min(n, key=abs)",
        "{1: 2}",
        "b'x'",
        "1j",
        "...",
        "n << 3",
        "~n",
        "n @ n",
        "lr[0]",
        "p[n]",
        "p",
        "min",
        "lr; 1",
        "",
        "\x00",
        "'%999999999d' % n",
        "n * 'abc'",
        "[1] * 1000000",
        "round(n, -1000000000)",
        "2 ** 99999",
        "10.0 ** 400",
        "(" * 500 + "1" + ")" * 500,
        "-" * 1500 + "1",
        "not " * 400 + "1",
        "n+" * 3000 + "n",
        "9" * 1990,
        "+".join(["n ** 500 ** 2"] * 9),
    ],
)
def test_nothing_but_arithmetic_gets_through(text: str) -> None:
    refusal(text)


def test_an_expression_has_bounds_and_all_up_to_them_is_read() -> None:
    assert "2,001 characters; 2,000 at most" in refusal("n" + " " * 2000).what
    assert value("n" + " " * 1999) == 3
    assert value("-" * 60 + "1") == 1
    assert "nested too deep" in refusal("-" * 61 + "1").what
    assert value("2 ** 2048") == 2**2048
    assert "a number too large" in refusal("2 ** 2049").what
    assert value("round(lr, 400)") == 0.1
    assert "400 digits" in refusal("round(lr, 401)").what


def test_unknown_words_behind_a_comparison_are_text_where_that_is_asked_for() -> None:
    held = expression.compile("lr > 0.01 and status == failed", ["lr", "status"], bare_words=True)
    assert held.evaluate({"lr": 0.1, "status": "failed"}) is True
    assert held.evaluate({"lr": 0.1, "status": "completed"}) is False
    several = expression.compile("status in [failed, lost]", ["status"], bare_words=True)
    assert several.evaluate({"status": "lost"}) is True
    with pytest.raises(ExpressionError, match="unknown name 'statsu'"):
        expression.compile("statsu == failed", ["status"], bare_words=True)


def test_an_expression_says_which_parameters_it_reads() -> None:
    assert expression.compile("width > 1 and p['model.depth'] == n", PARAMS).names == {
        "+width",
        "model.depth",
        "n",
    }


numbers = st.integers(-50, 50) | st.floats(-100, 100)
operators = st.sampled_from(["+", "-", "*", "<", "<=", "==", "!=", "and", "or"])


@st.composite
def arithmetic(draw: st.DrawFn, depth: int = 3) -> str:
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from(["a", "b", "p['c.d']"]) | numbers.map(repr))
    return f"({draw(arithmetic(depth=depth - 1))} {draw(operators)} {draw(arithmetic(depth=depth - 1))})"


@settings(deadline=None)
@given(arithmetic(), numbers, numbers, numbers)
def test_arithmetic_is_pythons(text: str, a: float, b: float, c: float) -> None:
    params: dict[str, Any] = {"a": a, "b": b, "c.d": c}
    expected = eval(text, {"a": a, "b": b, "p": params})
    assert expression.compile(text, params).evaluate(params) == expected


@settings(deadline=None)
@given(st.text(max_size=40) | st.text(alphabet="lrnopt ()[]'\"+-*/<>=!.,:{}0123456789ei_\\\n", max_size=40))
def test_any_text_is_an_expression_or_is_refused(text: str) -> None:
    try:
        expression.compile(text, PARAMS).evaluate(PARAMS)
    except ExpressionError as error:
        assert error.what
