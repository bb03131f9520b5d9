"""What a trainer was told: its overrides as a dict. Nothing that costs start-up time is imported here."""

from __future__ import annotations

import os
import sys

from hyperherd.attempts import variables
from hyperherd.grammar.overrides import is_complete, split
from hyperherd.grammar.values import read, untag, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any


def parse_overrides(text: str | None = None) -> dict[str, Any]:
    """Every ``name=value`` of ``text``, by default of the command line; the last of a name wins.

    ``python train.py "$1"`` and ``eval "set -- $HYPERHERD_ARGV"; python train.py "$@"`` give the same, and so
    does ``python train.py $1`` where no value has a newline or two blanks in a row. Names are kept as they are
    written (``+model.depth``). A value has the type that Hydra would give it: ``1`` int, ``1.0`` float, ``true``
    bool, ``null`` None, ``'1'`` str, ``[1,2]`` list, ``{a:1}`` dict; where its text is the one that herd sent,
    it is exactly the sweep's value. What cannot be read is the plain text. Words without ``=`` and options
    (``--cfg job``) are skipped.
    """
    words = split(text) if text is not None else _argument_words(sys.argv[1:])
    texts = dict(_assignments(words))
    sent = _sent() if texts else {}
    return {name: _value(name, written, sent) for name, written in texts.items()}


def _argument_words(arguments: list[str]) -> Iterator[str]:
    """The words of all arguments; what a shell cut inside of quotes or brackets is joined by a blank."""
    held: list[str] = []
    for argument in arguments:
        held.append(argument)
        together = " ".join(held)
        if is_complete(together):
            yield from split(together)
            held = []
    for argument in held:
        yield from split(argument)


def _assignments(words: Iterable[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        name, equals, written = word.partition("=")
        if equals and name and not name.startswith("-"):
            yield name, written


def _value(name: str, written: str, sent: dict[str, Any]) -> Any:
    if name in sent and write(sent[name]) == written:
        return sent[name]
    try:
        return read(written)
    except ValueError:
        # Not one value in Hydra's grammar (a GrammarError, whose import would cost): the trainer gets the text.
        return written


def _sent() -> dict[str, Any]:
    """The parameters with their types, as herd exported them; none outside of a trial."""
    exported = os.environ.get(variables.PARAMS)
    if not exported:
        return {}
    # Loaded late for start-up time: json alone costs more than all else here.
    import json

    try:
        sent = untag(json.loads(exported))
    except ValueError:
        # Somebody else's variable: the texts alone decide.
        return {}
    return sent if isinstance(sent, dict) else {}
