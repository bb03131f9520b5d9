"""A sweeper that goes on from the best of what its jobs return."""

from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper


class Climb(BasicSweeper):
    def sweep(self, arguments):
        best = 1.0
        for turn in range(2):
            jobs = [[*arguments, f"lr={best}"], [*arguments, f"lr={best + 1}"]]
            self.validate_batch_is_legal(jobs)
            best = max(job.return_value for job in self.launcher.launch(jobs, initial_job_idx=2 * turn))
        Path(self.config.hydra.sweep.dir, "best").write_text(str(best))
