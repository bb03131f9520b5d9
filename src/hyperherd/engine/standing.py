"""How trials stand by the metric that their sweep is about, and which is the best."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hyperherd.sweep.metrics import Metric
from hyperherd.workspace import results
from hyperherd.workspace.folder import Workspace


@dataclass(frozen=True)
class Standing:
    """Trial index -> the value that counts (`Metric.score`)."""

    metric: Metric
    scores: Mapping[int, float | None]

    @property
    def best(self) -> int | None:
        """The trial with the best value; None where none has any."""
        return self.metric.best(self.scores)


def metrics_of(workspace: Workspace) -> tuple[Metric, ...]:
    """What the YAML says that the sweep is about, as it is now; nothing where it says so of none, or cannot be read."""
    if workspace.script:
        return ()
    try:
        text = workspace.config.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ()
    if "metric" not in text:
        return ()
    from hyperherd.config import metric  # reading YAML takes longer than all else of a look

    return metric.of_text(text)


def of(
    workspace: Workspace,
    indices: Iterable[int],
    metric: Metric,
    finals: Mapping[int, Mapping[str, Any]] | None = None,
) -> Standing:
    """How these trials stand; ``finals`` are their final metrics, where they have been read."""
    folder = workspace.results
    known = results.all_finals(folder) if finals is None else finals
    scores = {
        index: metric.score(
            known.get(index, {}), [point.value for point in results.stream(folder, index, metric.name)]
        )
        for index in indices
    }
    return Standing(metric, scores)
