# What Slurm answers where the sweep says `requeue`.
herd_scheduler=Slurm herd_requeues=$herd_element

# Nothing where Slurm has queued the job again by itself, or somebody has cancelled it. Of a preempted job that it has not
# queued again Slurm shows a PreemptTime (22.05) in this attempt. It kills after KillWait (30 s where nobody has changed it).
herd_ask_why() {
  local at=' StartTime=([0-9]+) .* PreemptTime=([0-9]+) '
  herd_why=
  herd_its_state 20 || return 0
  if [[ $herd_its_words == *' Reason=TimeLimit '* ]]; then
    [[ $herd_signal ]] && herd_why=TIMEOUT
  elif [[ $herd_its_words =~ $at ]]; then
    ((BASH_REMATCH[1] <= BASH_REMATCH[2])) && herd_why=PREEMPTION
  fi
}

# In the words of Slurm's own log, such as "NODE FAILURE, SEE ...": what it ended the job for last.
herd_ask_why_before() {
  local line words=
  while IFS= read -r line; do
    [[ $line == *' CANCELLED AT '*' DUE TO '* ]] && words=${line##* DUE TO }
  done 2>/dev/null <"$herd_logs/slurm/$herd_element.log"
  case $words in
    NODE*) herd_why=NODE_FAIL ;;
    JOB\ REQUEUE*) herd_why=REQUEUE ;;
    PREEMPTION*) herd_why=PREEMPTION ;;
    *) herd_why= ;;
  esac
}

# Where the controller has done so and its answer was lost, the job waits already. It may be away, or busy: a whole array
# may meet its limit in one moment.
herd_ask_to_queue() {
  herd_said=$(scontrol requeue "$herd_element" 2>&1) && return 0
  case $herd_said in
    *'Job is pending execution'*) return 0 ;;
    *'Unable to contact'* | *'imed out'* | *'Unexpected message'* | *'Zero Bytes'* | *'Connection re'*) return 1 ;;
    *) return 2 ;;
  esac
}

# srun's steps.
herd_kill_elsewhere() {
  local step
  [[ ${SLURM_JOB_NUM_NODES:-1} != 1 ]] || return 0
  for step in $(squeue --noheader --steps --jobs="$SLURM_JOB_ID" --format=%i 2>/dev/null); do
    [[ $step == *.[0-9]* ]] && scancel --signal=KILL "$step"
  done
}

