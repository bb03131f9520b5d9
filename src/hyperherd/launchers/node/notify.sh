# What comes on top where the sweep says `notify`: tells somebody that a trial has failed, or that the last one has ended.
# How the trial ended is noted before, and nothing here changes it. In Python: engine/notices.py.
herd_notice_s=${HYPERHERD_NOTICE_S:-30}

# herd_notify KIND WORDS: hands the notice to each command that wants its kind; one that hangs is killed. No command is
# printed: it may hold a secret.
herd_notify() {
  local at pid code since
  export HYPERHERD_NOTICE_KIND=$1 HYPERHERD_NOTICE="$herd_notify_name: $2"
  export HYPERHERD_NOTICE_JSON="{\"text\": \"$herd_notify_json: $2\"}"
  for at in "${!herd_notify_commands[@]}"; do
    [[ ${herd_notify_kinds[at]} == *" $1 "* ]] || continue
    set -m # a process group of its own
    "$BASH" -c "${herd_notify_commands[at]}" </dev/null >/dev/null 2>&1 7<&- 8>&- 9>&- &
    pid=$!
    set +m
    since=$SECONDS
    while kill -0 "$pid" 2>/dev/null && ((SECONDS - since < herd_notice_s)); do herd_pause 0.1; done
    if kill -0 "$pid" 2>/dev/null; then
      kill -KILL -- "-$pid"
      herd_say "the command number $((at + 1)) of notify had not ended after $herd_notice_s s, and was killed"
    fi 2>&2
    wait "$pid" 2>/dev/null
    code=$?
    ((code == 0 || code == 137)) || herd_say "the command number $((at + 1)) of notify ended with $code"
  done
  return 0
}

# Sets herd_notice_list: the folder of the newest list of what is waited for; false where there is none.
herd_find_list() {
  local path number newest=0
  for path in "$herd_notices"/[0-9]*/; do
    number=${path%/} number=${number##*/}
    [[ $number != *[!0-9]* ]] && ((number > newest)) && newest=$number
  done
  herd_notice_list=$herd_notices/$newest
  ((newest))
}

# herd_is_over LIST: whether all of the trials (or tasks) of this block that are waited for have ended for good. Counts
# them: herd_listed, and herd_completed_now.
herd_is_over() {
  local unit first last at word file names=' ' folder=$herd_attempts/${1##*/}
  [[ ${1##*/} == "${herd_block##*/}" ]] && folder=${herd_at%/*} # found there also where the workspace was moved
  for file in "$folder"/*; do names+="${file##*/} "; done
  while read -r unit first; do
    last=0
    for ((at = first; ; at++)); do
      [[ $names == *" $unit.$at "* ]] || break
      last=$at
    done
    ((last)) || return 1
    herd_listed=$((herd_listed + 1))
    case $names in
      *" $unit.$last.completed."*) herd_completed_now=$((herd_completed_now + 1)) && continue ;;
      *" $unit.$last.failed."*) continue ;;
    esac
    { read -r _ word _ <"$folder/$unit.$last"; } 2>/dev/null
    [[ $word == cancelled ]] || return 1
  done <"$1"
}

# After the end was noted: the first that failed tells so, and the one that ended last that all have.
herd_give_notice() {
  local own file list herd_listed=0 herd_completed_now=0
  own=${herd_at##*/}.$herd_attempt
  set -- "${herd_at%/*}/$own".completed.* "${herd_at%/*}/$own".failed.*
  [[ -e $1 || -e $2 ]] && herd_find_list || return 0
  [[ -e $1 || $herd_told ]] || { herd_create "$herd_notice_list/failed" "$herd_token" &&
    herd_notify failed "trial $herd_unit failed (exit ${herd_code-74})" && herd_create "$herd_notice_list/failed.told" "$herd_token"; }
  list=$herd_notice_list/${herd_block##*/}
  [[ -e $list ]] && herd_is_over "$list" || return 0
  herd_create "$list.ended" "$herd_token"
  for file in "$herd_notice_list"/[0-9]*; do # of a block in which nothing was submitted since, nobody ends any more
    case $file in *.ended | "$list") continue ;; esac
    [[ -e $file.ended ]] || herd_is_over "$file" || return 0
  done
  herd_create "$herd_notice_list/finished" "$herd_token" || return 0
  herd_listed=0 herd_completed_now=0
  for file in "$herd_notice_list"/[0-9]*; do
    case $file in *.ended) ;; *) herd_is_over "$file" ;; esac
  done
  herd_notify finished "finished, $herd_completed_now completed, $((herd_listed - herd_completed_now)) not"
  herd_create "$herd_notice_list/finished.told" "$herd_token"
}

herd_at_exit() {
  declare -F herd_left >/dev/null && herd_left
  [[ ${herd_at-} && ${herd_attempt-} && -z $herd_again ]] && herd_give_notice
}
trap herd_at_exit EXIT
