"""Which GPU a name means, and how much memory it has: the table ``gpus.yaml``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hyperherd.errors import ConfigError, Fault
from hyperherd.launchers.survey import OWN_GPUS, KnownGpu

SHIPPED = Path(__file__).with_name("gpus.yaml")
NAME = OWN_GPUS

_KINDS = ("cuda", "gpu")
_GIB = 2**30
_SLICE = re.compile(r"(?<![0-9a-z])\d+g\.(\d+)gb", re.IGNORECASE)
"""A MIG profile such as ``1g.10gb`` (NVIDIA, MIG User Guide): compute slices, memory."""


@dataclass(frozen=True)
class Model:
    """``sizes``: bytes, smallest first; several where it is sold with either."""

    name: str
    kind: str
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class Table:
    """Models by name, and other names for them."""

    models: Mapping[str, Model]
    names: Mapping[str, str]

    def model(self, text: str) -> Model | None:
        """The model that a name means: the longest one in it."""
        whole = self.meant(text)
        fitting = [model for model in self.models.values() if _names(model.name, whole)]
        return max(fitting, key=lambda model: len(_bare(model.name)), default=None)

    def meant(self, text: str) -> str:
        """The text with a site's own name in the place of one from ``names``; the longest first."""
        for name in sorted(self.names, key=lambda name: -len(_bare(name))):
            if _names(name, text) and not any(
                _names(known, text) and len(_bare(known)) > len(_bare(name)) for known in self.models
            ):
                return _pattern(name).sub(self.names[name], text.lower())
        return text

    def known(self, kind_of_gres: str, features: Sequence[str]) -> KnownGpu:
        """What a GPU is: by its gres type, else by the features of its node; its memory by either."""
        if match := _SLICE.search(kind_of_gres):
            base = self.model(kind_of_gres[: match.start()])
            name = f"{base.name}_{match[0]}" if base else kind_of_gres
            return KnownGpu(base.kind if base else "cuda", name, int(match[1]) * _GIB, slice=match[0])
        by, model = self._named(kind_of_gres, features)
        if model is None:
            sizes = [(size, word) for word in features for size in _told(word) if _about_gpus(word)]
            size, word = sizes[0] if sizes else (None, "")
            return KnownGpu("cuda", kind_of_gres, size, by=(word,) if word else ())
        if len(model.sizes) == 1:
            return KnownGpu(model.kind, model.name, model.sizes[0], by=by)
        return self._sized(model, kind_of_gres, features, by)

    def of_card(self, name: str, memory: int | None) -> KnownGpu:
        """A card of this machine: of the maker's memory where its model is known, else of what the driver counts.

        >>> found = read().of_card("NVIDIA H100 80GB HBM3", 81559 * 2**20)
        >>> found.kind, found.model, found.memory // 2**30
        ('cuda', 'h100', 80)
        """
        model = self.model(name)
        if model is None:
            return KnownGpu("cuda", name, memory)
        near = [size for size in model.sizes if memory and 0.9 * size <= memory <= 1.02 * size]
        return KnownGpu("cuda", model.name, near[0] if near else memory)

    def _named(self, kind_of_gres: str, features: Sequence[str]) -> tuple[tuple[str, ...], Model | None]:
        """The model, and the feature that told it if it was one."""
        if model := self.model(kind_of_gres):
            return (), model
        # A type that nobody knows is believed more than a feature, unless it names nothing ("gpu:tesla").
        if _bare(kind_of_gres) not in _FAMILIES:
            return (), None
        found = [((word,), model) for word in features if (model := self.model(word))]
        return max(found, key=lambda pair: len(_bare(pair[1].name)), default=((), None))

    def _sized(
        self, model: Model, kind_of_gres: str, features: Sequence[str], by: tuple[str, ...]
    ) -> KnownGpu:
        for size in _told(self.meant(kind_of_gres), plain=True):
            if size in model.sizes:
                return KnownGpu(model.kind, model.name, size, by=by)
        for word in (*by, *features):
            for size in _told(self.meant(word)):
                if size in model.sizes:
                    return KnownGpu(model.kind, model.name, size, by=tuple(dict.fromkeys((*by, word))))
        return KnownGpu(model.kind, model.name, model.sizes[0], model.sizes[1:], by)


