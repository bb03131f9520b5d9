# Registers, claims and notes, as a node writes them; in Python: registers.py, claims.py, notes.py, filenames.py.

# herd_create FILE WORDS: true if this process made the file (O_CREAT|O_EXCL), whatever became of the words.
herd_create() {
  herd_made=
  set -C
  { herd_made=1; printf '%s\n' "$2"; } 2>/dev/null >"$1"
  set +C
  [[ $herd_made ]]
}

# A job that was given up, or that is not the one on record, runs nothing.
herd_ask_register() {
  local owner='' until=$((SECONDS + 5))
  { IFS= read -r owner <"$herd_register"; } 2>/dev/null
  [[ $owner == "$herd_job" ]] && return
  herd_create "$herd_register" "$herd_job"
  while [[ -e $herd_register ]]; do
    IFS= read -r owner <"$herd_register"
    [[ -z $owner ]] && ((SECONDS < until)) || break # its creator is between open and write
    herd_pause 1
  done
  case $owner in
    "$herd_job") ;;
    '') herd_refuse 74 "cannot read or write $herd_register" ;;
    void) herd_refuse 3 "this submission was given up before it started" ;;
    *) herd_refuse 3 "this submission belongs to job $owner, and this is job $herd_job" ;;
  esac
}

# herd_read_claim ATTEMPT: sets herd_claim_token and herd_claim_boot; empty where there is none.
herd_read_claim() {
  herd_claim_token= herd_claim_boot=
  { read -r herd_claim_token _ _ herd_claim_boot _ <"$herd_attempts/$herd_index.$1"; } 2>/dev/null
}

# True if the attempt was claimed by this submission.
herd_is_ours() {
  herd_read_claim "$1"
  [[ $herd_claim_token == "$herd_token" ]]
}

# A job that was queued again needs all attempts since its first: one of another submission that has run, or is about
# to, has or wants one of these.
herd_claim() {
  local attempt mine="$herd_token $herd_job $herd_host $herd_boot $$ $herd_start $herd_now${herd_changed:+ changed}"
  for ((attempt = herd_first; attempt <= herd_attempt; attempt++)); do
    herd_create "$herd_attempts/$herd_index.$attempt" "$mine" && continue
    [[ -e $herd_attempts/$herd_index.$attempt ]] || herd_refuse 74 "cannot write $herd_attempts/$herd_index.$attempt"
    ((attempt < herd_attempt)) && herd_is_ours "$attempt" && continue
    herd_refuse 3 "attempt $attempt of trial $herd_index was taken by another job"
  done
}

# herd_note CODE [.TERM]: how this attempt has ended; false where that cannot be written to herd_note_file.
herd_note() {
  herd_note_file="$herd_attempts/$herd_index.$herd_attempt.$1${2-}$herd_changed"
  herd_create "$herd_note_file" "$herd_host $herd_started $herd_now"
}

