"""The bash that runs a batch, wherever that is: a table of the trials, then what each of them does.

A node needs bash and nothing else: the script uses builtins alone. Whatever a value or a path holds, bash
sees it unchanged: `hyperherd.bash.quoting.quote` is the only way into the script. What only a scheduler knows it asks
in a `Dialect`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from hyperherd import attempts
from hyperherd.attempts import variables
from hyperherd.bash.quoting import quote
from hyperherd.jobs import Batch, Element, Inline, Notice, Requeue, copies
from hyperherd.launchers.node.dialect import Dialect

_TRIAL, _EARLIER, _REQUEUE, _NOTIFY, _STEPS = (
    Path(__file__).with_name(name).read_text(encoding="utf-8")
    for name in ("trial.sh", "earlier.sh", "requeue.sh", "notify.sh", "steps.sh")
)
_ATTEMPTS, _MARKS = (
    Path(attempts.__file__).with_name(name).read_text(encoding="utf-8")
    for name in ("attempts.sh", "marks.sh")
)
_LOCATE, _NUMBER = "herd_locate\n", f"export {variables.NUMBER}=$herd_number\n"
CRASH_SIGNAL = "URG"
"""Ends the script of a batch with `requeue` and all that it has started, as a crash does. Nobody else sends it."""


def script(
    batch: Batch,
    dialect: Dialect,
    *,
    directives: Sequence[str] = (),
) -> str:
    """The script of a batch, for one element at a time: it finds its own by the dialect's number.

    ``directives`` are whole lines for the scheduler.
    The result is plain UTF-8 (undecodable bytes of paths are escaped), with no ``\\r``.
    """
    parts = ["#!/bin/bash", *directives, "", *_settings(batch, dialect), ""]
    if batch.variables:
        parts += [*_exports(batch.variables, indent=""), ""]
    parts += _table(batch.elements, dialect.number)
    return (
        "\n".join(parts)
        + "\n\n"
        + _body(dialect, requeues=batch.requeue is not None, notifies=bool(batch.notices))
    )


def _body(dialect: Dialect, *, requeues: bool, notifies: bool) -> str:
    """What each element does. `trial.sh` makes bash's own options ours; `steps.sh` is what happens."""
    earlier = [f"{_EARLIER}\n"] if dialect.ends_earlier else []
    again = [_MARKS, dialect.requeue, _REQUEUE] if requeues else []
    told = [_NOTIFY] if notifies else []
    return "".join([_TRIAL, _ATTEMPTS, _LOCATE, dialect.always, *earlier, *again, *told, _NUMBER, _STEPS])


def telling(notices: Sequence[Notice], sweep: str, env_file: Path, kind: str, words: str) -> str:
    """A script that tells what a node would, for whoever sees first what no node has told."""
    settings = [f"herd_env_file={quote(str(env_file))} herd_signal=", *_notices(notices, sweep)]
    read = '[[ -f $herd_env_file && -r $herd_env_file ]] && herd_read_env\ncd -- "${herd_env_file%/*}"\ntrap - EXIT\n'
    return "\n".join(settings) + f"\n{_TRIAL}{_NOTIFY}{read}herd_notify {kind} {quote(words)}\n"


def warning_signal(requeue: Requeue) -> str:
    """What the script itself is sent when the time limit is near; it passes on what the sweep asks for.

    The same where that is a signal with no other meaning here: TERM and its like say that it shall end now.

    >>> warning_signal(Requeue(signal="USR1")), warning_signal(Requeue(signal="TERM"))
    ('USR1', 'USR2')
    """
    return requeue.signal if requeue.signal in ("USR1", "ALRM", "XCPU") else "USR2"


def _settings(batch: Batch, dialect: Dialect) -> list[str]:
    files = batch.files
    launch = "" if batch.inline else str(batch.launch)
    return [
        f"# {len(batch.elements)} elements: first who and where, then the table, then what each does.",
        f"herd_token={quote(batch.token)}",
        f"herd_job={dialect.job}",
        f"herd_element_number={dialect.number}",
        f"herd_folder={quote(str(batch.folder))}",
        f"herd_launch={quote(launch)}",
        f"herd_script={quote(str(files.script))}",
        f"herd_register={quote(str(files.register))}",
        f"herd_attempts={quote(str(files.attempts.path))}",
        f"herd_before={quote(str(files.before.path)) if files.before else ''}",
        f"herd_logs={quote(str(files.logs))}",
        f"herd_env_file={quote(str(files.env_file))}",
        f"herd_signal={_signal(batch)}",
        *(_again(batch.requeue) if batch.requeue else ()),
        *(
            [f"herd_notices={quote(str(files.notices))}", *_notices(batch.notices, _sweep_of(batch))]
            if batch.notices
            else ()
        ),
        *(_inline(batch.inline) if batch.inline else ()),
    ]


def _signal(batch: Batch) -> str:
    if batch.requeue:
        return warning_signal(batch.requeue) if batch.requeue.warns else ""
    return batch.request.signal


def _again(requeue: Requeue) -> list[str]:
    after = " ".join(requeue.after)
    return [
        f"herd_after={quote(f' {after} ')}",
        f"herd_max_timeouts={requeue.max_timeouts} herd_max_restarts={requeue.max_restarts}",
        f"herd_pass_on={requeue.signal}",
    ]


def _sweep_of(batch: Batch) -> str:
    return dict(batch.variables).get(variables.SWEEP_NAME, batch.name)


def _notices(notices: Sequence[Notice], sweep: str) -> list[str]:
    """Arrays of bash: the commands, and what each is for; and the sweep's name, as it is and for a text of JSON."""
    return [
        f"herd_notify_name={quote(sweep)} herd_notify_json={quote(json.dumps(sweep)[1:-1])}",
        f"herd_notify_commands=({' '.join(quote(one.command) for one in notices)})",
        f"herd_notify_kinds=({' '.join(quote(f' {chr(32).join(one.on)} ') for one in notices)})",
    ]


def _inline(inline: Inline) -> list[str]:
    """Arrays of bash, from which `trial.sh` makes the script of an element, and the name of its file."""
    texts = {"interpreter": inline.interpreter, "parts": inline.parts, "arguments": inline.arguments}
    copy, extension = copies(inline.path)
    may_requeue = "1" if inline.requeues else ""
    return [
        *(f"herd_{name}=({' '.join(map(quote, words))})" for name, words in texts.items()),
        f"herd_copy={quote(str(copy))} herd_extension={quote(extension)} herd_may_requeue={may_requeue}",
    ]


def _exports(variables: Iterable[tuple[str, str]], indent: str) -> list[str]:
    return [f"{indent}export {name}={quote(value)}" for name, value in variables]


def entry(element: Element) -> str:
    """The element's part of the table."""
    unit = element.unit
    task = "" if unit.task is None else unit.task
    lines = [
        f"  {element.number})",
        f"    herd_index={unit.trial} herd_task={task} herd_first={element.attempt}",
    ]
    lines += _exports(element.variables, indent="    ")
    lines += [f"    OVERRIDES={quote(element.argument)}", "    ;;"]
    return "\n".join(lines)


def _table(elements: Iterable[Element], number: str) -> list[str]:
    return [f"case {number} in", *map(entry, elements), _unknown(number), "esac"]


def _unknown(number: str) -> str:
    return f"""\
  *)
    printf 'hyperherd: this script has no element "%s"\\n' {number} >&2
    exit 3
    ;;"""
