# On this machine nobody but the supervisor queues.
herd_element= herd_node= herd_own_job= herd_restarts=${HYPERHERD_RESTARTS:-0}
export -n HYPERHERD_RESTARTS # for us alone
herd_queued_itself() { return 1; }

