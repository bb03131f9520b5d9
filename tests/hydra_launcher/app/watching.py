"""A callback of the user's."""

from pathlib import Path

from hydra.experimental.callback import Callback


class Watch(Callback):
    def on_job_end(self, config, job_return, **kwargs):
        with (Path(config.hydra.runtime.cwd) / "watched").open("a") as file:
            file.write(f"{config.hydra.job.num} {job_return.status.name}\n")
