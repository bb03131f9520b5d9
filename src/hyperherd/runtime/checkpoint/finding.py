"""`latest`: the newest checkpoint that is whole, made with the configuration of now."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperherd.attempts import variables
from hyperherd.errors import CheckpointError, OtherConfigurationError
from hyperherd.runtime.checkpoint import configuration, leftovers, record
from hyperherd.runtime.checkpoint.names import DEFAULT, REPLACED, Names

_SHOWN = 10


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose every byte was compared with its checksum.

    ``path`` is the folder with what ``write`` wrote, ``saved_at`` in seconds since the epoch, ``config`` the
    configuration as it was remembered (None: none was given).
    """

    path: Path
    step: int
    saved_at: float
    config: dict[str, Any] | None


def folder() -> str:
    """Where a trainer saves that names no folder: the trial's own, ``HYPERHERD_TRIAL_DIR``; by hand
    ``outputs/by-hand``.
    """
    return os.environ.get(variables.TRIAL_DIR) or os.path.join("outputs", "by-hand")


def latest(
    dir: str | os.PathLike[str] | None = None,
    *,
    config: Mapping[str, Any] | None = None,
    ignore_config: bool = False,
    name: str = DEFAULT,
) -> Checkpoint | None:
    """The whole checkpoint of the highest step in ``dir`` (None: the trial's own, `folder`); None where there is none.

    One that is torn, empty or altered is skipped with a `RuntimeWarning` that names it. Raises
    `OtherConfigurationError` where it was made with another ``config``, unless ``ignore_config``; and `CheckpointError`
    where the disk does not answer or does not let us read: nothing is known then, and training must not begin anew.
    """
    names = Names(name)
    now = None if config is None else configuration.plain(config)
    for step, path in _candidates(os.fspath(folder() if dir is None else dir), names):
        try:
            found = record.verified(path, step)
        except (record.InvalidError, FileNotFoundError) as why:
            reason = why if isinstance(why, record.InvalidError) else f"{why.filename} has gone"
            warnings.warn(f"the checkpoint {path} is skipped: {reason}", RuntimeWarning, stacklevel=2)
            continue
        except OSError as error:
            raise _unreadable(path, error) from error
        if found.config is not None and now is not None and not ignore_config:
            _refuse_other(path, configuration.differences(found.config, now))
        return Checkpoint(Path(path), step, found.saved_at, found.config)
    return None


def _candidates(folder: str, names: Names) -> list[tuple[int, str]]:
    """Step and path, the highest step first; of one step the replaced one last."""
    try:
        visible = [(step, entry) for entry in os.listdir(folder) if (step := names.step(entry)) is not None]
        hidden = [
            (one.step, path) for path, one in leftovers.leftovers(folder, names) if one.kind == REPLACED
        ]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unreadable(folder, error) from error
    whole = [(step, 1, os.path.join(folder, entry)) for step, entry in visible]
    replaced = [(step, 0, path) for step, path in hidden]
    return [(step, path) for step, _, path in sorted(whole + replaced, reverse=True)]


def _refuse_other(path: str, different: dict[str, tuple[object, object]]) -> None:
    if not different:
        return
    lines = [f"{key}: saved with {was!r}, now {now!r}" for key, (was, now) in different.items()]
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    raise OtherConfigurationError(
        "\n  ".join(["the checkpoint was made with another configuration:", *lines[:_SHOWN], *more]),
        keys=list(different),
        where=path,
        hint="save to another folder, or resume all the same with ignore_config=True",
    )


def _unreadable(path: str, error: OSError) -> CheckpointError:
    return CheckpointError(
        f"cannot read: {error.strerror or error}",
        where=os.fsdecode(error.filename or path),
        hint=f"see `ls -l {path}`; nothing is resumed, and nothing begun anew, before that is known",
    )
