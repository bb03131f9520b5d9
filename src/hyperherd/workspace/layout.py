"""Every file name and ``HYPERHERD_*`` variable that we promise. Standard library only: trainers import this."""

from __future__ import annotations

CONFIG = "hyperherd.yaml"
STATE_FOLDER = ".hyperherd"

MANIFEST = "manifest.json"
JOB_IDS = "job_ids.json"
FORMAT = "workspace.json"
ENDED = "ended.json"
LOCK = "lock"
NEWEST_SCRIPT = "job.sbatch"
JOBS = "jobs"
SUBMISSIONS = "submissions"
ATTEMPTS = "attempts"
LOGS = "logs"
RESULTS = "results"
STREAM = "stream"

ENV_WORKSPACE = "HYPERHERD_WORKSPACE"
ENV_SWEEP_NAME = "HYPERHERD_SWEEP_NAME"
ENV_TRIAL_ID = "HYPERHERD_TRIAL_ID"
ENV_TRIAL_NAME = "HYPERHERD_TRIAL_NAME"
ENV_EXPERIMENT_NAME = "HYPERHERD_EXPERIMENT_NAME"
ENV_PARAMS = "HYPERHERD_PARAMS"
ENV_ARGV = "HYPERHERD_ARGV"
ENV_ATTEMPT = "HYPERHERD_ATTEMPT"
ENV_RESULTS = "HYPERHERD_RESULTS"
