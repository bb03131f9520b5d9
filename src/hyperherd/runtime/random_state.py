"""The state of the random numbers of Python, numpy and torch, so that a resumed run draws the same ones."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from hyperherd.errors import CheckpointError


def rng_state() -> dict[str, Any]:
    """The states of the global generators of Python, and of numpy and torch (CPU, each GPU) where they are imported.

    Texts, numbers and lists only: it may be kept as JSON, in a pickle, or by ``torch.save``. A generator of your own
    (``numpy.random.default_rng``, ``torch.Generator``) has a state of its own, which is not in here.
    """
    version, internal, gauss = random.getstate()
    state: dict[str, Any] = {"python": [version, list(internal), gauss]}
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None:
        name, keys, position, has_gauss, cached = numpy.random.get_state()
        state["numpy"] = [str(name), keys.tolist(), int(position), int(has_gauss), float(cached)]
    if torch is not None:
        state["torch"] = _text(torch.get_rng_state())
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            state["cuda"] = [_text(one) for one in torch.cuda.get_rng_state_all()]
    return state


def set_rng_state(state: Mapping[str, Any]) -> None:
    """Go on drawing where `rng_state` was called; what the state is of is imported.

    Raises `CheckpointError` where that is not installed, or the state is none. On fewer GPUs than it was taken on
    those there are get theirs, with a `RuntimeWarning`.
    """
    try:
        version, internal, gauss = state["python"]
        random.setstate((version, tuple(internal), gauss))
        if "numpy" in state:
            import_module("numpy").random.set_state(tuple(state["numpy"]))
        if "torch" in state:
            torch = import_module("torch")
            torch.set_rng_state(_tensor(torch, state["torch"]))
            _set_cuda(torch, state.get("cuda", []))
    except ImportError as error:
        raise CheckpointError(
            f"the random numbers cannot go on: {error}",
            hint="resume in the environment that the checkpoint was made in",
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"this is no state of random numbers: {error}", hint="give what rng_state() has returned"
        ) from error


def _set_cuda(torch: Any, states: list[str]) -> None:
    here = torch.cuda.device_count() if states and torch.cuda.is_available() else 0
    if here < len(states):
        warnings.warn(
            f"the random numbers were drawn on {len(states)} GPUs, and {here} are here: they will differ",
            RuntimeWarning,
            stacklevel=3,
        )
    for number, state in enumerate(states[:here]):
        torch.cuda.set_rng_state(_tensor(torch, state), number)


def _text(state: Any) -> str:
    return bytes(state.tolist()).hex()


def _tensor(torch: Any, text: str) -> Any:
    return torch.tensor(list(bytes.fromhex(text)), dtype=torch.uint8)
