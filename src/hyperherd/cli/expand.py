"""``herd expand``: a sweep in Hydra's words, one combination a line."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Iterator
from typing import Any

import click

from hyperherd.bash.quoting import quote_in_one_line
from hyperherd.grammar import product
from hyperherd.grammar.product import Chosen, Product

_REMEMBERED = 100_000
"""In a product the same words come again and again."""


@click.command(
    epilog="\b\nExamples:\n  herd expand lr=0.1,0.01 'seed=range(0,3)'\n"
    "  herd expand --count 'a=range(1000)' 'b=range(1000)'\n"
    "  herd expand 'lr=zip(0.1,0.01)' 'wd=zip(0,1e-4)'\n"
    "  herd expand --seed 7 env=a,b 'seed=__randseed(3)__'"
)
@click.argument("words", nargs=-1, required=True, metavar="KEY=SWEEP...")
@click.option("--count", is_flag=True, help="Only how many combinations.")
@click.option("--hydra", is_flag=True, help="Values as Hydra's own sweeper spells them, not as typed.")
@click.option("--seed", type=int, help="Makes random seeds, and the order of shuffle, repeatable.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def expand(words: tuple[str, ...], count: bool, hydra: bool, seed: int | None, as_json: bool) -> None:
    """Print the combinations of a Hydra sweep, one a line, as words that a shell reads back.

    The last key changes fastest. Beyond Hydra, keys with zip(...) go together, and __randseed(N)__ makes N runs of each
    combination, each with a random seed of its own.
    """
    found = product.read(words, seed=seed)
    for note in found.notes():
        click.echo(f"note: {note}", err=True)
    if count:
        sys.stdout.write(f'{{"count": {found.count()}}}\n' if as_json else f"{found.count()}\n")
    elif as_json:
        sys.stdout.writelines(_document(found, hydra))
    else:
        quoted = functools.lru_cache(_REMEMBERED)(quote_in_one_line)
        rows = found.combinations()
        sys.stdout.writelines(" ".join([quoted(_spelt(one, hydra)) for one in row]) + "\n" for row in rows)


def _spelt(one: Chosen, hydra: bool) -> str:
    return one.hydra if hydra else one.text


def _document(found: Product, hydra: bool) -> Iterator[str]:
    """The JSON document in pieces: of a million combinations it is not held in memory."""
    text = functools.lru_cache(_REMEMBERED)(json.dumps)
    known: dict[str, str] = {}
    separator = ""
    yield f'{{"count": {found.count()}, "combinations": ['
    for row in found.combinations():
        params = []
        for one in row:
            if one.text not in known:
                if len(known) > _REMEMBERED:
                    known.clear()
                known[one.text] = f"{text(one.name)}: {json.dumps(_finite(one.value))}"
            params.append(known[one.text])
        overrides = ", ".join([text(_spelt(one, hydra)) for one in row])
        yield f'{separator}\n  {{"overrides": [{overrides}], "params": {{{", ".join(params)}}}}}'
        separator = ","
    yield "\n]}\n"


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinities: here they are strings."""
    if isinstance(value, float) and value - value != 0:
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[float.__repr__(value)]
    if isinstance(value, list):
        return [_finite(element) for element in value]
    if isinstance(value, dict):
        return {key: _finite(element) for key, element in value.items()}
    return value
