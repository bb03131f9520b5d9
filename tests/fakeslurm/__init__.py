"""A fake Slurm: sbatch, squeue, sacct, scancel, scontrol, sinfo, sacctmgr. Jobs are files, and really run.

Everything lies in the folder ``$FAKESLURM_DIR``; the programs are in ``bin/``. By hand::

    export FAKESLURM_DIR=$(mktemp -d) PATH=$PWD/tests/fakeslurm/bin:$PATH
    sbatch --wrap 'echo hello' && squeue

Answers follow Slurm 22.05. ``knobs.json`` in the folder (see `knobs`) makes it misbehave. Tests use the fixture
``fake_slurm`` (see `fixture`). The programs are started hundreds of times a test: they import little (no typing, no
dataclasses, no re of their own) and keep records as plain maps (see `store`).
"""
