#!/bin/bash
echo "$HYPERHERD_TRIAL_ID $HYPERHERD_ATTEMPT" >>"$HYPERHERD_WORKSPACE/started"
case $HYPERHERD_TRIAL_ID in
  0) ;;
  1) exit 3 ;;
  2) until [[ -e "$HYPERHERD_WORKSPACE/never" ]]; do sleep 0.05; done ;;
  3) until [[ -e "$HYPERHERD_WORKSPACE/never" ]]; do sleep 0.05; done ;;
  4) ((HYPERHERD_ATTEMPT > 1)) || exit 75 ;;
  5) until [[ -e "$HYPERHERD_WORKSPACE/go" ]]; do sleep 0.05; done ;;
esac
