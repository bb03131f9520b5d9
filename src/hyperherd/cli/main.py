"""``herd``: the commands by name, loaded when they are used, and the only place where errors become exit codes."""

from __future__ import annotations

import errno
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from hyperherd import __version__
from hyperherd.cli import ascii_signs
from hyperherd.cli.screen_guard import guarded
from hyperherd.errors import HerdError, nearest

NO_OUTPUT = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF})
"""What writing to stdout fails with where nobody can take it: a full disk, a terminal that is gone."""

OF_THE_SYSTEM = NO_OUTPUT | {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ESTALE, errno.ETIMEDOUT, errno.ENODEV, errno.ENOTCONN),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN),
}
"""What the machine, its disks or its limits answer, and no mistake of ours."""


def open_all() -> None:
    """Give those that are closed (``herd ls >&-``) to nobody: a file opened later would get their number, and what
    trials and Slurm's commands print would end up in it.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def drop_stdout() -> None:
    """Throw away what is still to be written, so that nothing fails at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


GROUPS = {
    "Start": {
        "init": ("begin", "Make a workspace that works as written."),
        "test": ("begin", "Run one trial here, to see whether it works."),
        "run": ("run", "Run every trial that has not succeeded yet."),
        "multirun": ("multirun", "Run a sweep over any sbatch script."),
    },
    "Look": {
        "status": ("look", "Show how every trial is doing."),
        "res": ("results", "Show parameters and metrics of each trial, the best first."),
        "ls": ("look", "List all trials with their parameters."),
        "show": ("look", "Show all about one trial."),
        "tail": ("tailing", "Show the end of a trial's output."),
        "stats": ("results", "Show time and memory used."),
        "snapshot": ("results", "Print one JSON document with all of it."),
    },
    "Act": {
        "stop": ("control", "Cancel trials."),
        "clean": ("control", "Cancel, and delete logs or all state."),
        "repair": ("control", "Mend the record of a sweep that was damaged or lost."),
        "drill": ("drill", "See whether a trial that is killed resumes on the same numbers."),
    },
    "Machines and tools": {
        "doctor": ("doctor", "Compare what the launch script finds here and on a node."),
        "launchers": ("machines", "Describe your machines; see which one has what is required."),
        "compute": ("machines", "List and show compute presets."),
        "expand": ("expand", "Print the combinations of a Hydra sweep."),
        "completion": ("begin", "Print the completion script of a shell."),
    },
}
"""Section of the help -> command -> its module and its line."""
COMMANDS = {name: told for group in GROUPS.values() for name, told in group.items()}
ALSO = {"logs": "tail", "log": "tail", "cancel": "stop", "kill": "stop", "results": "res", "list": "ls"}
"""Words that people type -> the command that they mean."""
# A hidden command -> its module and function.
HIDDEN = {
    "resolve-overrides": ("hidden_commands", "resolve_overrides"),
    "await": ("hidden_commands", "await_"),
}

EPILOG = """\b
Start here:
  herd init my_sweep          a sweep that works as written
  herd run my_sweep           every trial runs, here or on Slurm
  herd status my_sweep        how they are doing
  herd res my_sweep           what they found"""


def _work_in(ctx: click.Context, _: click.Parameter, folder: str | None) -> None:
    if folder is not None:
        ctx.find_root().obj = folder


def _in_ascii(_: click.Context, __: click.Parameter, wanted: bool) -> None:
    if wanted:
        ascii_signs.only()


_ASCII: dict[str, Any] = {"is_flag": True, "expose_value": False, "callback": _in_ascii}
_ALSO_HERE: dict[str, Any] = {"hidden": True, "expose_value": False, "callback": _work_in}
"""``herd res -C DIR`` is ``herd -C DIR res``, whose help names it."""


class Commands(click.Group):
    """The commands, each module imported only when its command is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = ALSO.get(cmd_name, cmd_name)
        if name not in COMMANDS and name not in HIDDEN:
            return None
        module, function = HIDDEN.get(name) or (COMMANDS[name][0], name)
        command: click.Command = getattr(importlib.import_module(f"hyperherd.cli.{module}"), function)
        if not any("-C" in param.opts for param in command.params):
            command.params.append(click.Option(["-C", "in_folder"], **_ALSO_HERE))
            command.params.append(click.Option(["--ascii"], hidden=True, **_ASCII))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        longest = max(map(len, COMMANDS))
        for title, group in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(longest), text) for name, (_, text) in group.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in {*COMMANDS, *HIDDEN, *ALSO} and not name.startswith("-"):
            hint = nearest(name, [*COMMANDS, *ALSO]) or "herd --help lists the commands"
            raise click.UsageError(f"no command '{name}': {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="herd", message="%(prog)s %(version)s")
@click.option(
    "-C", "folder", metavar="DIR", help="Work in this workspace (default: the nearest from here upwards)."
)
@click.option("--ascii", help="Show nothing but ASCII.", **_ASCII)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def herd(ctx: click.Context, folder: str | None, debug: bool) -> None:
    """Declare a search in hyperherd.yaml, hand over a bash launch script: every trial runs exactly once,
    on this machine or on a Slurm cluster.
    """
    ctx.obj = folder


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command line and exit: 0 done, 1 refused or failed, 2 usage, 3 done in part, 130 interrupted."""
    words = list(sys.argv[1:] if argv is None else argv)
    # A hundred thousand trials are a million objects and no cycles: looking for cycles is a third of the time.
    gc.set_threshold(200_000, 50, 100)
    open_all()
    ascii_signs.install()  # a character that cannot be shown is no reason to stop
    sys.stdout, sys.stderr = guarded(sys.stdout), guarded(sys.stderr)
    try:
        code = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone (herd ls | head): nothing more to say, and nothing to flush at exit.
        drop_stdout()
        code = 0
    except OSError as error:
        if error.errno not in NO_OUTPUT or error.filename is not None:
            raise
        drop_stdout()
        code = _say(f"herd: the output cannot be written: {error.strerror}", 1)
    sys.exit(code)


def _run(words: Sequence[str]) -> int:
    """The exit code of a command line, after what has to be said."""
    try:
        code = herd.main(list(words), prog_name="herd", standalone_mode=False)
    except click.exceptions.Exit as done:
        code = done.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = _say("interrupted", 130)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except HerdError as error:
        if "--debug" in words:
            raise
        code = _say(f"herd: {error}", error.exit_code)
    except OSError as error:
        if "--debug" in words or error.errno not in OF_THE_SYSTEM or error.filename is None:
            raise
        code = _say(
            f"herd: {error.filename}: {error.strerror}\n  what was begun is on record: herd status", 1
        )
    return code if isinstance(code, int) else 0


def _say(words: str, code: int) -> int:
    print(words, file=sys.stderr)
    return code
