"""What ``notify`` says, out of a list of mappings: each becomes a command of bash."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hyperherd.config.faults import Faults
from hyperherd.jobs import Notice

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|\$")
_NOT_A_NAME = re.compile(r"\$(?!\{?[A-Za-z_])")


def build(content: Mapping[str, Any], faults: Faults) -> tuple[Notice, ...]:
    """Those of the whole document, in which ``notify`` is a list or absent."""
    found = []
    for place, given in enumerate(content.get("notify") or ()):
        command, url = given.get("command"), given.get("url")
        if (command is None) == (url is None):
            what = "both a command and a url" if command else "neither a command nor a url"
            faults.add(("notify", place), what, 'notify: [{url: "$SLACK_URL"}], with SLACK_URL in .env')
            continue
        if url is not None and not _SCHEME.match(url):
            hint = "https://..., an address of apprise, or $NAME of a variable that holds one"
            faults.add(("notify", place, "url"), "no address", hint)
            continue
        found.append(Notice(command or _calling(url), tuple(dict.fromkeys(given.get("on", Notice("").on)))))
    return tuple(found)


def _calling(url: str) -> str:
    """Bash that tells an address: with curl, or where it is none of the web with apprise.

    >>> _calling("https://x/$KEY").splitlines()[0]
    'herd_url="https://x/$KEY"'
    """
    return (
        f"herd_url={_in_quotes(url)}\n"
        "case $herd_url in\n"
        "http://* | https://*) curl -fsS -m 25 -H 'Content-Type: application/json' "
        '-d "$HYPERHERD_NOTICE_JSON" "$herd_url" ;;\n'
        '*) apprise -b "$HYPERHERD_NOTICE" "$herd_url" ;;\n'
        "esac"
    )


def _in_quotes(text: str) -> str:
    r"""In double quotes of bash, in which variables are filled in and nothing else happens.

    >>> print(_in_quotes('a"b`c`$(d)${E}$F$1'))
    "a\"b\`c\`\$(d)${E}$F\$1"
    """
    return '"' + _NOT_A_NAME.sub(r"\\$", re.sub(r'([\\"`])', r"\\\1", text)) + '"'
