# What an earlier attempt of this trial has left running on this node. Where the scheduler does not track processes by
# cgroups, a trainer outlives its job's script; it is ended before the next attempt begins, so that the two never overlap.
herd_grace_s=30

# Sets herd_found: this user's processes that were started with one of these marks, each with a blank around it. False
# where there are none.
herd_find_marked() {
  local path pid text
  herd_found=()
  for path in /proc/[0-9]*/environ; do
    [[ -O $path ]] || continue
    { text=$(<"$path"); } 2>/dev/null
    pid=${path//[!0-9]/}
    [[ $text == *HYPERHERD_ATTEMPT_MARK=* && $pid != "$$" ]] && herd_is_marked "$pid" "$1" && herd_found+=("$pid")
  done
  ((${#herd_found[@]}))
}

# herd_is_marked PID MARKS: not where it belongs to a job of its own, which the trial has submitted with its environment.
herd_is_marked() {
  local entry mark='' job='' own=''
  while IFS= read -r -d '' entry; do
    case $entry in
      HYPERHERD_ATTEMPT_MARK=*) mark=${entry#*=} ;;
      HYPERHERD_ATTEMPT_JOB=*) own=${entry#*=} ;;
      "$herd_job_variable"=*) job=${entry#*=} ;;
    esac
  done 2>/dev/null <"/proc/$1/environ"
  [[ $mark && $2 == *" $mark "* && (-z $job || $job == "$own") ]]
}

# Sets herd_earlier: those of the attempts before this one that were claimed on this machine.
herd_find_earlier() {
  local attempt
  herd_earlier=' '
  [[ $herd_own_job && $herd_boot != - ]] || return 0
  for ((attempt = 1; attempt < herd_attempt; attempt++)); do
    herd_read_claim "$attempt"
    [[ $herd_claim_boot == "$herd_boot" ]] || continue
    herd_earlier+="$herd_claim_token/$herd_unit.$attempt "
    [[ $herd_before ]] && herd_earlier+="$herd_claim_token/$herd_number.$attempt " # as version 1 marks them
  done
}

# SIGTERM, which lets it save, SIGKILL when that has not helped; false where that does not help either (it hangs in the
# kernel). Returns early where this attempt itself is told to end.
herd_end_earlier() {
  local pid told=' ' killed='' since=$SECONDS
  herd_find_earlier
  [[ $herd_earlier != ' ' ]] || return 0
  while [[ -z $herd_told ]] && herd_find_marked "$herd_earlier"; do
    ((SECONDS - since < 2 * herd_grace_s)) || return 1
    if [[ $told == ' ' ]]; then
      herd_explain "an earlier attempt still runs on this node (process ${herd_found[*]}): it is told to end, and waited for"
    elif ((SECONDS - since >= herd_grace_s)) && [[ -z $killed ]]; then
      killed=1
      herd_explain "an earlier attempt has not ended in $herd_grace_s s (process ${herd_found[*]}): it is killed"
    fi
    for pid in "${herd_found[@]}"; do
      if [[ $killed ]]; then kill -KILL "$pid"; elif [[ $told != *" $pid "* ]]; then kill -TERM "$pid"; fi
      told+="$pid "
    done 2>/dev/null
    herd_pause 0.5
  done
  return 0
}
