[[ $herd_job ]] || herd_refuse 3 "this script is run by its launcher, not by hand"
herd_by='this machine'
if [[ $herd_element ]]; then
  export HYPERHERD_JOB_ID=$herd_element HYPERHERD_ATTEMPT_JOB=$herd_own_job
  herd_by="job $herd_element"
fi
herd_attempt=$((herd_first + herd_restarts))
herd_identify
herd_clock
herd_started=$herd_now herd_changed=
[[ -e $herd_script && $herd_launch -nt $herd_script ]] && herd_changed=.CHANGED
herd_find_folder
herd_ask_register
if herd_completed; then
  herd_say "trial $herd_unit has completed in attempt $herd_success; it is not run again"
  exit 0
fi
herd_claim
herd_completed && herd_end 0
[[ $herd_told ]] && herd_end 143 .TERM
export HYPERHERD_ATTEMPT=$herd_attempt HYPERHERD_ATTEMPT_MARK=$herd_token/$herd_unit.$herd_attempt
[[ -f $herd_env_file && -r $herd_env_file ]] && herd_read_env
if ! herd_open_logs; then
  herd_say "cannot write $herd_log.out and $herd_log.err; the trial is not run"
  herd_end 74
fi
if ! herd_end_earlier; then
  herd_say "an earlier attempt still runs on this node (process ${herd_found[*]}) and cannot be killed; the trial is not run"
  herd_end 74
fi
[[ $herd_told ]] && herd_end 143 .TERM
if ! cd "$herd_folder"; then
  herd_say "cannot enter $herd_folder; the trial is not run"
  herd_end 74
fi
if [[ ${herd_interpreter-} ]] && ! herd_write_file; then
  herd_say "cannot write $herd_file; the trial is not run"
  herd_end 74
fi
herd_run
((herd_code == 0)) && [[ $herd_told ]] && herd_code=143
# A script that has queued its own job again and ended well has not succeeded: it goes on.
((herd_code == 0)) && [[ ${herd_may_requeue-} ]] && herd_queued_itself && herd_code=75 herd_again=1
((herd_code == 0)) && [[ $herd_told ]] && herd_code=143 # it was told while that was being asked
herd_end "$herd_code" "$herd_told"
