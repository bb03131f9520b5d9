"""The script that looks in place of a trial: a launch script up to its training, then what is there to be found.

Shell that bash and sh read (a script of ``herd multirun`` may be one for sh), and lines behind a mark as the answer,
on a descriptor of its own: what the launch script does with its output is no matter. Pure: text in, text out.
"""

from __future__ import annotations

import base64
import inspect
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hyperherd.bash.quoting import quote, quote_portably
from hyperherd.bash.training import Runs, Training
from hyperherd.doctor import sees

_SOURCE = re.compile(r"(\$\{?)BASH_SOURCE(?:\[0\])?(?!\[|\w)")

_BEGIN = (
    'exec 7>&1; herd_tell() {{ printf \'{mark} %s %s\\n\' "$1" "$2" >&7; }}; '
    'herd_tell begun "$(uname -n)"; herd_tell node "${{SLURMD_NODENAME-}}"; '
    '[ ! -d "$HYPERHERD_WORKSPACE" ] || herd_tell workspace there; '
    '[ ! -w "$HYPERHERD_WORKSPACE" ] || herd_tell workspace writable; '
)
"""No line of its own, so that the lines of the launch script keep their numbers."""

_FACTS = """\
herd_tell reached "$PWD"
herd_tell bash "${BASH_VERSION-}"
herd_tell nofile "$(ulimit -n)"
herd_tell active "${VIRTUAL_ENV-${CONDA_PREFIX-}}"
herd_tell cuda_visible "${CUDA_VISIBLE_DEVICES-unset}"
herd_tell other_gpus "${ROCR_VISIBLE_DEVICES-}${HIP_VISIBLE_DEVICES-}${ZE_AFFINITY_MASK-}"
df -Pk "$HYPERHERD_WORKSPACE" 2>/dev/null | {
  read -r herd_line
  read -r _ _ _ herd_free _ && herd_tell free_kib "$herd_free"
}
if command -v nvidia-smi >/dev/null 2>&1; then
  nvidia-smi -L 2>/dev/null | while IFS= read -r herd_line; do herd_tell gpu "$herd_line"; done
fi
"""

_END = """\
herd_tell exit "$herd_code"
herd_left=$(jobs -p)
[ -z "$herd_left" ] || kill $herd_left 2>/dev/null
exit 0
"""

_PROGRAM = """\
herd_look() {
  herd_found=$(command -v "$1" 2>/dev/null)
  herd_tell program "$1"
  herd_tell found "$herd_found"
  case $herd_found in */*) [ -x "$herd_found" ] && herd_tell executable yes ;; ?*) herd_tell executable yes ;; esac
  case $1 in */*) [ -e "$1" ] && herd_tell exists yes ;; esac
}
"""

_CONSOLE_SCRIPT = (
    "herd_text=$1; shift; "
    'herd_found=$(command -v "$1") && read -r herd_line <"$herd_found"; herd_line=${herd_line#??}; '
    'case $herd_line in *python*|*pypy*) exec $herd_line -c "$herd_text" "$@" ;; esac'
)
"""The Python on a program's first line, started with a text that stands before the program; nothing where that is
another program.
"""


@dataclass(frozen=True)
class Seen:
    """What a probe found at a ``place`` (``here``, or a node's name).

    ``facts``       by name, several where there are several (GPUs)
    ``python``      what `hyperherd.doctor.sees` tells; None where no Python told anything
    ``exit_code``   of the probe; None where nobody knows it. ``last_words``: the end of its stderr
    ``ended``       how the job ended, in words; of one that did not end in time (``late``), how it was left
    """

    place: str
    facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    python: Mapping[str, Any] | None = None
    exit_code: int | None = None
    last_words: str = ""
    ended: str = ""
    late: bool = False

    def fact(self, name: str) -> str:
        """The last of this name; "" for none."""
        return self.facts.get(name, ("",))[-1]


def text(training: Training, launch: Path | None, mark: str, *, outside: bool) -> str:
    """The probe. ``launch`` is the launch script, None for a script that runs as it is submitted. ``outside``: it runs
    outside of a job, where ``srun`` would ask for an allocation.
    """
    setup = training.setup if launch is None else _SOURCE.sub(r"\g<1>0", training.setup)
    looks = f"herd_look {training.program}\n" if training.program else ""
    asked = training.words or training.arguments
    runs = bool(asked) and training.runs is not Runs.PROGRAM and not (outside and training.asks_slurm)
    command = f"{_command(training, mark)} >&7\n" if runs else ""
    body = "".join(
        (
            "{\nset +eu; { set +x; } 2>/dev/null\n",
            _PROGRAM,
            _FACTS,
            looks,
            "herd_code=\n",
            command and f"{command}herd_code=$?\n",
            _END,
            "}\n",
        )
    )
    whole = f"{_BEGIN.format(mark=mark)}{setup}{_separator(setup)}{body}"
    return whole if launch is None else f'exec "$BASH" -c {quote(whole)} {quote(str(launch))} "$@"\n'


def read(told: str, mark: str) -> tuple[dict[str, tuple[str, ...]], dict[str, Any] | None]:
    """The facts of a probe's output, and what its Python told (the first that is whole, of several ranks)."""
    facts: dict[str, tuple[str, ...]] = {}
    python = None
    for name, value in re.findall(rf"{re.escape(mark)} (\w+) ?(.*)", told):
        if name != "python":
            facts[name] = (*facts.get(name, ()), value)
        elif python is None:
            python = _whole(value)
    return facts, python


def _whole(document: str) -> dict[str, Any] | None:
    """None where the lines of several ranks have run into each other."""
    try:
        told: dict[str, Any] = json.loads(document)
    except ValueError:
        return None
    return told


def _separator(setup: str) -> str:
    """What stands between the setup and the rest: a comment ends before it, ``a &&`` goes on in the next line."""
    return "\n" if setup and not setup[-1].isspace() else ""


def _command(training: Training, mark: str) -> str:
    program = quote_portably(_program(mark))
    if training.runs is Runs.CONSOLE_SCRIPT:
        words: Sequence[str] = (*training.words, "sh", "-c", quote_portably(_CONSOLE_SCRIPT), "sh", program)
    else:
        words = (*training.words, "-c", program)
    return " ".join((*words, *training.arguments))


def _program(mark: str) -> str:
    """One line, as `conda run` takes no argument of several, with neither backslash nor dollar; Python 2 reads it."""
    source = f"{inspect.getsource(sees)}\ntell({mark!r})\n"
    packed = base64.b64encode(zlib.compress(source.encode(), 9)).decode()
    old = f"""print('{mark} python {{"too_old":true,"version":"%s"}}'%sys.version.split()[0])"""
    modern = f"zlib.decompress(base64.b64decode('{packed}'))"
    return f'import base64,sys,zlib;exec({modern} if sys.version_info>=(3,6) else """{old}""")'
