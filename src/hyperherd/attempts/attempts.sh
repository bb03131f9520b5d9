# Registers, claims and notes, as a node writes them; in Python: registers.py, claims.py, notes.py, filenames.py. The format
# is described in docs/format.md.

# herd_create FILE WORDS: true if this process made the file (O_CREAT|O_EXCL), whatever became of the words.
herd_create() {
  herd_made=
  set -C
  { herd_made=1; printf '%s\n' "$2"; } 2>/dev/null >"$1"
  set +C
  [[ $herd_made ]]
}

# Sets, for trial herd_index, or task herd_task of it: herd_unit (its name), herd_number, herd_at (what its files' names begin
# with) and herd_log. herd_before_at is the same in a state that version 1 has begun.
herd_locate() {
  herd_unit=$herd_index herd_number=${herd_task:-$herd_index} herd_log=$herd_logs/$herd_index herd_before_at=$herd_before/$herd_index
  herd_at=$herd_attempts/$((herd_index / 64))/$herd_index
  [[ $herd_task ]] || return 0
  herd_unit=${herd_index}_$herd_task herd_log+=/$herd_task herd_before_at+=/$herd_task
  herd_at=$herd_attempts/${herd_index}_$((herd_task / 64))/$herd_unit
}

# Opens the folder of this trial's files as descriptor 7, and has herd_at begin with it: they are found there also where the
# workspace is moved meanwhile. Only herd run makes folders. One that is late on this node's disk is waited for; a listing of
# each folder above it asks an NFS server anew, which a node need not do for a minute after it has heard that there is none.
herd_find_folder() {
  local folder=${herd_at%/*} path part parts='' until=$((SECONDS + ${HYPERHERD_FOLDER_WAIT_S:-130}))
  until [[ -d $folder ]]; do
    ((SECONDS < until)) || herd_refuse 74 "there is no $folder: its state folder was removed or moved, or its disk is not here"
    [[ ${parts-} ]] || herd_say "waits for $folder, which is not there"
    IFS=/ read -r -d '' -a parts <<<"$folder"
    path=
    for part in "${parts[@]:1}"; do
      [[ $path == */.* || $path/$part == */.* ]] && : "$path"/*
      path+=/${part%$'\n'}
    done
    herd_pause 2
  done
  herd_block=$folder
  { exec 7<"$folder"; } 2>/dev/null && [[ -d /proc/self/fd/7/. ]] && herd_at=/proc/self/fd/7/${herd_at##*/}
  return 0
}

# herd_shown FILE: sets herd_file_shown to its path, for people.
herd_shown() { herd_file_shown=${1/#\/proc\/self\/fd\/7/$herd_block}; }

# herd_completed: sets herd_success to the attempt of this submission before this one that has completed; false where none has.
herd_completed() {
  local file
  for ((herd_success = herd_first; herd_success < herd_attempt; herd_success++)); do
    for file in "$herd_at.$herd_success.completed".* ${herd_before:+"$herd_before_at.$herd_success.0"}; do
      [[ -e $file ]] && return 0
    done
  done
  return 1
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
  local file=$herd_at.$1
  [[ $herd_before && ! -e $file ]] && file=$herd_before_at.$1
  herd_claim_token= herd_claim_boot=
  { read -r herd_claim_token _ _ herd_claim_boot _ <"$file"; } 2>/dev/null
}

# True if the attempt was claimed by this submission.
herd_is_ours() {
  herd_read_claim "$1"
  [[ $herd_claim_token == "$herd_token" ]]
}

# A job that was queued again needs all attempts since its first: one of another submission that has run, or is about
# to, has or wants one of these. A submission of version 1 that may still start wants the old name.
herd_claim() {
  local attempt file mine="$herd_token $herd_job $herd_host $herd_boot $$ $herd_start $herd_now $herd_element_number $herd_restarts${herd_changed:+ changed}"
  for ((attempt = herd_first; attempt <= herd_attempt; attempt++)); do
    for file in ${herd_before:+"$herd_before_at.$attempt"} "$herd_at.$attempt"; do
      herd_create "$file" "$mine" && continue
      herd_shown "$file"
      [[ -e $file ]] || herd_refuse 74 "cannot write $herd_file_shown"
      ((attempt < herd_attempt)) && herd_is_ours "$attempt" && continue
      herd_refuse 3 "attempt $attempt of trial $herd_unit was taken by another job"
    done
  done
}

# herd_note CODE [.TERM]: how this attempt has ended, flushed; false where that cannot be written to herd_file_shown.
herd_note() {
  local verdict=failed
  [[ $1$2 == 0 ]] && verdict=completed
  [[ $herd_again ]] && verdict=requeued
  local file="$herd_at.$herd_attempt.$verdict.$1${2-}$herd_changed"
  herd_shown "$file"
  herd_create "$file" "$herd_token $herd_host $herd_started $herd_now" && herd_flush "$file" "${file%/*}"
}
herd_flush() { :; } # a scheduler's node has another

