# What every element does, with bash's builtins alone (bash 4.2, or 3.2 without the time in the divider):
# ask the register, claim the attempt, read .env, run the launch script, note the end.
set +euf

herd_say() { printf 'hyperherd: %s\n' "$1" >&2; }
herd_refuse() { herd_say "$2; nothing is run"; exit "$1"; }
herd_pause() { read -r -t "$1" _ <> <(:); } # seconds

# Sets herd_host, herd_boot, herd_start; what cannot be known is '-'.
herd_identify() {
  local stat fields
  herd_boot=- herd_start=- herd_host=$herd_node
  if [[ -r /proc/$$/stat ]]; then
    IFS= read -r herd_boot </proc/sys/kernel/random/boot_id
    IFS= read -r stat </proc/$$/stat
    fields=(${stat##*) }) # from field 3 on: the name before it may hold blanks
    herd_start=${fields[19]}
    [[ $herd_host ]] || IFS= read -r herd_host </proc/sys/kernel/hostname
  fi
  [[ $herd_host ]] || herd_host=${HOSTNAME:--}
}

# Sets herd_now: seconds since the epoch.
herd_clock() { printf -v herd_now '%(%s)T' -1 2>/dev/null || herd_now=$(date +%s 2>/dev/null) || herd_now=-; }

# herd_leave CODE [.TERM]: note the end and leave.
herd_leave() {
  herd_clock
  herd_remove_file
  herd_note "$@" || herd_say "cannot note the end of trial $herd_unit in $herd_file_shown"
  exit "$1"
}
herd_end() { herd_leave "$@"; }

# Takes backslashes out of herd_value, as in double quotes of a .env file.
herd_unescape() {
  local rest=$herd_value
  herd_value=
  while [[ $rest == *\\?* ]]; do
    herd_value+=${rest%%\\*} rest=${rest#*\\}
    case $rest in
      n*) herd_value+=$'\n' ;;
      t*) herd_value+=$'\t' ;;
      [\\\"\$\`]*) herd_value+=${rest:0:1} ;;
      *) herd_value+=\\${rest:0:1} ;;
    esac
    rest=${rest:1}
  done
  herd_value+=$rest
}

# Sets herd_value to what TEXT, the right side of a .env line, stands for; false where a quote is not closed.
herd_env_value() {
  local double='^"(([^"\\]|\\.)*)"[[:blank:]]*(#.*)?$' single="^'([^']*)'[[:blank:]]*(#.*)?\$"
  herd_value=$1
  case $herd_value in
    \"*) [[ $1 =~ $double ]] && herd_value=${BASH_REMATCH[1]} && herd_unescape ;;
    \'*) [[ $1 =~ $single ]] && herd_value=${BASH_REMATCH[1]} ;;
    \#*) herd_value= ;;
    *)
      herd_value=${herd_value%%[[:blank:]]#*}
      herd_value=${herd_value%"${herd_value##*[![:blank:]]}"}
      ;;
  esac
}

# .env fills variables that are not set. Nothing in it is executed, and no value is printed.
herd_read_env() {
  local line key value number=0
  while IFS= read -r line || [[ $line ]]; do
    number=$((number + 1)) line=${line#$'\xef\xbb\xbf'} line=${line%$'\r'}
    line=${line#"${line%%[![:blank:]]*}"}
    case $line in '' | \#*) continue ;; esac
    [[ $line == export[[:blank:]]* ]] && line=${line#export} line=${line#"${line%%[![:blank:]]*}"}
    key=${line%%=*} value=${line#*=}
    key=${key%"${key##*[![:blank:]]}"} value=${value#"${value%%[![:blank:]]*}"}
    case $line in *=*) ;; *) key= ;; esac
    case $key in
      '' | [0-9]* | *[!a-zA-Z0-9_]*) herd_say "$herd_env_file:$number: not NAME=VALUE, left out" ;;
      *)
        [[ ${!key+set} ]] && continue
        if herd_env_value "$value"; then export "$key=$herd_value"; else
          herd_say "$herd_env_file:$number: the quote is not closed, left out"
        fi
        ;;
    esac
  done <"$herd_env_file"
}

# Opens the two logs as descriptors 8 and 9, and begins each with a dividing line of its own. Where they are links, as
# those of `herd test`, they stand for this process's output, which needs none.
herd_open_logs() {
  local line time out= err= mask= opened
  [[ -L $herd_log.out ]] && exec 8>&1 9>&2 && return
  [[ -s $herd_log.out ]] && out=$'\n'
  [[ -s $herd_log.err ]] && err=$'\n'
  printf -v time '%(%Y-%m-%d %H:%M:%S)T' -1 2>/dev/null || time=$herd_now
  line="==== hyperherd: attempt $herd_attempt, $herd_by, $herd_host, $time ===="
  [[ -g $herd_logs ]] && mask=$(umask) && umask g=rwx # a group's: another of its members may run the trial again
  exec 8>>"$herd_log.out" 9>>"$herd_log.err"
  opened=$?
  [[ $mask ]] && umask "$mask"
  ((opened == 0)) &&
    printf '%s%s\n' "$out" "$line" >&8 && printf '%s%s\n' "$err" "$line" >&9
}

herd_end_earlier() { :; } # earlier.sh has another

# Into the trial's own log.
herd_explain() { printf 'hyperherd: %s\n' "$1" >&9; }

# The script of the user's, as it stood when it was submitted, with the overrides where they belong: beside the user's own,
# so that it finds its folder. An attempt that was killed has left its file there.
herd_write_file() {
  local mine=$herd_copy$HYPERHERD_TRIAL_ID.$herd_number-
  rm -f -- "$mine"*"$herd_extension" 2>/dev/null
  herd_file=$mine$herd_attempt-$herd_token$herd_extension
  (umask 077; herd_text >"$herd_file") 2>/dev/null
}
herd_remove_file() { [[ -z ${herd_file-} ]] || rm -f -- "$herd_file"; } 2>/dev/null
herd_text() {
  local part
  printf '%s' "${herd_parts[0]}"
  for part in "${herd_parts[@]:1}"; do printf '%s%s' "$OVERRIDES" "$part"; done
}

# herd_program [exec]: the trial itself; with exec in the place of this shell.
# What bash itself says of its end ("Killed") is no word of the trial's: only the trial writes to its logs.
herd_program() {
  if [[ -z ${herd_interpreter-} ]]; then
    "$@" "$BASH" "$herd_launch" "$OVERRIDES" </dev/null >&8 2>&9 7<&- 8>&- 9>&-
  else
    "$@" "${herd_interpreter[@]}" "$herd_file" ${herd_arguments[@]+"${herd_arguments[@]}"} </dev/null >&8 2>&9 7<&- 8>&- 9>&-
  fi
}

# The trial in the background. It gets the signals that this script survives in their default form.
herd_in_background() {
  trap : INT QUIT # a background command ignores these two until they were trapped once
  trap - TERM INT HUP QUIT USR1 USR2 ALRM XCPU URG
  herd_program exec
}

# In the foreground, bash handles a signal after the trial has ended, and surely knows its exit code. Where something has
# to be done about a signal, the trial runs in the background: a signal then ends the wait, which has to be asked again,
# once more where the trial has ended meanwhile; bash 5.2 may have lost the code of one that ended in that moment (it
# says -1, or 127).
herd_run() {
  if [[ -z $herd_background ]]; then
    herd_program
    herd_code=$?
    return
  fi
  local code again
  herd_in_background &
  herd_pid=$!
  herd_forward ''
  while wait "$herd_pid"; herd_code=$?; ((herd_code < 0 || herd_code > 128)); do
    if ! kill -0 "$herd_pid" 2>/dev/null; then
      for again in 1 2 3; do # a signal may cut this short, too
        wait "$herd_pid" 2>/dev/null
        code=$?
        ((code < 0 || code == 127)) || herd_code=$code
        ((code < 0 || code > 128)) || break
      done
      break
    fi
    ((herd_code > 0)) || herd_pause 1
  done
  ((herd_code >= 0)) || herd_code=143
}

# herd_forward NAME: this signal has come. Passes on the one that is to be, once, and not before there is a trial.
herd_told='' herd_pid='' herd_again='' herd_warned='' herd_forwarded='' herd_background=$herd_signal
herd_forward() {
  [[ $1 && $1 == "$herd_signal" ]] && herd_warned=1
  [[ $herd_warned && $herd_pid && -z $herd_forwarded ]] || return 0
  herd_forwarded=1
  herd_warn
}
herd_warn() { kill -s "$herd_signal" "$herd_pid" 2>/dev/null; }
trap 'herd_told=.TERM; herd_forward TERM' TERM
trap 'herd_told=.TERM; herd_forward INT' INT
trap 'herd_told=.TERM; herd_forward HUP' HUP
for herd_name in QUIT USR1 USR2 ALRM XCPU; do trap "herd_forward $herd_name" "$herd_name"; done

