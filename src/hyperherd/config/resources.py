"""What ``slurm`` says, out of a mapping. Its options are for the launcher to judge, whose check is passed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from hyperherd.config.faults import Faults, shown
from hyperherd.sweep.trial import Value


class Check(Protocol):
    """A launcher's check of its own options."""

    def __call__(
        self, given: Mapping[str, Any], *, requeues: bool = False
    ) -> Iterable[tuple[tuple[str | int, ...], str, str]]:
        """Options by name, with raw lines under ``extra_args``, of a sweep that ``requeues`` its trials or does not ->
        for each fault where it stands there, what is wrong, and what would be right.
        """


@dataclass(frozen=True)
class Resources:
    """See `SweepSpec`."""

    options: Mapping[str, str | int | bool | None] = field(default_factory=dict)
    max_concurrent: int | None = None
    extra_args: tuple[str, ...] = ()


def build(content: Value, faults: Faults, check: Check | None, *, requeues: bool = False) -> Resources:
    """Without a check its options are taken as they are."""
    if not isinstance(content, dict) or faults.at(("slurm",)):
        return Resources()
    native: dict[str, Any] = {k: v for k, v in content.items() if k != "max_concurrent"}
    for path, what, hint in check(native, requeues=requeues) if check else ():
        faults.add(("slurm", *path), what, hint)
    most = content.get("max_concurrent")
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
        what = f"a whole number of at least 1 expected, not {shown(most)}"
        faults.add(("slurm", "max_concurrent"), what, "how many trials may run at once; without it, all")
    raw = native.pop("extra_args", None)
    lines = [line for line in raw if isinstance(line, str)] if isinstance(raw, list) else []
    return Resources(
        native,
        most if isinstance(most, int) else None,
        tuple(line.strip().removeprefix("#SBATCH").strip() for line in lines),
    )
