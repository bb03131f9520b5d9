"""A source as somebody outside would write it: it climbs from the best trial so far (docs/architecture.md)."""

from hyperherd.search.source import History, Source, trial
from hyperherd.sweep.plan import Described


class Climbing(Source):
    """Two trials, then again and again the two beside the best one."""

    name = "climbing"
    learns = True

    def __init__(self, metric: str, step: float = 1.0) -> None:
        self.metric = metric
        self.step = step

    def described(self, history: History) -> list[Described]:
        if not history.trials:
            return [trial({"x": 0.0}), trial({"x": 10.0})]
        ended = [past for past in history.trials if self.metric in past.metrics]
        if len(ended) < len(history.trials):
            return []  # some still run
        best = max(ended, key=lambda past: past.metrics[self.metric])
        x = float(str(best.trial.params["x"]))
        return [trial({"x": x - self.step}), trial({"x": x + self.step})]
