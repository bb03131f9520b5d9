# What comes on top where the sweep says `requeue`. A mark, attempts/<index>.<attempt>.<WORD>, says what cut an attempt
# short (TIMEOUT, PREEMPTION, NODE_FAIL, EXIT75), that it was told to end (TOLD), that another one of this job follows on
# this machine (AGAIN), or that Slurm would not queue it again (REFUSED, with its words). Some of this runs in traps,
# where a `return` without a number gives back what was before the trap.
herd_element=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
herd_warned='' herd_queue='' herd_queued=''

# In a subshell, as a trap may come in the middle of another herd_create.
herd_mark() (herd_create "$herd_attempts/$herd_index.$1.$2" "$3")
herd_marked() { [[ -e $herd_attempts/$herd_index.$1.$2 ]]; }

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

# Sets herd_words: why Slurm ended the job last, in the words of its own log, such as "NODE FAILURE, SEE ...".
herd_read_slurms_words() {
  local line
  herd_words=
  while IFS= read -r line; do
    [[ $line == *' CANCELLED AT '*' DUE TO '* ]] && herd_words=${line##* DUE TO }
  done 2>/dev/null <"$herd_logs/slurm/$herd_element.log"
}

# Slurm has queued the job again. Where we did not ask it to, a node that failed leaves nothing behind (or these words,
# where it only seems to have failed), a preempted script at least that it was told to end; and what has ended by itself
# was queued again by hand.
herd_judge_the_last() {
  local attempt=$((herd_first + ${SLURM_RESTART_COUNT:-0} - 1)) word cause='' notes
  while ((attempt >= herd_first)) && ! herd_is_ours "$attempt"; do attempt=$((attempt - 1)); done
  ((attempt >= herd_first)) || return 0
  for word in TIMEOUT EXIT75; do herd_marked "$attempt" "$word" && return 0; done
  notes=("$herd_attempts/$herd_index.$attempt".[0-9]*)
  if herd_marked "$attempt" TOLD || [[ "${notes[*]}" == *.TERM* ]]; then
    herd_read_slurms_words
    case $herd_words in NODE*) cause=NODE_FAIL ;; *) cause=PREEMPTION ;; esac
  elif [[ ! -e ${notes[0]} ]]; then
    cause=NODE_FAIL
  fi
  [[ $cause ]] || return 0
  herd_mark "$attempt" "$cause" "$herd_job"
  herd_may "$attempt" "$cause" || herd_refuse 3 "attempt $attempt of trial $herd_index was cut short by $cause, after which \`requeue\` wants no other"
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
      SigCgt:) (((16#$mask >> ($2 - 1)) & 1)) && answer=0 && (((16#$mask & 0x43000000) == 0x43000000)) && answer=3 ;;
    esac
  done 2>/dev/null <"/proc/$1/status"
  return "$answer"
}

herd_tell() { kill -s "$herd_pass_on" "$1" 2>/dev/null && herd_heard=1; }

# Passes the signal on, once, to those of the trial's processes that know what to do about it, wherever they are: a
# launch script without a handler would die of it, and a trainer below it go on without anybody who waits for it.
# Who has it blocked waits for it (srun does), unless it is in the midst of a fork, which blocks all for a moment.
herd_pass_it_on() {
  local pid number blocked=() shells=()
  if [[ ! -r /proc/self/stat ]]; then
    trap '' "$herd_pass_on" # this script is in the group itself
    kill -s "$herd_pass_on" 0
    [[ $herd_pass_on == TERM ]] && trap herd_ending TERM
    return 0
  fi
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
  [[ ${blocked[*]-} ]] && read -r -t 1 _ <> <(:)
  for pid in ${blocked[@]+"${blocked[@]}"}; do
    herd_heeds "$pid" "$number"
    (($? != 1)) && herd_tell "$pid"
  done
  [[ $herd_heard ]] && return 0
  for pid in ${shells[@]+"${shells[@]}"}; do herd_tell "$pid"; done
  [[ $herd_heard ]] || printf 'hyperherd: the time limit is near, and nothing here handles %s\n' "$herd_pass_on" >&9
}

# In the place of that of trial.sh: the time limit is near.
herd_forward() {
  [[ $1 == "$herd_signal" && -z $herd_warned ]] || return 0
  herd_warned=1
  herd_now_near
}

# The trial's pid is known, also in the moment between its start and the command that keeps it.
herd_runs() {
  [[ $herd_pid ]] || herd_pid=$(jobs -p)
  [[ $herd_pid ]]
}

herd_now_near() {
  [[ $herd_warned && -z $herd_forwarded ]] && herd_runs || return 0
  herd_forwarded=1
  herd_mark "$herd_attempt" TIMEOUT "$herd_job"
  herd_pass_it_on
}

# Told to end. If that is the time limit the job is queued again at once: the trial may take all the time that is left
# until SIGKILL, which ends this script too. If it is not, Slurm knows what becomes of the job. The first signal may have
# been missed: of two that come in one moment bash forgets one (5.2).
herd_ending() {
  herd_told=.TERM
  [[ $herd_element && -z $herd_queued ]] && herd_runs || return 0
  herd_mark "$herd_attempt" TOLD "$herd_job"
  [[ $herd_signal && "$(scontrol --oneliner show job "$herd_element" 2>&1)" == *' Reason=TimeLimit '* ]] || return 0
  herd_warned=1
  herd_now_near
  herd_may "$herd_attempt" TIMEOUT && herd_queue_again
}

herd_queue_again() {
  local said
  [[ -z $herd_queued ]] || return 0
  herd_queued=1
  said=$(scontrol requeue "$herd_element" 2>&1) && return 0
  said=${said//$'\n'/ }
  herd_say "cannot queue trial $herd_index again: $said"
  herd_mark "$herd_attempt" REFUSED "$said"
}

# What a launch script that ended early has left running may still be saving.
herd_linger() {
  [[ $herd_forwarded && -r /proc/self/stat ]] || return 0
  while herd_find_family && [[ -z $herd_told && ${#herd_family[@]} -gt 0 ]]; do read -r -t 1 _ <> <(:); done
}

# herd_judge CODE TOLD: marks what cut this attempt short, and that another one follows.
herd_judge() {
  local cause=
  [[ $1 == 0 && -z $2 ]] && return 0
  herd_linger
  if [[ $herd_forwarded ]]; then
    cause=TIMEOUT
  elif [[ $1 == 75 && -z $2 ]]; then
    cause=EXIT75
    herd_mark "$herd_attempt" EXIT75 "$herd_job"
  fi
  [[ $cause && -z $herd_told ]] && herd_may "$herd_attempt" "$cause" || return 0
  if [[ $herd_element ]]; then herd_queue=1; else herd_mark "$herd_attempt" AGAIN "$herd_job"; fi
}

# In the place of that of trial.sh, which notes the end and leaves.
herd_text=$(declare -f herd_end)
eval "herd_leave${herd_text#herd_end}"
herd_end() {
  herd_judge "$1" "${2-}"
  herd_leave "$@"
}

[[ $herd_element ]] || export -n SLURM_RESTART_COUNT # of this machine's supervisor, for us alone
trap herd_ending TERM
trap '[[ $herd_queue ]] && herd_queue_again' EXIT
herd_judge_the_last

