"""``herd expand``: combinations for eyes and scripts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import herding
from test_documents_json import documented, paths


def herd(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return herding.herd(*words, env=env, code=code)


def document(*words: str) -> Any:
    return json.loads(herd("expand", "--json", *words).stdout)


def test_one_combination_a_line_in_words_that_a_shell_reads_back() -> None:
    printed = herd("expand", "a=x y,'\n'", "~db", 'b="it\'s $(x)"').stdout
    assert printed.count("\n") == 2
    read = subprocess.run(
        ["bash", "-c", f"printf '<%s>' {printed.splitlines()[1]}"], capture_output=True, text=True, check=True
    )
    assert read.stdout == "<a='\n'><~db><b=\"it's $(x)\">"


def test_the_document_has_the_keys_of_the_documents_page_and_values_with_their_types() -> None:
    found = document("lr=1e-1,nan", "~db", "s='a b'")
    assert found == {
        "count": 2,
        "combinations": [
            {"overrides": ["lr=1e-1", "~db", "s='a b'"], "params": {"lr": 0.1, "~db": None, "s": "a b"}},
            {"overrides": ["lr=nan", "~db", "s='a b'"], "params": {"lr": "NaN", "~db": None, "s": "a b"}},
        ],
    }
    assert documented()["expand"] == {path.removesuffix("overrides[]") for path in paths(found)}


def test_a_count_lists_nothing() -> None:
    assert herd("expand", "--count", "a=range(1000000)", "b=range(1000000)").stdout == "1000000000000\n"
    assert document("--count", "a=1,2") == {"count": 2}


def test_with_hydra_the_spelling_is_hydras() -> None:
    assert (
        herd("expand", "--hydra", "a=hello world , 1_0", "~b").stdout
        == "'a=hello\\ world' '~b=null'\na=10 '~b=null'\n"
    )


def test_a_seed_makes_it_repeatable() -> None:
    words = ("expand", "a=1,2", "seed=__randseed(3)__", "--seed")
    assert herd(*words, "1").stdout == herd(*words, "1").stdout != herd(*words, "2").stdout


def test_a_key_given_twice_is_told_on_stderr_alone() -> None:
    done = herd("expand", "--json", "a=1,2", "a=3")
    assert json.loads(done.stdout)["count"] == 1
    assert done.stderr == "note: a=1,2 is not used: a=3 comes later, and a key counts once\n"
    assert herd("expand", "--count", "a=1,2", "+a=3").stderr == ""


def test_an_error_has_a_caret_and_leaves_stdout_empty() -> None:
    refused = herd("expand", "--json", "a=chioce(1,2)", code=1)
    assert refused.stdout == ""
    assert "  a=chioce(1,2)\n    ^\n  did you mean 'choice'?" in refused.stderr
    assert "Usage" in herd("expand", code=2).stderr


def test_nothing_heavy_is_loaded() -> None:
    code = "import sys; from hyperherd.cli import main, expand; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert not {"pydantic", "rich", "msgspec", "psutil", "ruamel"} & set(done.stdout.split())
