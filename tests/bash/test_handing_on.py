"""Whatever a script does with its commands and its functions' arguments, no value is run, split or lost on the way."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from examples import examples
from hyperherd.bash import insertion
from hyperherd.errors import ScriptError

PROGRAMS = {
    "MAIN": 'printf "%s\\0" "$@" >"${0%/*}/../seen"\n',
    "ssh": 'shift\neval "$*"\n',
    "parallel": 'words="$*"\neval "${words% :::}"\n',
    "srun": '"$@"\n',
}
"""Stand-ins; the second and third run their words as the real ones do."""
WORDS = ["x='\"$(touch oops)\"'", "b=`touch oops`", "c=$HOME ;touch oops;", "d=a b"]
RUNS = (
    "{}",
    "{}",
    "nice {}",
    "$R {}",
    '"${{A[@]}}" {}',
    "f {}",
    "g {}",
    "eval {}",
    'eval "{}"',
    "ssh n1 {}",
    "parallel {} :::",
    "echo {} | bash",
    'bash <<<"{}"',
    "bash -c '{}' bash",
    'bash -c "{} $@"',
    "bash -c '\"$@\"' bash {}",
    "bash -c '$@' bash {}",
    "srun bash -c 'ssh n1 \"$@\"' x {}",
    'bash -euo pipefail -c "{}"',
    "echo `{}`",
    'B=({}); "${{B[@]}}"',
    'B=({}); eval "${{B[@]}}"',
    'C="{}"; $C',
    'C="{}"; bash -c "$C"',
)
ARGUMENTS = ('"$@"', "$@", '"$*"', 'MAIN "$@"', "MAIN $1", '"$1" "$2"', "MAIN x")
SET = ("R=nice", "R=", "R='ssh n1'", "R=eval", "A=(nice)", "A=(ssh n1)", "A=(bash -c)")


def runs(words: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(str.format, st.sampled_from(RUNS), words)


@settings(max_examples=examples(150), deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(SET),
    runs(st.sampled_from(ARGUMENTS)),
    runs(st.sampled_from(ARGUMENTS)),
    runs(st.sampled_from(["MAIN a", "MAIN a {overrides}"])),
)
def test_values_are_handed_on_as_they_are_or_the_script_is_refused(
    setting: str, f: str, g: str, last: str
) -> None:
    assume("f " not in f + g and "g " not in g)  # they would call themselves without end
    text = f"#!/bin/bash\nA=()\n{setting}\ng() {{ {g}; }}\nf() {{ {f}; }}\n{last}\n"
    try:
        place = insertion.find(text)
    except ScriptError:
        return
    with tempfile.TemporaryDirectory() as folder:
        programs, seen = Path(folder, "bin"), Path(folder, "seen")
        programs.mkdir()
        for name, body in PROGRAMS.items():
            (programs / name).write_text(f"#!/bin/bash\n{body}")
            (programs / name).chmod(0o755)
        env = {**os.environ, "PATH": os.pathsep.join([str(programs), os.environ["PATH"]])}
        script = ["bash", "-c", place.script(WORDS)]
        subprocess.run(script, cwd=folder, env=env, capture_output=True, timeout=30, check=False)
        assert not Path(folder, "oops").exists()
        given = seen.read_bytes().decode().split("\0") if seen.exists() else WORDS
    assert [word for word in given if word in WORDS] == WORDS
