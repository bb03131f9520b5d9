# What Slurm knows of this element. `scontrol` by $SLURM_JOB_ID would mean all of an array.
herd_element=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
herd_restarts=${SLURM_RESTART_COUNT:-0}
herd_node=${SLURM_JOB_ID:+${SLURMD_NODENAME-}}
herd_own_job=${SLURM_JOB_ID-} herd_job_variable=SLURM_JOB_ID
# After `--export=NONE` srun would give its tasks no variable, not even the trial's.
[[ ${SLURM_EXPORT_ENV+set} && -z ${herd_interpreter-} ]] && export SLURM_EXPORT_ENV=ALL

# Slurm tells all of a job that is queued again to end, the scontrol that asks for it too: it is asked until it answers,
# for five minutes. Without an answer nobody knows that the script has succeeded.
herd_queued_itself() {
  local said tries=0 until=$((SECONDS + 300))
  [[ $herd_element ]] || return 1
  until said=$(scontrol --oneliner show job "$herd_element" 2>/dev/null); do
    ((SECONDS < until)) || return 0
    tries=$((tries < 10 ? tries + 1 : tries))
    herd_pause "$tries"
  done
  [[ $said =~ ' Restarts='([0-9]+) ]] && ((BASH_REMATCH[1] > herd_restarts))
}

