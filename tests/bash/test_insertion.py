"""Overrides reach the script's training as they were typed, in real bash; what is not certain is refused."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from examples import examples
from hyperherd.bash import insertion
from hyperherd.bash.quoting import quote, quote_in_one_line, quote_portably, unquote
from hyperherd.errors import HerdError, ScriptError

SHEBANG = "#!/bin/bash\n#SBATCH --time=1:00\n\n"
HEADS = (
    "",
    "set -eu\n",
    "# main.py comes last\n",
    "x='#' # a comment with ' in it\n",
    'echo "$(echo ")" # \'\n)" >/dev/null\n',
    "cat <<EOF >/dev/null\n'unclosed ( \" {\nEOF\n",
    "cat >/dev/null <<-'E F'\n\t$(never\n\tE F\n",
    "for i in 1 2; do\n  : $i\ndone\n",
    "case x in (a) : ;; x) y=$(case a in a) echo 1 ;; esac) ;; esac\n",
    "if [[ a < b && ( c > d ) ]]; then :; fi\n",
    "(( x = 1 << 2 )); y=$((x<<1)); z=${y:-$(echo ')')}\n",
    "f() { echo done; }\n",
    "a=(1 '2 )' \"$(echo 3)\")\n",
    'y="${x:-a\\"b}" z=${x-}${y#\'}\'}\n',
    "v=`echo \\`echo ')'\\``\n",
    "x=; v=\"${x//'\"'/}${x%'}'*}${x/#'$(' /}\"; w=${x#'}'}\n",
)
COMMANDS = (
    ("MAIN a b", ("a", "b")),
    ("MAIN", ()),
    ("X=1 MAIN 'a b' \\\n  --c=\"$((1+1))\" \\\n  d", ("a b", "--c=2", "d")),
    ("exec MAIN a", ("a",)),
    (": && MAIN a", ("a",)),
    ("! :; MAIN a;", ("a",)),
    ("MAIN a >/dev/null 2>&1", ("a",)),
    ("MAIN a &", ("a",)),
    ("MAIN \"it's\" it\\'s $'\\''", ("it's", "it's", "'")),
    ("MAIN a#b '#'", ("a#b", "#")),
    ("MAIN $(echo done) fi", ("done", "fi")),
    ("MAIN <(:) >/dev/null", None),
    ("MAIN a | cat >/dev/null", ("a",)),
    ("MAIN a || exit 1", ("a",)),
    ("MAIN a 2>&1 | tee log | grep -c x || echo none", ("a",)),
    ("for i in 1; do MAIN a; done", ("a",)),
    ("if ! false; then MAIN a; fi", ("a",)),
    ("if [ -e x ]; then MAIN a --resume; else\nMAIN a; fi", ("a",)),
    ("case b in a) MAIN a 1 ;; b|c) MAIN a ;; esac", ("a",)),
    ("{ MAIN a; } >log", ("a",)),
    ("( cd . && MAIN a )", ("a",)),
    ('train() {\n  MAIN "$@"\n}\ntrain a', ("a",)),
    ('function train { MAIN "$1"; }; train a', ("a",)),
    ('run() { echo "+ $*"; "$@"; }; run mkdir -p x; run MAIN a', ("a",)),
    ("x=$(MAIN a | tail -n 1)", ("a",)),
    ('C="MAIN a"; $C', ("a",)),
    ("RUN=; [[ ${DRY-} ]] && RUN=echo; $RUN MAIN a", ("a",)),
    ("if [[ ${DRY-} ]]; then RUN=echo; fi; ${RUN-} MAIN a", ("a",)),
    ("RUN=$(echo env); : || RUN=echo; $RUN MAIN a", ("a",)),
    ("C=MAIN\n" + 'C="$C a"\n' * 40 + "$C", ("a",) * 40),
    ("MAIN a &\nwait", ("a",)),
    ('run() { "$@"; }; go() { run "$@"; }; go mkdir -p x; go MAIN a', ("a",)),
    ('step() { echo "== $1"; shift; "$@"; }; step "The work" MAIN a; step "Say it" echo done', ("a",)),
    ('train() { MAIN "$1"; }; for s in a a; do train $s; done; train a', ("a",)),
    ("for f in MAIN; do $f a; done", ("a",)),
    ("for case in 1; do MAIN a; done", ("a",)),
    ("for ((i = 0; i < 1; i++)) do MAIN a; done", ("a",)),
    ("if [[ x ]] then MAIN a; fi", ("a",)),
    ("set -- 1; for x do MAIN a; done", ("a",)),
    ("cat >/dev/null <<EOF\nx\\\nEOF\nother\nEOF\nMAIN a", ("a",)),
    ("cat >/dev/null <<'EOF'\nx\\\nEOF\nMAIN a", ("a",)),
    ("MAIN a\necho done; date; cp log log2 || true\nexit 0", ("a",)),
    ('bash -c \'"$0" "$@"\' MAIN a', ("a",)),
    ('bash -eo pipefail -c \'echo "$@"; cd . && exec "$0" "$@" | cat\' MAIN a', ("a",)),
    ('bash -c "cd $PWD && \\"\\$0\\" \\"\\$@\\"" MAIN a', ("a",)),
    ("flock -x lock MAIN a", ("a",)),
)
TAILS = (
    "",
    "\n",
    "\n\n\n",
    "  \t\n",
    "\n# the end",
    " # the end\n\n",
    " \\\n",
    " \\\n\n",
    " \\",
    "\\\n",
    " \\\n# x\n",
)
CHARACTERS = st.one_of(
    st.sampled_from(" '\"\\$`(){}!#;&|<>*?~\n\r\t=,é日"), st.characters(exclude_categories=["Cs"])
).filter(lambda character: character != "\0")
ATTEMPTS = ("$(touch oops)", "`touch oops`", "${HOME}", "'; touch oops; '", "\n touch oops \n", "\\", "a\\")
VALUES = st.one_of(st.text(CHARACTERS, max_size=8), st.sampled_from(ATTEMPTS))


def arguments_of(script: str, folder: Path) -> tuple[str, ...]:
    """What MAIN was given when real bash ran the script."""
    main = folder / "main"
    main.write_text(
        '#!/bin/bash\nprintf "%s\\0" "$@" >"${0%/*}/seen.part"; mv "${0%/*}/seen.part" "${0%/*}/seen"\n'
    )
    main.chmod(0o755)
    path = folder / "script.sh"
    path.write_bytes(script.replace("MAIN", str(main)).encode("utf-8", "surrogateescape"))
    # The pipe is at its end when what the script left in the background has ended, too.
    done = subprocess.run(["bash", str(path)], cwd=folder, capture_output=True, errors="replace", timeout=60)
    assert not list(folder.glob("oops*")), "a value was run"
    assert (folder / "seen").exists(), done.stderr
    return tuple((folder / "seen").read_bytes().decode().split("\0")[:-1])


@settings(max_examples=examples(60), deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.sampled_from(HEADS), max_size=3),
    st.sampled_from(COMMANDS),
    st.sampled_from(TAILS),
    st.lists(VALUES.map("key={}".format), min_size=1, max_size=3),
    st.booleans(),
)
@example(["set -eu\n"], COMMANDS[0], "\n", ["a=$(touch oops)", "b='x\ny'"], False)
def test_overrides_arrive_as_typed_at_the_training(
    heads: list[str], command: tuple[str, tuple[str, ...] | None], tail: str, words: list[str], posix: bool
) -> None:
    text = (SHEBANG.replace("bash", "sh") if posix else SHEBANG) + "".join(heads) + command[0] + tail
    place = insertion.find(text)
    made = place.script(words)
    assert place.words(made) == words
    with tempfile.TemporaryDirectory() as folder:
        seen = arguments_of(made, Path(folder))
    if command[1] is not None:
        assert seen == (*command[1], *words)
    else:
        assert seen[-len(words) :] == tuple(words)


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("command", COMMANDS, ids=[text for text, _ in COMMANDS])
def test_without_overrides_the_script_is_as_it_was(command: tuple[str, object], tail: str) -> None:
    text = SHEBANG + command[0] + tail
    made = insertion.find(text).script([])
    assert made == (text if not text.endswith(" \\") else text[:-1])


def test_the_rest_of_the_script_stays_as_it_is() -> None:
    text = "#!/bin/bash\nmain a \\\n  b # why\n\n# end"
    assert (
        insertion.find(text).script(["x=1", "y=a b"])
        == "#!/bin/bash\nmain a \\\n  b x=1 'y=a b' # why\n\n# end"
    )


@pytest.mark.parametrize("end", ["\r\n", "\r", " \r\n", "\r\n\r\n# x\r\n"])
def test_line_ends_of_windows_are_kept_and_do_not_become_part_of_a_value(end: str, tmp_path: Path) -> None:
    text = f"#!/bin/bash\r\n# x\r\nMAIN a{end}"
    made = insertion.find(text).script(["x=1"])
    assert made.replace(" x=1 #", "") == text
    assert arguments_of(made, tmp_path) == ("a", "x=1")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("MAIN {overrides} --last\nexit 0\n", ("k=a b", "--last")),
        ("for i in 1; do MAIN {overrides}; done\n", ("k=a b",)),
        ("x=$(MAIN a {overrides} | cat)\n", ("a", "k=a b")),
        ('x="$(MAIN a {overrides})"\n', ("a", "k=a b")),
        ('args=({overrides} c)\nMAIN "${args[@]}" | cat\n', ("k=a b", "c")),
        ("# {overrides} below\nMAIN {overrides} | cat\n", ("k=a b",)),
        ('bash -c \'"$0" "$@"\' MAIN {overrides} || true\n', ("k=a b",)),
        ("MAIN a {overrides}\r\n", ("a", "k=a b")),
        ("MAIN {overrides} <<EOF | cat\nx\nEOF\n", ("k=a b",)),
        ('f() { MAIN "$@"; }\nf {overrides}', ("k=a b",)),
        ('f() { a=("$@"); MAIN "${a[@]}"; }\ng() { f "${@:2}"; }\ng x {overrides}', ("k=a b",)),
        ("MAIN {overrides} | xargs echo", ("k=a b",)),
    ],
)
def test_they_stand_where_the_script_says_so(script: str, expected: tuple[str, ...], tmp_path: Path) -> None:
    place = insertion.find(script)
    made = place.script(["k=a b"])
    assert place.words(made) == ["k=a b"]
    assert arguments_of(made, tmp_path) == expected


@pytest.mark.parametrize(
    ("script", "line", "said"),
    [
        ("", "", "no command"),
        ("#!/bin/bash\n#SBATCH -n 1\n\n", "", "no command"),
        ("X=1\n[[ -f x ]]\n(( x++ ))\n", "", "no command"),
        ("echo a; cp a b\n", "", "no command that may be a training"),
        ("exec >log 2>&1\n", "", "no command that may be a training"),
        ("source run.sh\n", "", "no command that may be a training"),
        ("f() {\n  main\n}\n", "", "no command that may be a training"),
        ("a\nmain |\n  other", "", "several commands"),
        ("main x\nmain y\n", "", "several commands"),
        ("main\n./date\n", "", "several commands"),
        ("if x; then\n  main\nfi\n", "", "several commands"),
        ("if [ -e x ]; then\n  main\nelse\n  other\nfi\n", "", "several commands"),
        ("main & other & wait\n", "", "several commands"),
        ("python prepare.py\npython main.py\n", "", "several commands"),
        ("python train.py\npython main.py\n", "", "several commands"),
        ("f() { $*; }\nf main a b\n", "line 2", "its function f"),
        ("python - <<EOF\nprint()\nEOF\n", "line 1", "here-document"),
        ("python < main.py\n", "line 1", "without a file"),
        ("srun --pty bash -i\n", "line 1", "without a file"),
        ("R CMD BATCH main.R\n", "line 1", "does not hand on"),
        ('matlab -r "main"\n', "line 1", "does not hand on"),
        ("srun --multi-prog programs\n", "line 1", "stand in a file"),
        ('eval "main a"\n', "line 1", "eval"),
        ("\\eval main\n", "line 1", "eval"),
        ("builtin eval main\n", "line 1", "eval"),
        ("ssh host main\n", "line 1", "ssh"),
        ("timeout 10 ./bin/ssh host main\n", "line 1", "ssh"),
        ("R=pdsh\n$R -w host main\n", "line 2", "pdsh"),
        ("parallel main ::: 1 2\n", "line 1", "parallel"),
        ("ls | xargs main\n", "line 1", "xargs"),
        ("srun bash -c 'main a'\n", "line 1", "-c"),
        ("apptainer exec x.sif /bin/sh -lc 'main \"$@\"'\n", "line 1", "-c"),
        ("x=`main a | tail -n 1`\n", "line 1", "in backticks"),
        ('x="$(date) `main a`"\n', "line 1", "in backticks"),
        ("case $x in\na) main 1 ;&\nb) main 2 ;;\nesac\n", "", "several commands"),
        ("case $x in\na) main 1 ;;&\n*) main 2 ;;\nesac\n", "", "several commands"),
        ("for i in 1 2; { main a; }\nmain b\n", "", "several commands"),
        ("srun bash -euo pipefail -c 'cd x; main'\n", "line 1", "-c"),
        ("source scripts/train.sh\n", "line 1", "source"),
        (". ./train.sh\npython eval.py\n", "line 1", "in the file of ."),
        ("npm run train\npython prepare.py\n", "", "several commands"),
        ("bash -c 'main $@' bash\n", "line 1", "-c"),
        ("bash -c 'main \"$*\"' bash\n", "line 1", "-c"),
        ('bash -c "main $@" bash\n', "line 1", "-c"),
        ('bash -c "main \\"${@}\\"" bash\n', "line 1", "-c"),
        ("bash -c 'echo \"$@\"; main' bash\n", "line 1", "-c"),
        ("bash -c 'ssh n1 main \"$@\"' bash\n", "line 1", "-c"),
        ("bash -c 'eval \"$@\"' bash main\n", "line 1", "-c"),
        ("sshpass -p x ssh n1 main\n", "line 1", "ssh"),
        ("sem -j 4 main\n", "line 1", "sem"),
        ("flock -x lock -c 'main'\n", "line 1", "-c"),
        ("flock lock -c 'main a'\npython eval.py\n", "", "several commands"),
        ("RUN=\n$DRY && RUN=echo\n$RUN main a\nother b\n", "", "several commands"),
        ('run() { python "$@"; }\nrun a.py\nrun b.py\n', "line 1", "run a.py; run b.py"),
        ('run() { local f=$1; python "$f"; }\nrun a.py\nrun b.py\n', "line 1", "several things"),
        ('run() { srun "${@:2}"; }\nall() { run x "$@"; }\nall a\nall b\n', "line 1", "several things"),
        ('L="srun -n 1"\nrun() { $L "$@"; }\nrun a\nrun b\n', "line 2", "several things"),
        ('run() { docker run img "$@"; }\nrun a\nrun b\n', "line 1", "several things"),
        ("run() { python $1; }\nfor f in a.py b.py; do run $f; done\n", "line 1", "in a loop"),
        ('run() { python "$1"; }\nwhile read -r f; do run "$f"; done\n', "line 1", "in a loop"),
        ("run() { main stage=$1; }\nrun prepare\nrun train\n", "line 1", "several things"),
        ("for f in a.py b.py; do\n  python $f\ndone\n", "line 2", "each turn"),
        ("for f in prepare train; do\n  main $f\ndone\n", "line 2", "each turn"),
        ("while read -r f; do python $f; done <list\n", "line 1", "each line"),
        ('train() { main a; }\nevaluate() { main b; }\n"$1"\n', "", "several commands"),
        ('train() { main a; }\n"$@"\n', "", "several commands"),
        ('train() { main a; }\n"${MODE}_x"\n', "", "several commands"),
        ('step() { echo "$1"; shift; "$@"; }\nstep "No a" main a\nmain b\n', "", "several commands"),
        ("main 'a\n", "line 1", "never closed"),
        ('main "a\n', "line 1", "never closed"),
        ("main $(a\n", "line 1", "never closed"),
        ("#!/usr/bin/env python3\nmain()\n", "line 1", "python3"),
        ("#!/usr/bin/python3\nmain()\n", "line 1", "python3"),
        ('main "{overrides}"\n', "line 1", "is in quotes"),
        ("main '{overrides}'\n", "line 1", "is in quotes"),
        ("main '--x {overrides}'\n", "line 1", "word of its own"),
        ("a\nmain --x={overrides}\n", "line 2", "word of its own"),
        ("main `x {overrides}`\n", "line 1", "word of its own"),
        ("bash <<EOF\nmain {overrides}\nEOF\n", "line 2", "word of its own"),
        ("bash -c 'main {overrides}'\n", "line 1", "word of its own"),
        ("eval main {overrides}\n", "line 1", "eval"),
        ('run() { eval "$@"; }\nrun main {overrides}\n', "line 2", "eval"),
        ('a() { ssh n1 "$@"; }\nb() { a "$@"; }\nb main {overrides}\n', "line 3", "ssh"),
        ('run() { echo "$@" | bash; }\nrun main {overrides}\n', "line 2", "piped into bash"),
        ("echo main {overrides} | srun bash\n", "line 1", "run what is in the overrides"),
        ("run() { main a; }\nrun {overrides}\n", "line 2", "its function run"),
        ('run() { echo "$@"; main $@; }\nrun {overrides}\n', "line 2", "its function run"),
        ("run() { bash -c '\"$@\"' bash $*; }\nrun main {overrides}\n", "line 2", "its function run"),
        ('run() { C="main "$@""; $C; }\nrun {overrides}\n', "line 2", "its function run"),
        ("R=ssh\n$R n1 main {overrides}\n", "line 2", "ssh"),
        ("bash -c 'eval \"$@\"' bash main {overrides}\n", "line 1", "-c"),
        ("bash -c 'main a' {overrides}\n", "line 1", "-c"),
        ('a=({overrides})\neval "main ${a[@]}"\n', "line 2", "eval"),
        ('a=(x {overrides})\nbash -c "main ${a[*]}"\n', "line 2", "-c"),
        ("timeout 5 ssh host main {overrides}\n", "line 1", "ssh"),
    ],
)
def test_where_it_is_not_certain_one_error_says_what_to_write(script: str, line: str, said: str) -> None:
    with pytest.raises(ScriptError) as caught:
        insertion.find(script)
    assert caught.value.where == line
    assert said in caught.value.what
    if said not in ("never closed", "python3"):
        assert caught.value.hint


def test_in_a_variable_the_hint_names_where_it_is_used() -> None:
    with pytest.raises(ScriptError) as caught:
        insertion.find('CMD="main {overrides}"\nsrun $CMD\n')
    assert caught.value.hint == "write it where the variable is used: $CMD {overrides}"


@pytest.mark.parametrize("mark", ["$(", "((", "( ", "${", '"$(', "<("])
def test_what_is_nested_very_deeply_is_refused(mark: str) -> None:
    with pytest.raises(ScriptError, match=r"too deeply|never closed") as caught:
        insertion.find("#!/bin/bash\n\n" + mark * 50_000 + "\nmain\n")
    assert caught.value.where == "line 3"


NEVER_RUN = (
    "exit",
    "exit 0",
    "return 1",
    ": ; exit",
    "x=1 exit 3",
    "! exit",
    "command exit",
    "exit || :",
    ":\n\n  exit 1 >log # why\n",
    "if :; then :; fi\nexit",
    "{ :; }; exit",
    "case x in y) exit ;; esac\nexit",
    "f() { exit; }\nexit",
    "function f { exit; }; exit",
    "(exit 1)\nexit",
    ": || {\n  :\n}\nexit",
    ": && :\nexit",
    "for exit in 1; do :; done; exit",
    "while :; do break; done </dev/null\nexit",
)
GO_ON = (
    "exec 2>&1",
    "exec 3>/dev/null {fd}>/dev/null",
    "false && exit 1",
    "true || exit 1",
    "true ||\n\n # why\n  exit 1",
    "true || { echo no; exit 1; }",
    "if false; then exit 1; elif false; then\n  exit 2\nelse\n  :\nfi",
    "if false\nthen exec false; fi",
    "if ! true; then { exit 1; } ; fi",
    "for i in 1; do false && exit; done",
    "while false; do exit; done",
    "until true; do exit; done",
    "case b in a) exit ;; (c) exit ;; *) : ;; esac",
    "case b in\n  exit) exit ;;\nesac",
    "f() { return 1; }\nf || true",
    "f() {\n  return 0\n}\nf",
    "function f {\n  exit 1\n}",
    "function f() {\n  exit 1\n}",
    "f() ( exit 0 )\nf",
    "( exit 0 )",
    "(\n  exit 0\n)",
    "exit 0 | cat",
    "true | exit 0",
    "exit 0 & wait",
    "x=$(exit 0)",
    "echo exit >/dev/null",
    "trap 'exit 1' USR1",
    "cat >/dev/null <<EOF\nexit 1\nEOF",
    "[[ a == b ]] && exit 1",
    "(( 0 )) && exit 1",
    "if true; then if false; then exit; fi fi",
)


@pytest.mark.parametrize("ended", NEVER_RUN)
@pytest.mark.parametrize(
    "last", ["MAIN a", "MAIN a | cat", "MAIN {overrides}", "x() { MAIN {overrides}; }\nx"]
)
def test_a_command_that_is_never_reached_is_refused_with_the_line_of_what_ends_the_script(
    ended: str, last: str
) -> None:
    with pytest.raises(ScriptError) as caught:
        insertion.find(f"#!/bin/bash\n{ended}\n{last}\n")
    position = max(ended.rfind("exit"), ended.rfind("exec"), ended.rfind("return"))
    assert caught.value.where == f"line {2 + ended.count(chr(10), 0, position)}"
    assert "the script ends here" in caught.value.what
    assert "{overrides}" in caught.value.hint


@pytest.mark.parametrize("before", GO_ON)
def test_what_may_go_on_is_not_taken_for_an_end(before: str, tmp_path: Path) -> None:
    made = insertion.find(f"#!/bin/bash\n{before}\nMAIN a\n").script(["k=a b"])
    assert arguments_of(made, tmp_path) == ("a", "k=a b")


@pytest.mark.parametrize("text", ["MAIN {overrides}\nexit 0\nother\n", "exec MAIN {overrides}\nother\n"])
def test_overrides_before_the_end_reach_their_command(text: str, tmp_path: Path) -> None:
    made = insertion.find(text).script(["k=a b"])
    assert arguments_of(made, tmp_path) == ("k=a b",)


@pytest.mark.parametrize(
    ("script", "at", "told"),
    [
        ("prepare a\nmain b\ncheck c\n", "2", "line 2: main b"),
        ("prepare a\nmain \\\n  b\ncheck c\n", "3", "line 2: main b"),
        ("prepare a\nmain b | tee log\n", "2", "line 2: main b"),
        ("prepare a\nmain b\necho c\n", "last", "line 3: echo c"),
        ("prepare a\nfor i in 1; do main b; done\n", "last", "line 2: main b"),
        ("prepare a\nsource main.sh\n", "2", "line 2: source main.sh"),
    ],
)
def test_the_user_may_name_the_line_of_the_command(script: str, at: str, told: str) -> None:
    place = insertion.find(script, at)
    assert place.told == told
    assert place.words(place.script(["a=1"])) == ["a=1"]


@pytest.mark.parametrize(
    ("script", "at", "said"),
    [
        ("main\n", "3", "no command stands there"),
        ("main & other\n", "1", "several commands: main; other"),
        ("main\nexit 0\n", "2", "runs no program"),
        ("main\nexec >log\n", "last", "runs no program"),
        ("main\nexit 0\nother\n", "3", "ends here"),
        ("eval main\n", "1", "eval"),
        ('run() { eval "$@"; }\nrun main\n', "2", "eval"),
        ("run() { main; }\nrun a\n", "2", "its function run"),
        ("R=ssh\n$R n1 main\n", "2", "ssh"),
        ("main\n", "9" * 5000, "no command stands there"),
        ("main {overrides}\n", "1", "already"),
        ("main\n", "first", "the number of a line, or last"),
    ],
)
def test_a_line_that_cannot_get_the_overrides_is_refused(script: str, at: str, said: str) -> None:
    with pytest.raises(HerdError) as caught:
        insertion.find(script, at)
    assert said in caught.value.what
    assert caught.value.hint


SHAPES = [
    (slug, placed, script)
    for file in sorted((Path(__file__).parent / "shapes").glob("*.txt"))
    for slug, placed, script in re.findall(
        r"^=== (.+)\n(.+)\n((?s:.*?))(?=\n=== |\Z)", file.read_text(), re.MULTILINE
    )
]


@pytest.mark.parametrize(("placed", "script"), [one[1:] for one in SHAPES], ids=[one[0] for one in SHAPES])
def test_a_public_script_is_swept_at_its_training_or_refused(placed: str, script: str) -> None:
    try:
        told = insertion.find(script).told.partition(":")[0]
    except ScriptError as error:
        told = f"refused: {error.what}"
    said = placed.removeprefix("refused: ")
    assert told == placed or (told.startswith("refused: ") and said != placed and said in told)


NO_TRAINING = r'''
echo "Job finished"|date|sleep 5|cp out.pt store/|true|:|hostname|pwd|ls|mv a b|rm -rf x|rsync -a a b|tar czf a.tgz a
touch done|cat log|printf x|jobs|let x=1|nvidia-smi|conda deactivate|deactivate|seff $SLURM_JOB_ID|sacct -j 1|scancel 1
scontrol show job 1|sbatch next.sh|curl -d done ntfy.sh/x|mail -s done me </dev/null|[[ -f x ]] && echo y|\date|"date"
srun -n 1 --mem 4G cp a b|timeout 5 /usr/bin/date|bash -c 'echo done; date'|ssh login 'touch done'|eval echo done
find . -name x -exec rm {} ;|module purge|python -c 'import torch; print(torch.__version__)'|pip freeze >req.txt
python notify.py|python plot.py|python src/eval.py|trap - EXIT|if [ $? -ne 0 ]; then echo bad; exit 1; fi
"""python old.py"""|eval "$(conda shell.bash hook)"|unused() { python old.py; }'''


@pytest.mark.parametrize(
    "other", [one for line in NO_TRAINING.strip().splitlines() for one in line.split("|")]
)
def test_what_surely_is_no_training_gets_no_overrides(other: str) -> None:
    for script in (f"python train.py a\n{other}\n", f"{other}\npython train.py a\n"):
        assert "python train.py a k=1\n" in insertion.find(script).script(["k=1"])


UNCLOSED = ("'", '"', "$(", "${", "((", "[[", "`", "{overrides}", "\\")


@settings(max_examples=examples(100), deadline=None, database=None)
@given(st.lists(st.sampled_from([*HEADS, *(text for text, _ in COMMANDS), *TAILS, *UNCLOSED]), max_size=8))
def test_any_text_has_a_place_or_is_refused(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        place = insertion.find(text)
    except ScriptError:
        return
    assert place.words(place.script(["a=1", "b=$x"])) == ["a=1", "b=$x"]


@settings(max_examples=examples(300), deadline=None, database=None)
@given(st.lists(VALUES, min_size=1, max_size=4))
def test_what_is_quoted_is_read_back_by_us_and_only_that(words: list[str]) -> None:
    for make in (quote, quote_in_one_line, quote_portably):
        assert unquote(" ".join(map(make, words))) == words
    assert "\n" not in quote_in_one_line("".join(words))


@pytest.mark.parametrize(
    "text", ["$HOME", "a  b", " a", "a ", "`x`", "$(x)", '"a"', "'a", "a;b", "a\nb", "\\a", "~"]
)
def test_what_nobody_quoted_is_not_read_back(text: str) -> None:
    assert unquote(text) is None


@pytest.mark.skipif(shutil.which("dash") is None, reason="dash is not installed")
def test_dash_sees_control_characters_as_they_are(tmp_path: Path) -> None:
    made = insertion.find("#!/bin/sh\nprintf %s", insertion.LAST).script(["a=\r\x01\n'"])
    path = tmp_path / "x.sh"
    path.write_text(made, newline="")
    done = subprocess.run(["dash", os.fspath(path)], capture_output=True, check=True)
    assert done.stdout == b"a=\r\x01\n'"
