"""What was detected, as the text of a launchers.yaml for people to edit."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Mapping, Sequence

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from hyperherd.launchers.survey import Detected

_WIDTH = 110
_PLAIN = re.compile(r"[A-Za-z][\w.+/-]*|\d+(\.\d+)?(KiB|MiB|GiB|TiB|[dhms])", re.ASCII)
_NO_STRINGS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""What YAML 1.1 or 1.2 does not read as a string."""


def text(detected: Detected, *, written: str) -> str:
    """The YAML, with remarks as comments. ``written`` says when and by what, such as ``2026-11-21 by herd 1.0``."""
    common = _common(detected)
    hosts = CommentedMap()
    for name, host in detected.hosts.items():
        hosts[_word(name)] = _block(host)
    document = CommentedMap({"hosts": hosts})
    for name in detected.hosts:
        own = [remark for remark in detected.remarks.get(name, ()) if remark not in common]
        said = _wrapped(own)
        first = next(iter(detected.hosts)) == name
        # The line between entries; before the first one there is none.
        before = "\n".join([*([] if first else [""]), *said])
        if before or not first:
            hosts.yaml_set_comment_before_after_key(_word(name), before=before or "\n", indent=2)
    stream = io.StringIO()
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(document, stream)
    return _head(detected, common, written) + stream.getvalue()


def _common(detected: Detected) -> list[str]:
    """The remarks that concern every one of several hosts: said once."""
    all_of_them = [detected.remarks.get(name, ()) for name in detected.hosts]
    if len(all_of_them) < 2:
        return []
    return [remark for remark in all_of_them[0] if all(remark in said for said in all_of_them)]


def _head(detected: Detected, common: Sequence[str], written: str) -> str:
    where = f"the cluster {detected.cluster}" if detected.cluster else "this machine"
    lines = [
        *_wrapped([f"Where trials can run: {where}, as detected on {written}."]),
        "Edit it as you like; 'herd launchers list' shows what is read, 'herd launchers explain REQ' who can meet a",
        "requirement. Among those that can the highest priority wins: 1; 2 in the default partition; 10 more without",
        "accelerators, so that what needs none leaves them alone; 0 where jobs may be preempted.",
        "machines: how many there are. cores (Slurm's CPUs), memory, accelerators: of one. max_duration: of one job.",
    ]
    if common:
        lines += ["", "Of all hosts:", *_wrapped(common, "- ")]
    if detected.unknown:
        lines += ["", "What could not be learned, or was left out:", *_wrapped(detected.unknown, "- ")]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines) + "\n"


def _wrapped(sentences: Sequence[str], mark: str = "") -> list[str]:
    lines: list[str] = []
    for sentence in sentences:
        # One line each: what a site's names hold must not end a comment.
        words = "".join(letter if letter.isprintable() else "?" for letter in sentence)
        lines += textwrap.wrap(
            words, _WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark), break_long_words=False
        )
    return lines


def _block(value: object) -> object:
    if isinstance(value, str):
        return _word(value)
    if isinstance(value, Mapping):
        return CommentedMap({key: _block(item) for key, item in value.items()})
    if isinstance(value, Sequence):
        items = CommentedSeq([_block(item) for item in value])
        for item in items:
            if isinstance(item, CommentedMap):
                item.fa.set_flow_style()
        if not any(isinstance(item, CommentedMap) for item in items):
            items.fa.set_flow_style()
        return items
    return value


def _word(text: str) -> str:
    """Quoted unless every reader of YAML takes it for this string."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NO_STRINGS:
        return text
    quoted: str = DoubleQuotedScalarString(text)
    return quoted
