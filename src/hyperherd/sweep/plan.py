"""What a ``herd run`` will do: the trials that are known against the trials that the YAML describes now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hyperherd.errors import GrammarError, HerdError
from hyperherd.grammar import values
from hyperherd.sweep.identity import rounded, trial_hash
from hyperherd.sweep.trial import AGAIN, ENDED_EARLY, KEPT, LIVE, Status, Trial, Typed, Value

if TYPE_CHECKING:
    from hyperherd.requirements import HostRequirement


@dataclass(frozen=True)
class Described:
    """A trial as the YAML describes it; ``hash`` is its identity, to which ``requires`` does not belong."""

    hash: str
    params: Mapping[str, Value]
    extras: Mapping[str, Value]
    requires: HostRequirement | None = None
    typed: Typed | None = None


@dataclass(frozen=True)
class Choice:
    """What the user narrowed a run to.

    ``indices``: only these, None for all. ``pins``: only trials with these parameter values. ``lost``: lost trials
    too, and where they are named, those that run where nobody here can look. ``force``: without ``indices``, trials
    no longer described become orphans; with them, completed ones run again. ``hashes``: only these, None for all.
    """

    indices: frozenset[int] | None = None
    pins: Mapping[str, Value] | None = None
    lost: bool = False
    force: bool = False
    hashes: frozenset[str] | None = None

    @property
    def orphans(self) -> bool:
        """Whether the user said what becomes of trials that are no longer described."""
        return self.force and self.indices is None


@dataclass(frozen=True)
class Plan:
    """``trials`` is the new manifest, in order of index; the other tuples are parts of it, but for ``dropped``.

    ``undecided`` are trials that may still run or have run, and that the YAML describes no longer: nothing may
    happen until the user says what becomes of them.
    """

    trials: tuple[Trial, ...]
    kept: tuple[Trial, ...]
    added: tuple[Trial, ...]
    dropped: tuple[Trial, ...]
    orphaned: tuple[Trial, ...]
    undecided: tuple[Trial, ...]
    submit: tuple[Trial, ...]
    next_index: int


Namer = Callable[[Sequence[Described], Sequence[str]], Sequence[str]]
"""Names for new trials, unique also against the names given."""


@dataclass(frozen=True)
class Matcher:
    """Finds the described trial that a known one is.

    ``defaults``: parameter -> its ``default`` in the YAML. ``ran_with``: trial index -> static overrides it last ran
    with, by name; a parameter that is new in the YAML has that value, else its default, for trials of before.
    ``adopted``: the trials that still stand as HyperHerd 0.1.3 wrote them, which did not round and had other hashes.
    """

    defaults: Mapping[str, Value]
    ran_with: Callable[[int], Mapping[str, Value]]
    adopted: frozenset[int] = frozenset()

    def match(
        self, known: Sequence[Trial], described: Sequence[Described]
    ) -> tuple[dict[int, Trial], list[Described]]:
        """Trial index -> the trial as it is described now, and what is described but was not known."""
        open_ = {new.hash: new for new in described}
        matched: dict[int, Trial] = {}
        left: list[Trial] = []
        for trial in known:
            new = open_.pop(trial.hash, None)
            if new is None:
                left.append(trial)
            elif trial.orphan or trial.typed != new.typed:
                matched[trial.index] = replace(trial, orphan=False, typed=new.typed)
            else:
                matched[trial.index] = trial
        by_forms = [_by_form(form, open_.values()) for form in _FORMS] if self.adopted else []
        for trial in left if open_ else ():
            now = self._as_described_now(trial, open_, by_forms)
            if now is not None and open_.pop(now.hash, None) is not None:
                matched[trial.index] = replace(
                    trial, hash=now.hash, params=now.params, extras=now.extras, orphan=False
                )
        return matched, list(open_.values())

    def _as_described_now(
        self, trial: Trial, open_: Mapping[str, Described], by_forms: Sequence[Mapping[str, Described | None]]
    ) -> Described | None:
        if trial.index in self.adopted:
            found = (
                by_form.get(_hash_of(form, trial)) for form, by_form in zip(_FORMS, by_forms, strict=True)
            )
            return next(filter(None, found), None)
        missing = [name for name in self.defaults if name not in trial.params]
        if not missing:
            return None
        ran_with = self.ran_with(trial.index)
        params = {**trial.params, **{name: ran_with.get(name, self.defaults[name]) for name in missing}}
        return open_.get(trial_hash(params, trial.extras))


@dataclass(frozen=True)
class Before:
    """What a run starts from: the trials of the manifest, what became of each, and the first index that was never used.

    ``retired`` are names of dropped trials: such a one may have left a checkpoint, which no other trial may find.
    ``former``: hash -> the name of such a one, which the same trial has again when it comes back.
    """

    trials: Sequence[Trial]
    statuses: Mapping[int, Status]
    next_index: int
    retired: Sequence[str] = ()
    former: Mapping[str, str] = field(default_factory=dict)


def make(
    before: Before, described: Sequence[Described], choice: Choice, matcher: Matcher, namer: Namer
) -> Plan:
    """Compare, and decide. Raises `HerdError` for a choice that names what is not there."""
    known, statuses, next_index = before.trials, before.statuses, before.next_index
    matched, fresh = matcher.match(known, described)
    kept = tuple(matched[trial.index] for trial in known if trial.index in matched)
    gone = [trial for trial in known if trial.index not in matched]
    dropped = tuple(t for t in gone if not t.orphan and statuses[t.index] not in KEPT)
    orphans = [t for t in gone if t.orphan or statuses[t.index] in KEPT]
    undecided = tuple(t for t in orphans if not t.orphan and not choice.orphans)
    names = _names(fresh, before, namer)
    added = tuple(
        Trial(next_index + offset, new.hash, names[new.hash], new.params, new.extras, typed=new.typed)
        for offset, new in enumerate(fresh)
    )
    orphaned = tuple(replace(trial, orphan=True) for trial in orphans)
    trials = tuple(sorted((*kept, *orphaned, *added), key=lambda trial: trial.index))
    return Plan(
        trials=trials,
        kept=kept,
        added=added,
        dropped=dropped,
        orphaned=orphaned,
        undecided=undecided,
        submit=tuple(_chosen((*kept, *added), statuses, choice)),
        next_index=next_index + len(added),
    )


def _names(fresh: Sequence[Described], before: Before, namer: Namer) -> dict[str, str]:
    """Hash -> name: one that was dropped and comes back has its old name, if nobody else has taken it."""
    given = [trial.name for trial in before.trials]
    taken = {name.casefold() for name in given}
    back = {
        new.hash: before.former[new.hash]
        for new in fresh
        if new.hash in before.former and before.former[new.hash].casefold() not in taken
    }
    others = [new for new in fresh if new.hash not in back]
    names = namer(others, [*given, *back.values(), *before.retired])
    return back | {new.hash: name for new, name in zip(others, names, strict=True)}


def _chosen(trials: Sequence[Trial], statuses: Mapping[int, Status], choice: Choice) -> list[Trial]:
    wanted = AGAIN | ({Status.LOST} if choice.lost or choice.indices is not None else frozenset())
    if choice.indices is not None:
        wanted |= ENDED_EARLY
    if choice.force and choice.indices is not None:
        wanted |= {Status.COMPLETED}
    if choice.indices is not None:
        _refuse_what_is_not_there(trials, statuses, choice.indices)
    if choice.pins and not any(matches(trial.params, choice.pins) for trial in trials):
        raise nobody_has(choice.pins)
    return [
        trial
        for trial in trials
        if statuses.get(trial.index, Status.READY) in wanted
        and (choice.indices is None or trial.index in choice.indices)
        and (choice.hashes is None or trial.hash in choice.hashes)
        and (not choice.pins or matches(trial.params, choice.pins))
    ]


def nobody_has(pins: Mapping[str, Value]) -> HerdError:
    """The error for pins that no trial has."""
    told = ", ".join(f"{name}={value!r}" for name, value in pins.items())
    return HerdError(f"no trial has {told}", hint="herd ls shows the values of all")


def _refuse_what_is_not_there(
    trials: Sequence[Trial], statuses: Mapping[int, Status], indices: frozenset[int]
) -> None:
    there = {trial.index for trial in trials}
    if absent := sorted(indices - there):
        raise HerdError(
            f"no trial {', '.join(map(str, absent[:10]))} in this sweep",
            hint="herd ls shows them all",
        )
    if live := sorted(i for i in indices if statuses.get(i) in LIVE):
        raise HerdError(
            f"trial {', '.join(map(str, live[:10]))} is {statuses[live[0]]} already",
            hint=f"to run it anew, stop it first: herd stop {live[0]}; if its host is gone for good: "
            f"herd run -i {live[0]} --lost",
        )


def matches(params: Mapping[str, Value], pins: Mapping[str, Value]) -> bool:
    """Whether the parameters have all these values; 1 and 1.0 are the same here, text is not a number."""
    return all(name in params and _same(params[name], value) for name, value in pins.items())


def _same(left: Value, right: Value) -> bool:
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _rounded(value: Value) -> Value:
    """A float as those of continuous parameters are today."""
    return rounded(value) if isinstance(value, float) else value


def _as_yaml_1_1(value: Value) -> Value:
    """A value by which one that HyperHerd 0.1.3 has read can be known: to YAML 1.1 a plain 1e-3 is text, and ``on`` is
    true.

    >>> _as_yaml_1_1("1e-3"), _as_yaml_1_1("off"), _as_yaml_1_1("adam")
    (0.001, False, 'adam')
    """
    if not isinstance(value, str):
        return _rounded(value)
    if value.lower() in _YAML_1_1_BOOLEANS:
        return _YAML_1_1_BOOLEANS[value.lower()]
    try:
        read = values.read(value)
    except GrammarError:
        return value
    return _rounded(read) if isinstance(read, float) else value


_YAML_1_1_BOOLEANS = {"on": True, "yes": True, "off": False, "no": False}
_FORMS: tuple[Callable[[Value], Value], ...] = (_rounded, _as_yaml_1_1)
"""The forms in which a trial of HyperHerd 0.1.3 is compared with what is described now, the stricter one first."""


def _hash_of(form: Callable[[Value], Value], one: Trial | Described) -> str:
    return trial_hash(
        {name: form(value) for name, value in one.params.items()},
        {name: form(value) for name, value in one.extras.items()},
    )


def _by_form(form: Callable[[Value], Value], described: Iterable[Described]) -> dict[str, Described | None]:
    """What is described, by its hash in this form; None for two that are alike in it."""
    found: dict[str, Described | None] = {}
    for one in described:
        key = _hash_of(form, one)
        found[key] = None if key in found else one
    return found
