"""A value reaches the trainer as it stands in the YAML: same text, same type, whatever is in it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import herding
import pytest
from exactly_once.sweeps import end_all, environment
from grammar.strategies import hydra_values, values
from hydra.core.override_parser.overrides_parser import OverridesParser
from launchers.herd import clean

from hyperherd import parse_overrides

from .sending import Received, describe, drawn, rows, send, yaml

MANY = 2000
FEW = 200
NAMED = [
    1, 1.0, "1", "1.0", True, "true", None, "null", "", " ", "a b", "a  b", " a ", "it's", 'say "so"', "$HOME",
    "${HOME}", "`id`", "$(id)", "*", "?", "[a-z]*", "~", "~root", "a\nb", "\n", "a\n", "\t", "\r", "a\r\nb", "\\",
    "\\n", "a\\", "!x", "#x", "a;b", "a&b", "a|b", "a>b", "-n", "--cfg", "é", "日本", "🐑", "\u0301",
    "\x01", "\x7f", "\x85", "\u2028", "\ufeff", "a=b", "a,b", "a:b", "[1, 2]", "{a: 1}", "'", '"', "''", "1_000", "1e3",
    "007", "nan", "inf", "-inf", float("inf"), float("-inf"), float("nan"), -0.0, 0.0, 0, 0.1 + 0.2, 1e-300, 5e-324,
    1.7976931348623157e308, 0.12345678901234567, 123456789012345.67, 2**53 + 1, 10**30, -1, [], {}, [[]], [1, 1.0, "1"],
    ["a b", "it's", None], {"a": {"b-c": [None, True, {"d": ""}]}}, {"k": float("inf")}, [float("nan")], "/data/x.yaml",
    "s3://bucket:9000/x", "%a", "%%", "a" * 1000,
]  # fmt: skip

HYDRA = OverridesParser.create()


def without_nul(value: Any) -> Any:
    """The same without a character that no shell variable can hold."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [without_nul(element) for element in value]
    if isinstance(value, dict):
        return {without_nul(key): without_nul(element) for key, element in value.items()}
    return value


def same(left: Any, right: Any) -> bool:
    """Equal in type and value at any depth; NaN equals itself, -0.0 is not 0.0."""
    return repr(left) == repr(right)


def in_hydra(value: Any) -> bool:
    """Whether Hydra has a text for it: not for some keys of maps."""
    ours = str.maketrans("", "", "\\")
    if isinstance(value, list):
        return all(map(in_hydra, value))
    if isinstance(value, dict):
        plain = all(
            key and key.translate(ours).isascii() and key[0].isalpha() and key.isalnum() for key in value
        )
        words = not {key.lower() for key in value} & {"true", "false", "null", "nan", "inf"}
        return plain and words and all(map(in_hydra, value.values()))
    return True


@pytest.fixture
def env(tmp_path: Path) -> Iterator[dict[str, str]]:
    yield environment(clean(os.environ), tmp_path)
    end_all(tmp_path)


@pytest.fixture
def odd_root(tmp_path: Path) -> Path:
    """A folder with blanks, quotes, a per cent sign, a dollar sign and a newline in its path."""
    root = tmp_path / "my 50%a 'sweep' \"$HOME\"\nover `two` lines"
    root.mkdir()
    return root


