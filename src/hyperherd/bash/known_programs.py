"""Programs by what they do, as far as it tells whether a command may be a training, and who gets the words behind it.

What is in no table may be a training. Sources: bash(1), SHELL BUILTIN COMMANDS; the programs' own man pages.
"""

from __future__ import annotations

from collections.abc import Mapping


def _names(*texts: str) -> frozenset[str]:
    return frozenset(name for text in texts for name in text.split())


def _each(table: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """A table whose keys and values are several words each, by each word of the keys."""
    return {name: _names(values) for names, values in table.items() for name in names.split()}


BUILTINS = _names(
    """: . [ [[ alias bg bind break builtin caller cd compgen complete continue declare dirs disown enable
    exit export false fc fg getopts hash help history jobs kill let local logout mapfile popd pushd pwd
    read readarray readonly return set shift shopt source suspend test times trap true type typeset ulimit
    umask unalias unset wait"""
)
NEVER = BUILTINS | _names(
    # say something, or wait
    "abort banner cat clear die echo figlet less logger more print printf sleep tac tee tput usage wall yes",
    # files
    """basename chgrp chmod chown cp dd df dirname du file fusermount getfacl install lfs link ln locate ls md5sum
    mkdir mkfifo mktemp mount mv quota readlink realpath rename rm rmdir setfacl sha1sum sha256sum sha512sum
    shred squashfuse stat sync touch tree truncate umount unlink""",
    # text
    """awk bc cmp column comm csplit cut dc diff dos2unix egrep envsubst expand expr fgrep fmt fold gawk grep head
    iconv join jq mawk nl numfmt od paste patch rev rg sed seq shuf sort split strings tail tr tsort uniq wc
    xmllint xxd yq""",
    # to and from other machines
    """aria2c aws azcopy curl ftp gcloud gdown gsutil hf htar huggingface-cli irsync kaggle lftp rclone rsync s3cmd
    s5cmd scp sftp wget""",
    # archives
    """7z bunzip2 bzip2 cpio gunzip gzip lz4 pbzip2 pigz rar tar unrar unsquashfs unxz unzip unzstd xz zcat zip
    zstd""",
    # the machine
    """arch date dcgmi dmesg free getconf getent gpustat groups host hostname htop ibstat id ifconfig iostat ip
    killall last ldconfig ldd lsb_release lsblk lscpu lsof lspci lstopo mpstat netstat nproc numastat
    nvidia-cuda-mps-control nvidia-smi pgrep ping pkill printenv ps pstree renice rocm-smi rocminfo sar ss
    ssh-add ssh-agent ssh-keygen sysctl systemctl tensorboard top tty uname uptime users vmstat w whereis which
    who whoami Xvfb""",
    # schedulers
    """bjobs bsub jobstats qdel qstat qsub reportseff sacct sacctmgr sattach sbatch sbcast scancel scontrol sdiag
    seff sgather sinfo sprio squeue sreport sshare sstat strigger""",
    # packages and environments
    "activate apt apt-get brew deactivate dnf dpkg eb ml module nvm pip pip3 pyenv spack virtualenv yum",
    # compilers
    """ar as autoconf automake c++ cc clang clang++ cmake cython f2py f77 f90 g++ gcc gfortran icc icpc icpx icx
    ifort ifx javac ld mpic++ mpicc mpicxx mpif77 mpif90 mpifort nm nvcc pkg-config protoc rustc strip swig
    tsc""",
    # what other fields prepare and convert with
    """bamtools bcftools bedtools blastdbcmd blockMesh bowtie-build bowtie2-build checkMesh decomposePar editconf
    foamToVTK genion grompp hisat2-build make_ndx makeblastdb multiqc pdb2gmx postProcess reconstructPar
    renumberMesh samtools setFields solvate tabix topoSet trjconv""",
    # telling somebody; versions of files
    "apprise mail mailx mutt notify-send ntfy sendmail ssmtp gh git git-lfs hg svn",
)
"""Programs that surely train nothing."""

NEVER_WITH = _each(
    {
        "conda mamba micromamba": """activate clean config create deactivate env info init install list remove search
            shell shell.bash shell.posix update""",
        "apptainer singularity": "build cache inspect overlay pull remote verify version",
        "docker podman": "build image images info load login logout ps pull push rm rmi tag version",
        "wandb": "artifact disabled enabled init login offline online pull status sync verify",
        "uv": "add cache init lock pip python remove self sync tool venv version",
        "poetry pdm pipenv pixi hatch rye": "add config env init install lock shell sync update",
        "jupyter": "kernelspec lab notebook server",
        "cargo go": "build check clean env fetch get mod update vet",
        "gmx gmx_mpi": """convert-tpr dump editconf energy genconf genion grompp insert-molecules make_ndx pdb2gmx
            select solvate trjcat trjconv""",
        "bwa": "index",
        "npm yarn": "add audit cache ci config init install link list prune version",
        "dvc": "add checkout fetch pull push status",
        "mlflow": "server ui",
        "ray": "start status stop",
        "accelerate": "config env test",
    }
)
"""Programs that surely train nothing with one of these subcommands."""

MODULES = _names(
    """compileall ensurepip http.server ipykernel json.tool nltk.downloader pip platform py_compile site sysconfig
    tarfile torch.utils.collect_env venv virtualenv zipfile"""
)
"""Python's modules that surely train nothing behind ``-m``."""

HOOKS = _names("conda mamba micromamba ssh-agent pyenv direnv dircolors brew modulecmd module")
"""Programs that print settings for ``eval "$(...)"``."""

RUNNING = _each(
    {
        "srun": """-A -B -C -c -D -d -e -G -i -J -L -M -m -N -n -o -p -q -r -S -T -t -W -w -x --account --chdir
            --constraint --container-image --container-mounts --container-workdir --cpu-bind --cpus-per-task
            --distribution --error --exclude --export --gpus --gpus-per-node --gpus-per-task --gres --het-group
            --input --job-name --jobid --mem --mem-per-cpu --mpi --nodelist --nodes --ntasks --ntasks-per-node
            --output --partition --qos --relative --time""",
        "mpirun mpiexec orterun prterun": """-H -N -c -f -hostfile -host -l -machinefile -map-by -bind-to -n -np
            -npernode -ppn -wdir -x --bind-to --host --hostfile --map-by --np --npernode --wdir""",
        "aprun ibrun jsrun": "-N -S -a -c -d -g -n -o -p -r",
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
        "sshpass": "-P -d -f -p",
        "apptainer singularity": """-B -H -S -W --bind --env --env-file --home --mount --overlay --pwd --scratch
            --workdir""",
        "conda mamba micromamba": "-n -p --cwd --name --prefix",
        "uv poetry pdm pixi pipenv hatch rye": """-C -e -p --directory --env-file --environment --extra --group
            --manifest-path --project --python --with""",
        "exec command builtin nohup setsid unbuffer catchsegv taskset chrt doas": "",
        "xargs": "-E -I -L -P -a -d -n -s --arg-file --delimiter --max-args --max-procs",
        "parallel": """-I -N -S -a -j --arg-file --colsep --delay --jobs --joblog --memfree --results --retries
            --sshlogin --tmpdir --workdir""",
        "ssh": "-B -D -E -F -I -J -L -O -Q -R -S -W -b -c -e -i -l -m -o -p -w",
    }
)
"""Programs that run what stands behind their options, and those of their options whose value is the next word."""

PAIRED = _names("--mca -mca -genv -env")
"""Options of theirs whose value is two words."""

PASSED = {"timeout": 1, "taskset": 1, "chrt": 1, "flock": 1, "apptainer": 1, "singularity": 1, "ssh": 1}
"""How many words stand between their options and the program: a duration, a mask, a file, an image, a host."""

SUBCOMMANDS = {
    **dict.fromkeys(("apptainer", "singularity"), "exec"),
    **dict.fromkeys(_names("conda mamba micromamba uv poetry pdm pixi pipenv hatch rye"), "run"),
}
"""The word of theirs behind which a program is named."""

SHELLS = _names("bash sh dash ash ksh zsh fish csh tcsh")

CONTAINERS = _names("apptainer docker podman singularity")
RUNS_FILES = (
    CONTAINERS | SHELLS | _names("Rscript accelerate deepspeed java julia make node perl ruby torchrun")
)
"""Programs that run what their words name; Python is one, too."""

RUNS_ITS_WORDS = _names(
    """at autossh batch clush dsh env_parallel eval mosh parallel parallel-ssh pdsh pssh rsh runuser screen script sem
    sg ssh su tmux watch"""
)
"""Programs that give their words, or a text, to another shell: what is in the words would be run."""

NAMED_TRAINING = _names(
    "dpo finetune finetuning fit grpo learn ppo pretrain pretraining rlhf sft train trainer training"
)
NAMED_OTHERWISE = _names(
    """aggregate analyse analysis analyze build check clean cleanup collect convert decode download eval evaluate
    evaluation export extract fetch figures generate get infer inference install mail make merge metrics notify
    plot plots postprocess predict prediction prep prepare preprocess preprocessing report score send setup split
    summarize summary test tokenize upload vis visualize viz"""
)
"""Words in the names of files that say what they are for."""
