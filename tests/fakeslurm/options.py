"""sbatch's options (man sbatch 22.05): from the environment, the script's ``#SBATCH`` lines and the command line."""

from fakeslurm.argv import Table
from fakeslurm.program import RefusedError

TABLE = Table(
    "sbatch",
    required="""
        extra-node-info account acctg-freq array batch bb bbf begin chdir cluster-constraint clusters comment
        constraint container core-spec cores-per-socket cpu-freq cpus-per-gpu cpus-per-task deadline delay-boot
        dependency distribution error exclude export export-file extra gid gpu-bind gpu-freq gpus gpus-per-node
        gpus-per-socket gpus-per-task gres gres-flags hint input job-name kill-on-invalid-dep licenses mail-type
        mail-user mcs-label mem mem-bind mem-per-cpu mem-per-gpu mincpus network nodefile nodelist nodes ntasks
        ntasks-per-core ntasks-per-gpu ntasks-per-node ntasks-per-socket open-mode output partition power prefer
        priority profile qos reservation signal sockets-per-node switches thread-spec threads-per-core time
        time-min tmp uid wait-all-nodes wckey wrap
    """,
    none="""
        contiguous help hold ignore-pbs no-requeue overcommit oversubscribe parsable quiet reboot requeue
        spread-job test-only usage use-min-nodes verbose version wait
    """,
    optional="""
        exclusive get-user-env nice no-kill propagate x11
    """,
    shorts="""
        a=array A=account b=begin B=extra-node-info c=cpus-per-task C=constraint d=dependency D=chdir e=error
        F=nodefile G=gpus h=help H=hold i=input J=job-name k=no-kill L=licenses m=distribution M=clusters
        n=ntasks N=nodes o=output O=overcommit p=partition q=qos Q=quiet s=oversubscribe S=core-spec t=time
        u=usage v=verbose V=version w=nodelist W=wait x=exclude
    """,
    usage_code=255,
)

_ENVIRONMENT = {
    "SBATCH_ACCOUNT": "account", "SBATCH_ARRAY_INX": "array", "SBATCH_COMMENT": "comment",
    "SBATCH_CONSTRAINT": "constraint", "SBATCH_DEPENDENCY": "dependency", "SBATCH_EXCLUSIVE": "exclusive",
    "SBATCH_EXPORT": "export", "SBATCH_GPUS": "gpus", "SBATCH_GPUS_PER_NODE": "gpus-per-node",
    "SBATCH_GPUS_PER_TASK": "gpus-per-task", "SBATCH_GRES": "gres", "SBATCH_JOB_NAME": "job-name",
    "SBATCH_MEM_PER_CPU": "mem-per-cpu", "SBATCH_MEM_PER_NODE": "mem", "SBATCH_NO_REQUEUE": "no-requeue",
    "SBATCH_OPEN_MODE": "open-mode", "SBATCH_OUTPUT": "output", "SBATCH_PARTITION": "partition",
    "SBATCH_QOS": "qos", "SBATCH_REQUEUE": "requeue", "SBATCH_RESERVATION": "reservation",
    "SBATCH_SIGNAL": "signal", "SBATCH_TIMELIMIT": "time", "SBATCH_WAIT": "wait",
}  # fmt: skip

_CONTRARY = {"requeue": "no-requeue", "no-requeue": "requeue"}


def collect(command_line, script, environ):
    """name -> value, all three sources: the command line wins over the environment, that over the script's lines."""
    found = {}
    outside = [(option, environ[name]) for name, option in _ENVIRONMENT.items() if name in environ]
    for name, value in [*directives(script), *outside, *command_line]:
        found.pop(_CONTRARY.get(name, ""), None)
        found[name] = value if value is not None else True
    return found


def directives(script):
    """The options of the ``#SBATCH`` lines, which end at the first line that is neither blank nor a comment."""
    options = []
    for line in script.split("\n"):
        if line.startswith("#SBATCH") and line[7:8].isspace():
            found, rest = TABLE.parse(words(line[7:]))
            if rest:
                raise RefusedError(f"sbatch: error: Invalid directive found in batch script: {rest[0]}", 255)
            options += found
        elif line.strip() and not line.lstrip().startswith("#"):
            break
    return options


def words(line):
    """Split as sbatch does: blanks part words, quotes and backslashes keep them, ``#`` starts a comment.

    >>> words(" --comment='a b' -J x # no")
    ['--comment=a b', '-J', 'x']
    """
    result, word, quote = [], None, ""
    letters = iter(line)
    for letter in letters:
        if quote:
            quote, word = ("", word) if letter == quote else (quote, word + letter)
        elif letter in "'\"":
            quote, word = letter, word or ""
        elif letter == "\\":
            word = (word or "") + next(letters, "")
        elif letter.isspace() or (letter == "#" and word is None):
            if word is not None:
                result.append(word)
            word = None
            if letter == "#":
                break
        else:
            word = (word or "") + letter
    return result if word is None else [*result, word]