_FAMILIES = frozenset(
    {"", "gpu", "nvidia", "tesla", "geforce", "quadro", "cuda", "ampere", "hopper", "volta", "amd"}
)


def read(own: Path | None = None) -> Table:
    """The table that is shipped, with that of ``own`` (a file that need not be there) over it.

    Raises `ConfigError` for a file that is not of the form.

    >>> table = read()
    >>> [table.model(name).name for name in ("NVIDIA A100-SXM4-80GB", "quadro_rtx_8000", "l40s", "a100l")]
    ['a100', 'rtx8000', 'l40s', 'a100']
    >>> table.model("a1000"), table.model("")
    (None, None)
    >>> found = table.known("", ("rack4", "gpu_mem:80GB", "GPU_SKU:A100_PCIE"))
    >>> found.model, found.memory // 2**30, found.by
    ('a100', 80, ('GPU_SKU:A100_PCIE', 'gpu_mem:80GB'))
    """
    table = _read(SHIPPED)
    if own is None or not own.exists():
        return table
    more = _read(own)
    return Table({**table.models, **more.models}, {**table.names, **more.names})


def _read(path: Path) -> Table:
    try:
        document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")) or {}
    except (YAMLError, UnicodeDecodeError, OSError) as error:
        raise ConfigError([Fault(str(path), f"cannot be read: {error}", _FORM)]) from error
    faults: list[Fault] = []
    models: dict[str, Model] = {}
    for kind in _KINDS:
        for name, said in _mapping(path, document, kind, faults).items():
            sizes = _sizes(said)
            if sizes:
                models[str(name)] = Model(str(name), kind, sizes)
            else:
                faults.append(Fault(f"{path}: {kind}.{name}", f"{said!r} is no memory in GiB", _FORM))
    names = {str(name): str(said) for name, said in _mapping(path, document, "names", faults).items()}
    if faults:
        raise ConfigError(faults)
    return Table(models, names)


_FORM = (
    "sections 'cuda' and 'gpu' with lines such as 'a100: [40, 80]' (GiB), and 'names' with 'a100l: a100-80gb'"
)


def _sizes(said: object) -> tuple[int, ...]:
    """Bytes, smallest first; empty for anything but a number above 0 or a list of those."""
    listed = said if isinstance(said, list) else [said]
    numbers = [size for size in listed if isinstance(size, (int, float)) and not isinstance(size, bool)]
    right = len(numbers) == len(listed) and all(0 < size < 2**20 for size in numbers)
    return tuple(sorted(int(size * _GIB) for size in numbers)) if right else ()


def _mapping(path: Path, document: object, key: str, faults: list[Fault]) -> Mapping[object, object]:
    section = document.get(key, {}) if isinstance(document, Mapping) else None
    if not isinstance(section, Mapping):
        faults.append(Fault(f"{path}: {key}", f"{section!r} is no list of models", _FORM))
        return {}
    return section


def _names(name: str, text: str) -> bool:
    return all(_pattern(word).search(text) for word in re.split(r"[-_ ]", name))


@cache
def _pattern(name: str) -> re.Pattern[str]:
    """A name anywhere in a text, not as a part of a longer word; separators may be between letters and digits."""
    parts = re.findall(r"[a-z]+|[0-9.]+", name.lower())
    return re.compile(rf"(?<![a-z0-9]){'[-_ ]?'.join(map(re.escape, parts))}(?![a-z0-9])", re.IGNORECASE)


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _told(text: str, *, plain: bool = False) -> list[int]:
    """The amounts of memory in a text, in bytes; ``plain``: numbers without a unit too.

    >>> [size // 2**30 for size in _told("gpu_mem:80GB")], _told("h100-94"), len(_told("h100-94", plain=True))
    ([80], [], 2)
    """
    unit = r"(?:[-_ ]?g(?:i?b)?)?" if plain or _about_gpus(text) else r"[-_ ]?g(?:i?b)?"
    return [int(size) * _GIB for size in re.findall(rf"(?<![\d.])(\d{{1,4}}){unit}(?![a-z\d])", text.lower())]


def _about_gpus(feature: str) -> bool:
    return bool(re.search(r"gpu|vram|gmem", feature, re.IGNORECASE))
