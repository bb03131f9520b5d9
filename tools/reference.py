"""Write the commands' help into docs/reference.md, between its two marks: ``python tools/reference.py``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hyperherd.cli.main import COMMANDS, herd

PAGE = Path(__file__).parents[1] / "docs/reference.md"
BEGIN, END = "<!-- made by tools/reference.py -->\n", "<!-- end of what is made -->"
WIDTH = 100


def commands() -> str:
    """The help of herd and of each command, as it is shown on a terminal of 100 columns."""
    settings = {**herd.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    root = click.Context(herd, info_name="herd", **settings)
    parts = [_section("herd", herd.get_help(root))]
    for name in COMMANDS:
        command = herd.get_command(root, name)
        if command is None:
            raise LookupError(name)
        context = click.Context(command, info_name=name, parent=root, **settings)
        helps = [command.get_help(context)]
        for inner_name, inner in command.commands.items() if isinstance(command, click.Group) else ():
            of_inner = click.Context(inner, info_name=inner_name, parent=context, **settings)
            helps.append(inner.get_help(of_inner))
        parts.append(_section(f"herd {name}", "\n\n".join(helps)))
    return "\n".join(parts)


def _section(title: str, text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return f"### {title}\n\n```text\n{lines}\n```\n"


def page(text: str) -> str:
    """The page with what is made put in anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{commands()}\n{END}{after}"


if __name__ == "__main__":
    made = page(PAGE.read_text())
    sys.exit(0 if PAGE.write_text(made) else 1)
