# Marks, as a node writes them where the sweep says `requeue`; in Python: notes.py, filenames.py. A mark,
# <trial>.<attempt>.<WORD>, says what cut an attempt short (TIMEOUT, PREEMPTION, NODE_FAIL, EXIT75), that it was
# told to end (TOLD), that another one of this submission follows on this machine (AGAIN), or that the scheduler would not
# queue it again (REFUSED, with its words).

# herd_mark ATTEMPT WORD WORDS: in a subshell, as a trap may come in the middle of another herd_create. A scheduler tells
# all of a job to end, the subshell too.
herd_mark() {
  local tries
  for tries in 1 2 3; do
    (herd_create "$herd_at.$1.$2" "$3")
    (($? > 128)) || break
  done
}
herd_marked() { [[ -e $herd_at.$1.$2 ]]; }

# herd_find_notes ATTEMPT: sets herd_notes; the first does not exist where there are none.
herd_find_notes() { herd_notes=("$herd_at.$1".*.[0-9]*); }

