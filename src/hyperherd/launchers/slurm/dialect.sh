# What Slurm knows of this element. `scontrol` by $SLURM_JOB_ID would mean all of an array.
herd_element=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
herd_restarts=${SLURM_RESTART_COUNT:-0}
herd_node=${SLURM_JOB_ID:+${SLURMD_NODENAME-}}
herd_own_job=${SLURM_JOB_ID-} herd_job_variable=SLURM_JOB_ID
# After `--export=NONE` srun would give its tasks no variable, not even the trial's.
[[ ${SLURM_EXPORT_ENV+set} && -z ${herd_interpreter-} ]] && export SLURM_EXPORT_ENV=ALL

# herd_its_state SECONDS: sets herd_its_words to what Slurm says of this element. Slurm tells all of a job to end, a scontrol
# that it runs too, and the controller may be busy: it is asked until it answers. False where it has not answered in time.
herd_its_state() {
  local tries=0 until=$((SECONDS + $1))
  until herd_its_words=$(SLURM_TIME_FORMAT=%s scontrol --oneliner show job "$herd_element" 2>/dev/null); do
    ((SECONDS < until)) && command -v scontrol >/dev/null || return 1
    tries=$((tries < 10 ? tries + 1 : tries))
    herd_pause "$tries"
  done
  return 0
}

# Without an answer nobody knows that the script has succeeded.
herd_queued_itself() {
  [[ $herd_element ]] || return 1
  herd_its_state 300 || return 0
  [[ $herd_its_words =~ ' Restarts='([0-9]+) ]] && ((BASH_REMATCH[1] > herd_restarts))
}

# A node may lose its power right after a trial's end: the note is flushed to the disk (1.3 ms). `sync -d FILE` is coreutils'
# since 8.24; an older one refuses -d, where for `sync FILE` it would flush every disk of the node.
herd_flush() { sync -d -- "$@" 2>/dev/null || :; }