def check(trial: list[Any], received: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    """All four ways to read what was handed agree with what was meant."""
    meant = {f"p{number}": value for number, value in enumerate(trial)}
    told = [word.partition("=") for word in received.argv]
    assert [name for name, _, _ in told] == ["experiment_name", *meant]
    assert received.argument == " ".join(received.argv)
    monkeypatch.setenv("HYPERHERD_PARAMS", received.params)
    typed = parse_overrides(received.argument)
    monkeypatch.setattr(sys, "argv", ["train.py", *received.argv])
    by_words = parse_overrides()
    monkeypatch.delenv("HYPERHERD_PARAMS")
    bare = parse_overrides(received.argument)
    for name, value in meant.items():
        for way, got in (("$1", typed), ("argv", by_words), ("text alone", bare)):
            assert same(got[name], value), (way, name, value, got[name], received.argument)
    for word, value in zip(received.argv[1:], trial, strict=True):
        if in_hydra(value):
            assert same(HYDRA.parse_override(word).value(), value), (word, value)


def test_thousands_of_values_arrive_as_they_were_written(
    tmp_path: Path, env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [*NAMED, *drawn(values, MANY * 3 // 4), *drawn(hydra_values, MANY // 4)]
    trials = rows([without_nul(value) for value in found])
    describe(tmp_path, "values", trials)
    for trial, received in zip(trials, send(tmp_path, env, "local", len(trials)), strict=True):
        check(trial, received, monkeypatch)


def test_they_do_so_from_a_folder_of_an_odd_name(
    odd_root: Path, env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = rows([*NAMED, *map(without_nul, drawn(values, FEW))])
    describe(odd_root, "values", trials)
    for trial, received in zip(trials, send(odd_root, env, "local", len(trials)), strict=True):
        check(trial, received, monkeypatch)


@pytest.mark.parametrize("cluster", ["fake_slurm", pytest.param("slurm", marks=pytest.mark.slurm)])
def test_they_do_so_on_slurm_from_a_folder_of_an_odd_name(
    cluster: str,
    request: pytest.FixtureRequest,
    odd_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    env = environment(request.getfixturevalue(cluster).env, tmp_path)
    trials = rows([*NAMED, *map(without_nul, drawn(values, FEW))])
    describe(odd_root, "odd-values", trials)
    for trial, received in zip(trials, send(odd_root, env, "slurm", len(trials)), strict=True):
        check(trial, received, monkeypatch)
    logs = odd_root / ".hyperherd/logs"
    assert {path.name for path in logs.glob("*.out")} == {f"{index}.out" for index in range(len(trials))}


def test_the_parameters_as_json_keep_their_types(
    tmp_path: Path, env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = [1, 1.0, "1", True, None, 0.1 + 0.2, [1, 1.0, "1"], {"a": [None]}, "a\nb"]
    (trial,) = rows(plain)
    describe(tmp_path, "json", [trial])
    (received,) = send(tmp_path, env, "local", 1)
    told = json.loads(received.params)
    assert same([told[f"p{number}"] for number in range(len(plain))], plain)


def test_1_and_1_0_and_the_text_1_are_three_trials(tmp_path: Path, env: Mapping[str, str]) -> None:
    (tmp_path / "hyperherd.yaml").write_text(
        "name: three\nlauncher: launch.sh\ngrid: all\nparameters:\n  p: [1, 1.0, '1', true]\n"
    )
    (tmp_path / "launch.sh").write_text('echo "$1"')
    trials = json.loads(herding.herd("ls", tmp_path, "--json", env=env).stdout)["trials"]
    assert same([trial["params"]["p"] for trial in trials], [1, 1.0, "1", True])
    assert len({trial["experiment_name"] for trial in trials}) == 4


def test_a_character_that_json_writes_as_two_escapes_is_one(tmp_path: Path, env: Mapping[str, str]) -> None:
    describe(tmp_path, "pair", [[0, 0]])
    config = tmp_path / "hyperherd.yaml"
    config.write_text(config.read_text().replace("values: [0]", r'values: ["\ud83d\udc11"]', 1))
    (received,) = send(tmp_path, env, "local", 1)
    assert received.argv[1] == "p0='🐑'"


@pytest.mark.parametrize("value", ["a\0b", {"a": "\0"}, "\ud800"])
def test_what_no_shell_can_hold_is_refused_with_its_line(
    tmp_path: Path, env: Mapping[str, str], value: Any
) -> None:
    (tmp_path / "hyperherd.yaml").write_text(
        f"name: x\nlauncher: launch.sh\ngrid: all\nparameters:\n  p: [1, {yaml(value)}]\n"
    )
    (tmp_path / "launch.sh").write_text("exit 0")
    done = herding.herd("run", tmp_path, "--on", "local", env=env, code=1)
    assert "hyperherd.yaml:5: parameters.p[1]" in done.stderr
    assert not (tmp_path / ".hyperherd").exists()
