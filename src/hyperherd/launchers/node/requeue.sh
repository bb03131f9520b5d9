# What comes on top where the sweep says `requeue`. Some of this runs in traps, where a `return` without a number gives
# back what was before the trap.
herd_queue='' herd_queued='' herd_background=1

# herd_may ATTEMPT CAUSE: whether the sweep wants another attempt after this one. Those before it count, of this job alone.
herd_may() {
  local most=$herd_max_restarts words='PREEMPTION NODE_FAIL EXIT75' attempt word count=0 named
  case $2 in
    TIMEOUT) most=$herd_max_timeouts words=TIMEOUT named=timeout ;;
    PREEMPTION) named=preemption ;;
    NODE_FAIL) named=node_fail ;;
    EXIT75) named=exit75 ;;
  esac
  [[ $herd_after == *" $named "* ]] || return 1
  for ((attempt = herd_first; attempt < $1; attempt++)); do
    for word in $words; do herd_marked "$attempt" "$word" && count=$((count + 1)); done
  done
  ((count < most))
}

# The scheduler has queued the job again. Where we did not ask it to, a node that failed leaves nothing behind (or the
# scheduler's own words, where it only seems to have failed), a preempted script at least that it was told to end; and what
# has ended by itself, or so that the scheduler speaks of a requeue, was queued again by hand. Of two signals that come in
# one moment bash forgets one (5.2): the note of a trial that SIGTERM has ended (143) may not say that all were told to.
herd_judge_the_last() {
  local attempt=$((herd_first + herd_restarts - 1)) word cause='' told=''
  while ((attempt >= herd_first)) && ! herd_is_ours "$attempt"; do attempt=$((attempt - 1)); done
  ((attempt >= herd_first)) || return 0
  for word in TIMEOUT EXIT75; do herd_marked "$attempt" "$word" && return 0; done
  herd_find_notes "$attempt"
  if herd_marked "$attempt" PREEMPTION; then
    cause=PREEMPTION
  elif
    herd_marked "$attempt" TOLD || [[ "${herd_notes[*]##*/}" == *.TERM* ]] && told=1
    [[ $told || "${herd_notes[*]##*/}" == *.143* ]]
  then
    herd_ask_why_before
    case $herd_why in
      REQUEUE) ;;
      '') cause=${told:+PREEMPTION} ;;
      *) cause=$herd_why ;;
    esac
  elif [[ ! -e ${herd_notes[0]} ]]; then
    cause=NODE_FAIL
  fi
  [[ $cause ]] || return 0
  herd_mark "$attempt" "$cause" "$herd_job"
  herd_may "$attempt" "$cause" || herd_refuse 3 "attempt $attempt of trial $herd_unit was cut short by $cause, after which \`requeue\` wants no other"
}

