# The supervisor follows the mark AGAIN.
herd_scheduler='this machine' herd_requeues=

herd_ask_why() {
  herd_why=
  [[ ${HYPERHERD_TIME_LIMIT_AT-} ]] || return 0
  herd_clock
  ((herd_now >= HYPERHERD_TIME_LIMIT_AT)) && herd_why=TIMEOUT
}
herd_ask_why_before() { herd_why=; }
herd_ask_to_queue() { return 2; }
herd_kill_elsewhere() { :; }

