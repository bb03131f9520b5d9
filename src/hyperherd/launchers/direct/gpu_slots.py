"""GPUs: which this machine has, and the name of the slot of each."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hyperherd.connectors.local import LocalConnector
from hyperherd.errors import CommandNotFoundError, CommandTimeoutError

VISIBLE = "CUDA_VISIBLE_DEVICES"
ORDER = "CUDA_DEVICE_ORDER"
ORDER_OF_LISTING = "PCI_BUS_ID"
"""nvidia-smi counts so; CUDA by itself counts from the fastest."""

_LISTED = re.compile(
    r"^GPU (?P<number>\d+): .*\(UUID: (?P<uuid>GPU-[^)]+)\)|^\s+MIG .*\(UUID: (?P<mig>MIG-[^)]+)\)"
)


@dataclass(frozen=True)
class Gpu:
    """``name`` is what CUDA_VISIBLE_DEVICES calls it, ``slot`` the same for everybody who means this device."""

    name: str
    slot: str


@dataclass(frozen=True)
class Listed:
    """A GPU in nvidia-smi's list; ``parts`` are the UUIDs of its MIG devices."""

    number: str
    uuid: str
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Card:
    """A GPU as its driver names it; ``memory`` in bytes, None where the driver does not say."""

    name: str
    memory: int | None


def available(environ: Mapping[str, str]) -> tuple[Gpu, ...]:
    """The GPUs that this process may use: those of CUDA_VISIBLE_DEVICES where it is set, else all that the
    driver lists.
    """
    return _visible_or_all(parse_listing(_nvidia_smi("-L")), environ)


def _visible_or_all(listed: tuple[Listed, ...], environ: Mapping[str, str]) -> tuple[Gpu, ...]:
    if VISIBLE in environ:
        return visible(environ[VISIBLE], listed)
    return listed_gpus(listed) or tuple(Gpu(str(k), str(k)) for k in range(_driver_count()))


def visible(text: str, listed: tuple[Listed, ...]) -> tuple[Gpu, ...]:
    """What a CUDA_VISIBLE_DEVICES leaves: CUDA stops at the first word that names no device.

    https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables

    >>> visible("1,GPU-8d,-1,0", (Listed("0", "GPU-4c55"), Listed("1", "GPU-8d1a")))
    (Gpu(name='1', slot='GPU-8d1a'),)
    >>> visible("0, 1", ())
    (Gpu(name='0', slot='0'), Gpu(name='1', slot='1'))
    """
    found: dict[str, Gpu] = {}
    for word in (word.strip() for word in text.split(",")):
        if not re.match(r"\d|GPU-|MIG-", word):
            break
        slot = _uuid(word, listed)
        found.setdefault(slot, Gpu(word, slot))
    return tuple(found.values())


def _uuid(word: str, listed: tuple[Listed, ...]) -> str:
    """The whole UUID of a device that is called by number or by the beginning of its UUID; else the word itself."""
    fits = [gpu.uuid for gpu in listed if word == gpu.number or gpu.uuid.startswith(word)]
    return fits[0] if len(fits) == 1 else word


def listed_gpus(listed: tuple[Listed, ...]) -> tuple[Gpu, ...]:
    """All of them; a GPU that is cut into MIG devices counts as those, which can be named by UUID only."""
    gpus = []
    for gpu in listed:
        gpus += [Gpu(part, part) for part in gpu.parts] or [Gpu(gpu.number, gpu.uuid)]
    return tuple(gpus)


def parse_listing(text: str) -> tuple[Listed, ...]:
    """``nvidia-smi -L``, as driver 570 prints it.

    >>> parse_listing("GPU 0: NVIDIA H200 (UUID: GPU-4c55)\\n  MIG 1g.18gb     Device  0: (UUID: MIG-77ad)\\n")
    (Listed(number='0', uuid='GPU-4c55', parts=('MIG-77ad',)),)
    """
    listed: list[Listed] = []
    for line in text.splitlines():
        match = _LISTED.match(line)
        if match and match["mig"] and listed:
            last = listed.pop()
            listed.append(Listed(last.number, last.uuid, (*last.parts, match["mig"])))
        elif match and match["uuid"]:
            listed.append(Listed(match["number"], match["uuid"]))
    return tuple(listed)


def cards(environ: Mapping[str, str]) -> tuple[Card, ...]:
    """What the GPUs that this process may use are; those of which the driver tells nothing are not among them."""
    listing = _nvidia_smi("-L")
    known = {**parse_cards(_nvidia_smi(*_ASK_CARDS)), **parse_slices(listing)}
    used = _visible_or_all(parse_listing(listing), environ)
    return tuple(known[gpu.slot] for gpu in used if gpu.slot in known)


_ASK_CARDS = ("--query-gpu=uuid,name,memory.total", "--format=csv,noheader,nounits")


def parse_cards(text: str) -> dict[str, Card]:
    """UUID -> card, of ``nvidia-smi`` asked for `_ASK_CARDS`; the memory is in MiB, or ``[N/A]``.

    >>> parse_cards("GPU-4c55, NVIDIA L4, 23034\\nGPU-9, NVIDIA GB10, [N/A]\\nNo devices were found\\n")
    {'GPU-4c55': Card(name='NVIDIA L4', memory=24152899584), 'GPU-9': Card(name='NVIDIA GB10', memory=None)}
    """
    found = re.findall(r"^(GPU-[^,]+), *(.*), *([^,]+?)\s*$", text, re.MULTILINE)
    return {uuid: Card(name, int(mib) * 2**20 if mib.isdigit() else None) for uuid, name, mib in found}


def parse_slices(text: str) -> dict[str, Card]:
    """UUID -> the MIG device, of ``nvidia-smi -L``, by its profile, whose second number is GB.

    >>> parse_slices("GPU 0: NVIDIA H200 (UUID: GPU-4c55)\\n  MIG 1g.18gb     Device  0: (UUID: MIG-77ad)\\n")
    {'MIG-77ad': Card(name='1g.18gb', memory=19327352832)}
    """
    found = re.findall(r"^\s+MIG (\S*?(\d+)gb\S*)\s.*\(UUID: (MIG-[^)]+)\)", text, re.MULTILINE)
    return {uuid: Card(profile, int(gb) * 2**30) for profile, gb, uuid in found}


def _nvidia_smi(*arguments: str) -> str:
    try:
        answer = LocalConnector.instance().run(["nvidia-smi", *arguments], timeout_s=30)
    except (CommandNotFoundError, CommandTimeoutError):  # no driver, or a broken one: no GPU that can be used
        return ""
    return answer.stdout if answer.code == 0 else ""


def _driver_count() -> int:
    folder = Path("/proc/driver/nvidia/gpus")
    return len(os.listdir(folder)) if folder.is_dir() else 0
