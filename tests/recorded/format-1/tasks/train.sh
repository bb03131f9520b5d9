echo "$HYPERHERD_TRIAL_ID $SLURM_ARRAY_TASK_ID $*" >>started
case $HYPERHERD_TRIAL_ID,$SLURM_ARRAY_TASK_ID in
  1,1) exit 3 ;;
  1,2) until [[ -e go ]]; do sleep 0.05; done ;;
esac
