"""What is asked of whoever runs a batch, and what they foresee of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """What each element of a batch has of this machine for itself, as it was asked for; None where nobody asked.

    ``cores``   so many, and no others (nobody asked: one slot, and the threads of numeric libraries are shared out)
    ``gpus``    so many, and sees no others; 0: sees none (nobody asked: sees all)
    ``time_s``  seconds until it is ended (nobody asked: it may take as long as it likes)
    """

    cores: int | None = None
    gpus: int | None = None
    time_s: float | None = None

    def over(self, other: Share) -> Share:
        """This, and what the other says where this says nothing."""
        return Share(
            other.cores if self.cores is None else self.cores,
            other.gpus if self.gpus is None else self.gpus,
            other.time_s if self.time_s is None else self.time_s,
        )


@dataclass(frozen=True)
class Forecast:
    """What would become of a batch if it were submitted.

    ``refused``    why it would surely be refused, in the launcher's words; else ""
    ``unsure``     why nothing can be said of it, where the launcher was asked and does not know
    ``hint``       what to do about either
    ``starts_at``  when its first element is expected to begin, in seconds since the epoch; None where nobody says
    """

    refused: str = ""
    unsure: str = ""
    hint: str = ""
    starts_at: float | None = None