# Sets herd_family: the pids of the trial's processes: what descends from it, and what is in the group that this
# script leads.
herd_find_family() {
  local path pid at depth state parents=() groups=() mine
  herd_family=()
  for path in /proc/[0-9]*/stat; do
    state=
    { IFS= read -r -d '' state <"$path"; } 2>/dev/null
    state=(${state##*) }) pid=${path//[!0-9]/}
    case ${state[0]-Z} in Z | X) continue ;; esac
    parents[pid]=${state[1]} groups[pid]=${state[2]}
  done
  mine=${groups[$$]}
  for pid in "${!parents[@]}"; do
    [[ $pid == "$$" ]] && continue
    at=$pid
    for ((depth = 0; depth < 99 && at > 1 && at != herd_pid; depth++)); do at=${parents[at]:-0}; done
    # What is in the group and our own child, but not the trial, is a subshell of this script.
    [[ $at == "$herd_pid" || ($mine == "$$" && ${groups[pid]} == "$$" && ${parents[pid]} != "$$") ]] &&
      herd_family+=("$pid")
  done
}

# herd_heeds PID NUMBER: 0 where a process has a handler for a signal (proc(5): SigCgt), 1 where it has none, 2 where it
# has it blocked (SigBlk), 3 where it has one for every signal that ends a process, SIGXFSZ, SIGVTALRM and SIGSYS too:
# a bash with a trap on EXIT, which would end, or with one on the signal.
herd_heeds() {
  local key mask answer=1
  while read -r key mask; do
    case $key in
      SigBlk:) (((16#$mask >> ($2 - 1)) & 1)) && answer=2 ;;
      SigIgn:) (((16#$mask >> ($2 - 1)) & 1)) && answer=1 ;;
      SigCgt:) (((16#$mask >> ($2 - 1)) & 1)) && answer=0 && (((16#$mask & 0x43000000) == 0x43000000)) && answer=3 ;;
    esac
  done 2>/dev/null <"/proc/$1/status"
  return "$answer"
}

herd_tell() { kill -s "$herd_pass_on" "$1" 2>/dev/null && herd_heard=1; }

# Passes the signal on to those of the trial's processes that know what to do about it, wherever they are: a launch
# script without a handler would die of it, and a trainer below it go on without anybody who waits for it. Who has it
# blocked waits for it (srun does), unless it is in the midst of a fork, which blocks all for a moment. False where
# nobody was told.
herd_tell_family() {
  local pid number at look blocked=() shells=()
  herd_heard=
  number=$(kill -l "$herd_pass_on")
  herd_find_family
  for pid in ${herd_family[@]+"${herd_family[@]}"}; do
    herd_heeds "$pid" "$number"
    case $? in
      0) herd_tell "$pid" ;;
      2) blocked+=("$pid") ;;
      3) shells+=("$pid") ;;
    esac
  done
  for look in 1 2 3; do
    ((${#blocked[@]})) && herd_pause 0.4
    for at in "${!blocked[@]}"; do
      herd_heeds "${blocked[at]}" "$number"
      (($? == 1)) && unset "blocked[at]"
    done
  done
  for pid in ${blocked[@]+"${blocked[@]}"}; do herd_tell "$pid"; done
  [[ $herd_heard ]] && return 0
  for pid in ${shells[@]+"${shells[@]}"}; do herd_tell "$pid"; done
  [[ $herd_heard ]]
}

# In the place of that of trial.sh: the time limit is near. What has only just started may handle the signal in a while.
herd_warn() {
  herd_mark "$herd_attempt" TIMEOUT "$herd_job"
  if [[ ! -r /proc/self/stat ]]; then
    trap '' "$herd_pass_on" # this script is in the group itself
    kill -s "$herd_pass_on" 0
    [[ $herd_pass_on == TERM ]] && trap herd_ending TERM
    return 0
  fi
  herd_tell_family && return 0
  herd_explain "the time limit is near, and nothing here handles $herd_pass_on yet"
  while herd_pause 2; kill -0 "$herd_pid" && ! herd_tell_family; do :; done 2>/dev/null &
}

# Told to end. At the time limit, and where the scheduler cancels what it preempts, the job is queued again at once: the
# trial may take all the time that is left until SIGKILL, which ends this script too. In any other case the scheduler knows
# what becomes of the job. The first signal may have been missed: of two that come in one moment bash forgets one (5.2).
herd_ending() {
  herd_told=.TERM
  [[ $herd_pid && -z $herd_queued ]] || return 0
  [[ $herd_requeues ]] && herd_mark "$herd_attempt" TOLD "$herd_job"
  herd_ask_why
  case $herd_why in
    '') return 0 ;;
    TIMEOUT)
      herd_warned=1
      herd_forward ''
      herd_explain 'this is the time limit; what does not end now is killed'
      ;;
    *) herd_mark "$herd_attempt" "$herd_why" "$herd_job" ;;
  esac
  [[ $herd_requeues ]] && herd_may "$herd_attempt" "$herd_why" && herd_queue_again
}

# A scheduler that cannot answer now is asked again for five minutes. Who is told to end meanwhile stops asking: requeue
# would bring back what was cancelled.
herd_queue_again() {
  local told=$herd_told tries=0 until=$((SECONDS + 300)) said
  [[ -z $herd_queued ]] || return 0
  herd_queued=1
  while [[ $herd_told == "$told" ]]; do
    herd_ask_to_queue
    case $? in
      0)
        herd_again=1
        return 0
        ;;
      1) ;;
      *) until=0 ;;
    esac
    ((SECONDS < until)) || break
    tries=$((tries + 1))
    herd_pause $((1 + RANDOM % tries))
  done
  [[ $herd_told == "$told" ]] || return 0
  said=${herd_said//$'\n'/ }
  herd_say "cannot queue trial $herd_unit again: $said"
  herd_explain "$herd_scheduler would not queue this trial again, so it has failed; the next \`herd run\` submits it: $said"
  herd_mark "$herd_attempt" REFUSED "$said"
}

# What a launch script that ended early has left running may still be saving, and ends with this script: waits for it, or
# for the word to end.
herd_linger() {
  local told=$herd_told
  [[ -r /proc/self/stat ]] || return 0
  while herd_find_family; [[ $herd_told == "$told" && ${#herd_family[@]} -gt 0 ]]; do herd_pause 1; done
}

# herd_judge CODE: marks what cut this attempt short, and that another one follows.
herd_judge() {
  local cause=
  [[ $herd_forwarded && -z $herd_told ]] && herd_linger
  if [[ $herd_forwarded ]]; then
    cause=TIMEOUT
  elif [[ $1 == 75 && -z $herd_told ]]; then
    cause=EXIT75
    herd_mark "$herd_attempt" EXIT75 "$herd_job"
  fi
  [[ $cause && -z $herd_told ]] && herd_may "$herd_attempt" "$cause" || return 0
  herd_again=1
  if [[ $herd_requeues ]]; then herd_queue=1; else herd_mark "$herd_attempt" AGAIN "$herd_job"; fi
}

# In the place of that of trial.sh. What has succeeded is told nothing any more: a time limit would queue it again. Where
# SIGTERM has ended the trial, this script may have been told to end too: of two signals that come in one moment bash
# forgets one (5.2).
herd_end() {
  local code=$1
  if [[ $code == 143 && $herd_pid && -z $herd_told ]]; then
    herd_ask_why
    [[ $herd_why ]] && herd_ending
  fi
  if [[ $code == 0 && -z $herd_told ]]; then trap '' TERM; else herd_judge "$code"; fi
  [[ $code == 0 && $herd_told ]] && code=143
  herd_leave "$code" "$herd_told"
}

# The end is noted. A scheduler, and a bash launch script, are quick where they tell all of a trial to end: the trainer is
# not.
herd_left() {
  [[ $herd_queue && -z $herd_told ]] && herd_queue_again
  [[ $herd_told && $herd_pid ]] && herd_linger
}

# An end of which nobody is told, as in a crash (herd drill --kill9): the trial's processes, those on other nodes too,
# and then this script.
herd_crash() {
  local tries
  herd_kill_elsewhere
  for ((tries = 0; tries < 100; tries++)); do
    herd_find_family
    herd_find_marked " $herd_token/$herd_unit.$herd_attempt "
    ((${#herd_family[@]} + ${#herd_found[@]})) || break
    kill -KILL ${herd_family[@]+"${herd_family[@]}"} ${herd_found[@]+"${herd_found[@]}"} 2>/dev/null
    herd_pause 0.1
  done
  kill -KILL "$$"
}

trap herd_ending TERM
trap herd_left EXIT
trap herd_crash URG
herd_judge_the_last

