"""What a command does: surely no training, perhaps one, or nothing that words behind it would reach.

The tables name programs by what they do; what is in none of them may be a training.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from enum import Enum

from hyperherd.bash import commands
from hyperherd.bash.scanning import Scan
from hyperherd.errors import ScriptError

_BUILTINS = """: . [ [[ alias bg bind break builtin caller cd compgen complete continue declare dirs disown enable exit export
    false fc fg getopts hash help history jobs kill let local logout mapfile popd pushd pwd read readarray readonly return
    set shift shopt source suspend test times trap true type typeset ulimit umask unalias unset wait"""
_SAYING = "abort banner cat clear die echo figlet less logger more print printf sleep tac tee tput usage usleep wall yes"
_FILES = """basename beegfs-ctl chgrp chmod chown cp dd df dirname du file fusermount getfacl install lfs link ln locate ls
    md5sum mkdir mkfifo mktemp mount mv quota readlink realpath rename rm rmdir setfacl sha1sum sha256sum sha512sum shred
    squashfuse stat sync touch tree truncate umount unlink"""
_TEXT = """awk bc cmp column comm csplit cut dc diff dos2unix egrep envsubst expand expr fgrep fmt fold gawk grep head iconv
    join jq mawk nl numfmt od paste patch rev rg sed seq shuf sort split strings tail tr tsort uniq wc xmllint xxd yq"""
_TRANSFER = """aria2c aws azcopy curl ftp gcloud gdown gsutil hf htar huggingface-cli irsync kaggle lftp rclone rsync s3cmd s5cmd
    scp sftp wget"""
_ARCHIVES = "7z bunzip2 bzip2 cpio gunzip gzip lz4 pbzip2 pigz rar tar unrar unsquashfs unxz unzip unzstd xz zcat zip zstd"
_MACHINE = """arch date dcgmi dmesg free getconf getent gpustat groups host hostname htop ibstat id ifconfig iostat ip killall
    last ldconfig ldd lsb_release lsblk lscpu lsof lspci lstopo mpstat netstat nproc numastat nvidia-cuda-mps-control
    nvidia-smi pgrep ping pkill printenv ps pstree renice rocm-smi rocminfo sar ss ssh-add ssh-agent ssh-keygen sysctl
    systemctl tensorboard top tty uname uptime users vmstat w whereis which who whoami Xvfb"""
_SLURM = """bjobs bsub jobstats qdel qstat qsub reportseff sacct sacctmgr sattach sbatch sbcast scancel scontrol sdiag seff
    sgather sinfo sprio squeue sreport sshare sstat strigger"""
_PACKAGES = """activate apt apt-get brew deactivate dnf dpkg eb ml module npm nvm pip pip3 pipenv pyenv spack virtualenv yarn
    yum"""
_BUILDING = """ar as autoconf automake c++ cc clang clang++ cmake cython f2py f77 f90 g++ gcc gfortran icc icpc icpx icx ifort
    ifx javac ld mpic++ mpicc mpicxx mpif77 mpif90 mpifort nm nvcc pkg-config protoc rustc strip swig tsc"""
_PREPARING = """bamtools bcftools bedtools blastdbcmd blockMesh bowtie-build bowtie2-build checkMesh decomposePar editconf
    foamToVTK genion grompp hisat2-build make_ndx makeblastdb multiqc pdb2gmx postProcess reconstructPar renumberMesh samtools setFields
    solvate tabix topoSet trjconv"""
_TELLING = "apprise mail mailx mutt notify-send ntfy sendmail ssmtp"
_VERSIONS = "gh git git-lfs hg svn"
_ALL = (_BUILTINS, _SAYING, _FILES, _TEXT, _TRANSFER, _ARCHIVES, _MACHINE, _SLURM, _PACKAGES, _BUILDING, _PREPARING)
_NEVER = frozenset(" ".join((*_ALL, _TELLING, _VERSIONS)).split())

_NEVER_WITH = {
    name: frozenset(subcommands.split())
    for names, subcommands in (
        (
            "conda mamba micromamba",
            "activate clean config create deactivate env info init install list remove search shell shell.bash "
            "shell.posix update",
        ),
        ("apptainer singularity", "build cache inspect overlay pull remote verify version"),
        ("docker podman", "build image images info load login logout ps pull push rm rmi tag version"),
        ("wandb", "artifact disabled enabled init login offline online pull status sync verify"),
        ("uv", "add cache init lock pip python remove self sync tool venv version"),
        ("poetry pdm pixi hatch rye", "add config env init install lock shell sync update"),
        ("jupyter", "kernelspec lab notebook server"),
        ("cargo go", "build check clean env fetch get mod update vet"),
        (
            "gmx gmx_mpi",
            "convert-tpr dump editconf energy genconf genion grompp insert-molecules make_ndx pdb2gmx select solvate trjcat "
            "trjconv",
        ),
        ("bwa", "index"),
        ("dvc", "add checkout fetch pull push status"),
        ("mlflow", "server ui"),
        ("ray", "start status stop"),
        ("accelerate", "config env test"),
    )
    for name in names.split()
}
"""Programs that surely train nothing with one of these subcommands."""

_MODULES = frozenset(
    "compileall ensurepip http.server ipykernel json.tool nltk.downloader pip platform py_compile site sysconfig tarfile "
    "torch.utils.collect_env venv virtualenv zipfile".split()
)
"""Modules that surely train nothing behind ``python -m``."""

_VALUED = {
    "srun": "-A -B -C -c -D -d -e -G -i -J -L -M -m -N -n -o -p -q -r -S -T -t -W -w -x --account --chdir --constraint "
    "--container-image --container-mounts --container-workdir --cpu-bind --cpus-per-task --distribution --error --exclude "
    "--export --gpus --gpus-per-node --gpus-per-task --gres --het-group --input --job-name --jobid --mem --mem-per-cpu "
    "--mpi --nodelist --nodes --ntasks --ntasks-per-node --output --partition --qos --relative --time",
    **dict.fromkeys(
        ("mpirun", "mpiexec", "orterun", "prterun"),
        "-H -N -c -f -hostfile -host -l -machinefile -map-by -bind-to -n -np -npernode -ppn -wdir -x --bind-to --host "
        "--hostfile --map-by --np --npernode --wdir",
    ),
    "env": "-C -S -u --chdir --unset",
    "nice": "-n --adjustment",
    "ionice": "-c -n",
    "stdbuf": "-e -i -o",
    "timeout": "-k -s --kill-after --signal",
    "numactl": "-C -N -l -m -p --cpunodebind --interleave --membind --physcpubind --preferred",
    "time": "-f -o",
    "sudo": "-g -u",
    "xvfb-run": "-e -n -s --server-args --server-num",
    "strace": "-e -o -p",
    "flock": "-E -w --timeout",
    **dict.fromkeys(("aprun", "ibrun", "jsrun"), "-N -S -a -c -d -g -n -o -p -r"),
    **dict.fromkeys(
        ("apptainer", "singularity"), "-B -H -S -W --bind --env --env-file --home --mount --overlay --pwd --scratch --workdir"
    ),
    **dict.fromkeys(("conda", "mamba", "micromamba"), "-n -p --cwd --name --prefix"),
    **dict.fromkeys(
        ("uv", "poetry", "pdm", "pixi", "pipenv", "hatch", "rye"),
        "-C -e -p --directory --env-file --environment --extra --group --manifest-path --project --python --with",
    ),
    "xargs": "-E -I -L -P -a -d -n -s --arg-file --delimiter --max-args --max-procs",
    "parallel": "-I -N -S -a -j --arg-file --colsep --delay --jobs --joblog --memfree --results --retries --sshlogin --tmpdir "
    "--workdir",
    "ssh": "-B -D -E -F -I -J -L -O -Q -R -S -W -b -c -e -i -l -m -o -p -w",
    **dict.fromkeys(("exec", "command", "builtin", "nohup", "setsid", "unbuffer", "catchsegv", "taskset", "chrt", "doas"), ""),
}
"""Programs that run what stands behind their options; those of their options whose value is the next word."""

_PASSED = {"timeout": 1, "taskset": 1, "chrt": 1, "flock": 1, "apptainer": 1, "singularity": 1, "ssh": 1}
"""How many words stand between the options and the program: a duration, a mask, a file, an image, a host."""

_SUBCOMMANDS = {
    **dict.fromkeys(("apptainer", "singularity"), "exec"),
    **dict.fromkeys(("conda", "mamba", "micromamba", "uv", "poetry", "pdm", "pixi", "pipenv", "hatch", "rye"), "run"),
}
"""The word of theirs behind which a program is named."""

_HAND_ON = {
    **dict.fromkeys(("xargs", "parallel"), "hands on"),
    **dict.fromkeys(
        ("ssh", "rsh", "mosh", "pdsh", "clush", "dsh", "eval", "watch", "at", "batch", "screen", "tmux", "su", "runuser", "sg", "script"),
        "would run what is in",
    ),
}
"""Programs that give their words, or a text, to another shell or program."""

_SHELLS = frozenset(["bash", "sh", "dash", "ash", "ksh", "zsh", "fish", "csh", "tcsh"])
_PYTHON = re.compile(r"(?:python|pypy|ipython)[\d.]*t?")
_CODE = re.compile(r"-[A-Za-z]*c[A-Za-z]*")
_HOOKS = frozenset(["conda", "mamba", "micromamba", "ssh-agent", "pyenv", "direnv", "dircolors", "brew", "modulecmd", "module"])
_HARMLESS_CODE = re.compile(r"(?:(?:import|from|assert|print|exit|quit|sys\.exit|pass|#)\b.*)?", re.DOTALL)
_CALLS_A_TRAINING = re.compile(r"\b(?:main|train|run|fit|launch)\w*\s*\(", re.IGNORECASE)


_NAMED_TRAINING = frozenset(
    "dpo finetune finetuning fit grpo learn ppo pretrain pretraining rlhf sft train trainer training".split()
)
_NAMED_OTHERWISE = frozenset(
    "aggregate analyse analysis analyze build check clean cleanup collect convert decode download eval evaluate evaluation "
    "export extract fetch figures generate get infer inference install mail make merge metrics notify plot plots "
    "postprocess predict prediction prep prepare preprocess preprocessing report score send setup split summarize summary "
    "test tokenize upload vis visualize viz".split()
)
"""Words in the names of files that say what they are for."""


_FILE = re.compile(r"\.(?:py|sh|bash|R|r|jl|m|pl|js|jar|ipynb)$")


class Does(Enum):
    """What a command does, as far as it is certain."""

    NO_TRAINING = "no training"
    PERHAPS_TRAINS = "perhaps a training"


def bare(word: str) -> str:
    r"""A word without its quotes and backslashes, as far as they are plain.

    >>> bare('"$VENV/bin/python"'), bare("'a'b"), bare(r"\eval")
    ('$VENV/bin/python', 'ab', 'eval')
    """
    return re.sub(r"[\"'\\]", "", word)


def program(words: Sequence[str]) -> list[str]:
    """The words from the program on that really does something, behind ``srun``, ``timeout``, ``exec`` and the like;
    what cannot be told apart is left as it is.

    >>> program(["srun", "-n", "4", "--mpi=pmix", "timeout", "5m", "hostname", "-f"])
    ['hostname', '-f']
    >>> program(["apptainer", "exec", "--nv", "-B", "/a:/b", "x.sif", "python", "t.py"]), program(["exec"])
    (['python', 't.py'], [])
    """
    rest = list(words)
    while rest:
        name = _name(rest[0])
        if name not in _VALUED or name in _HAND_ON:
            return rest
        behind = _behind(name, rest)
        if behind is None:
            return rest
        rest = behind
    return rest


def _behind(name: str, words: Sequence[str]) -> list[str] | None:
    """What stands behind the options of a program that runs another; None where it runs none."""
    rest = list(words[1:])
    if name == "command" and rest[:1] in (["-v"], ["-V"]):
        return None
    subcommand = _SUBCOMMANDS.get(name)
    if subcommand is not None:
        while rest and rest[0].startswith("-"):
            rest = rest[1:]
        if rest[:1] != [subcommand]:
            return None
        rest = rest[1:]
    valued = _VALUED[name].split()
    passed = _PASSED.get(name, 0)
    while rest and (rest[0].startswith("-") or passed or commands.is_assignment(rest[0])):
        if rest[0] in valued:
            rest = rest[1:]
        elif rest[0] in ("--mca", "-mca", "-genv", "-env"):
            rest = rest[2:]
        elif not rest[0].startswith("-") and not commands.is_assignment(rest[0]):
            passed -= 1
        rest = rest[1:]
    return rest


def does(words: Sequence[str]) -> Does:
    """What a command does whose words these are, as they stand in the script.

    >>> [does(line.split()).name for line in ("echo x", "srun nvidia-smi -L", "python train.py", "pip install torch")]
    ['NO_TRAINING', 'NO_TRAINING', 'PERHAPS_TRAINS', 'NO_TRAINING']
    """
    return Does.NO_TRAINING if _surely_none(program(words)) else Does.PERHAPS_TRAINS


def _surely_none(words: Sequence[str]) -> bool:
    if not words:
        return True
    if "\n" in words[0] or not bare(words[0]):
        return True  # a text in quotes, as a comment: bash finds no such program
    name, rest = _name(words[0]), [bare(word) for word in words[1:]]
    if _is_bare_or_of_the_system(words[0]) and (name in _NEVER or (name == "command" and len(rest) > 1)):
        return True
    first = next((word for word in rest if not word.startswith("-")), "")
    if name in _NEVER_WITH:
        return first in _NEVER_WITH[name] or (not first and bool(rest))
    if rest in (["--version"], ["-V"], ["--help"], ["-h"]):
        return True
    if name == "find":
        return _find_runs_none(rest)
    if name == "perl":
        return bool(rest) and re.fullmatch(r"-[A-Za-z0-9.]*[en]", rest[0]) is not None
    if _PYTHON.fullmatch(name):
        return _python_trains_nothing(words[1:])
    text = text_for_a_shell(words)
    return text is not None and _text_trains_nothing(text)


def _find_runs_none(rest: Sequence[str]) -> bool:
    runs = [place for place, word in enumerate(rest) if word in ("-exec", "-execdir", "-ok", "-okdir")]
    return all(_surely_none(program(rest[place + 1 :])) for place in runs)


def _python_trains_nothing(words: Sequence[str]) -> bool:
    for place, word in enumerate(words):
        following = words[place + 1 : place + 2]
        if word == "-m":
            module = bare(following[0]) if following else ""
            return module in _MODULES or (module in ("wandb", "spacy") and bare(words[place + 2]) in ("login", "download"))
        if word == "-c":
            return bool(following) and _code_trains_nothing(following[0])
        if not word.startswith("-"):
            return bare(word).rpartition("/")[2] == "setup.py"
    return False


def _code_trains_nothing(word: str) -> bool:
    """Whether Python's code on the command line only imports, prints and checks."""
    code = word.strip("\"'")
    statements = [statement.strip() for statement in re.split(r"[;\n]", code)]
    return all(map(_HARMLESS_CODE.fullmatch, statements)) and not _CALLS_A_TRAINING.search(code)


def is_code(words: Sequence[str]) -> bool:
    """Whether the program runs code that stands on the command line: what it prints is worth something, not what it does.

    >>> is_code(["python", "-c", "'print(1)'"]), is_code(["python", "train.py", "-c", "x"])
    (True, False)
    """
    words = program(words)
    return bool(words) and bool(words[1:]) and words[1] in ("-c", "-e", "-")


def trainer(words: Sequence[str]) -> str:
    """What tells one training from another: its file, else its module, else its program.

    >>> [trainer(line.split()) for line in ("srun python -m torch.distributed.run train.py", "python -m pkg.train", "./a")]
    ['train.py', 'pkg.train', './a']
    """
    plain = list(map(bare, program(words)))
    files = [word for word in plain if _FILE.search(word)]
    modules = [after for word, after in zip(plain, plain[1:], strict=False) if word == "-m"]
    return next(iter([*files, *modules, *plain]), "")


def is_named_training(file: str) -> bool | None:
    """Whether the name of a file says that it trains, or that it does not; None where it says neither, or both.

    >>> [is_named_training(name) for name in ("src/train_gpt2.py", "./prepare-data.sh", "main.py", "eval_train.py")]
    [True, False, None, None]
    """
    stem = _FILE.sub("", file.rpartition("/")[2])
    words = set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", stem).lower()))
    trains, otherwise = bool(words & _NAMED_TRAINING), bool(words & _NAMED_OTHERWISE)
    return None if trains == otherwise else trains


def text_for_a_shell(words: Sequence[str]) -> str | None:
    """The text that another shell is given to run; None where the command gives none, "" where it is not known.

    >>> text_for_a_shell(["bash", "-lc", "'hostname; date'"]), text_for_a_shell(["ssh", "-p", "22", "n1", "date"])
    ('hostname; date', 'date')
    """
    words = program(words)
    if not words:
        return None
    name = _name(words[0])
    if name == "ssh":
        return " ".join(map(_unquoted, _behind("ssh", words) or [":"]))
    if name == "eval":
        return " ".join(map(_unquoted, words[1:]))
    if name in ("xargs", "parallel"):
        return " ".join(_behind(name, words) or [])
    if name in _HAND_ON:
        return next((_unquoted(after) for word, after in zip(words, words[1:], strict=False) if word == "-c"), "")
    behind = _behind_code(words)
    return None if behind is None else "".join(map(_unquoted, behind[:1]))


def _behind_code(words: Sequence[str]) -> Sequence[str] | None:
    """What stands behind the ``-c`` of a shell: its text, and arguments; None where no shell is given any."""
    for place, word in enumerate(words):
        options = itertools.takewhile(lambda one: one.startswith("-"), words[place + 1 :]) if _name(word) in _SHELLS else ()
        for option, given in enumerate(options, place + 1):
            if _CODE.fullmatch(given):
                return words[option + 1 :]
    return None


def _text_trains_nothing(text: str) -> bool:
    if (hook := re.fullmatch(r"\$\(\s*([^\s()]+)[^()]*\)", text.strip())) and _name(hook[1]) in _HOOKS:
        return True
    try:
        scan = Scan(text)
    except ScriptError:
        return False
    return bool(text.strip()) and all(
        _surely_none(program([word.text for word in command.words])) for command in commands.read(scan)
    )


def unreached(words: Sequence[str], redirections: Sequence[str]) -> str:
    """Why words behind a command would not reach a training: "" if they would.

    >>> unreached(["srun", "bash", "-c", "'python t.py'"], []), unreached(["python", "t.py"], [">log"])
    ("the text behind a shell's -c, which appended words do not reach", '')
    """
    given, words = words, program(words)
    name = _name(words[0]) if words else ""
    rest = [bare(word) for word in words[1:]]
    if name in _HAND_ON:
        return f"{name}, which {_HAND_ON[name]} the overrides"
    behind = _behind_code(words)
    if behind is not None:
        return "" if len(behind) > 1 and "$@" in behind[0] else _BEHIND_C
    if name == "find":
        return "what find -exec runs, which appended words do not reach"
    if "--multi-prog" in given:
        return "srun --multi-prog, whose programs stand in a file"
    if any("<<" in one[:6] and "<<<" not in one[:7] for one in redirections):
        return "a command with a here-document"
    fed = any(re.match(r"\d*<(?![<(&])", one) for one in redirections)
    files = [word for word in rest if not word.startswith("-")]
    if (name in _SHELLS or _PYTHON.fullmatch(name)) and not files and "-" not in rest:
        return f"{name} without a file: appended words would be taken for one"
    if name == "matlab" or (name in ("R", "octave", "sas", "stata") and (fed or rest[:2] == ["CMD", "BATCH"])):
        return f"{name}, which does not hand on appended words to what it runs"
    return ""


def running_its_words(words: Sequence[str]) -> str:
    """The program that would run what is in the words behind it, as a shell does; "" for one that does not.

    >>> running_its_words(["timeout", "10", "./bin/ssh", "n1", "x"]), running_its_words([r"\\eval", "x"])
    ('ssh', 'eval')
    """
    name = next(iter(map(_name, program(words))), "")
    return name if name in _HAND_ON and name != "xargs" else ""


def runs_no_program(words: Sequence[str]) -> bool:
    """Whether it is a builtin that words mean nothing to, such as ``exit``."""
    return not program(words) or (words[0] in _BUILTINS.split() and words[0] not in (".", "source"))


_BEHIND_C = "the text behind a shell's -c, which appended words do not reach"


def _name(word: str) -> str:
    return bare(word).rpartition("/")[2]


def _is_bare_or_of_the_system(word: str) -> bool:
    """Whether a program is looked up on PATH, or lies in a folder for programs: one beside the script may be anything.

    >>> [_is_bare_or_of_the_system(word) for word in ("date", "/usr/bin/date", "./date", "tools/date")]
    [True, True, False, False]
    """
    folder, slash, _ = bare(word).rpartition("/")
    return not slash or (folder[:1] in "/$~" and folder.endswith("bin"))


def _unquoted(word: str) -> str:
    if word[:1] == "'" and word[-1:] == "'":
        return word[1:-1]
    if word[:1] == '"' and word[-1:] == '"':
        return re.sub(r'\\(["$`\\])', r"\1", word[1:-1])
    return word
