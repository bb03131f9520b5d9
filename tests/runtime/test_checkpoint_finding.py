"""`checkpoint.latest`: the newest whole one, of the configuration of now."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
from another_user import NOBODY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperherd import checkpoint

from .programs import ended


def write(folder: Path) -> None:
    (folder / "weights").mkdir()
    (folder / "weights/0.bin").write_bytes(bytes(range(256)) * 20)
    (folder / "epoch.txt").write_text("12")
    (folder / "newest").symlink_to("weights")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    for step in (1, 2, 3):
        checkpoint.save(tmp_path, write, step=step)
    return tmp_path


def newest(folder: Path) -> int | None:
    found = checkpoint.latest(folder)
    return None if found is None else found.step


def test_no_folder_or_an_empty_one_has_none(tmp_path: Path) -> None:
    assert checkpoint.latest(tmp_path / "nowhere") is None
    assert checkpoint.latest(tmp_path) is None


def test_steps_are_compared_as_numbers(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        checkpoint.save(tmp_path, write, step=step, keep=None)
    assert newest(tmp_path) == 100


def empties(path: Path) -> None:
    path.write_bytes(b"")


def cuts(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flips_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [empties, cuts, flips_a_bit, Path.unlink], ids=lambda harm: harm.__name__)
@pytest.mark.parametrize("file", ["weights/0.bin", "epoch.txt", "checkpoint.json"])
def test_a_torn_or_altered_one_is_skipped_with_a_warning_that_names_it(
    saved: Path, harm: Callable[[Path], None], file: str
) -> None:
    harm(saved / "checkpoint-3" / file)
    with pytest.warns(RuntimeWarning, match=re.escape(f"{saved}/checkpoint-3 is skipped: ")) as warned:
        assert newest(saved) == 2
    assert file in str(warned[0].message)
    assert warned[0].filename == __file__


def test_any_bit_that_is_altered_is_seen(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, lambda folder: (folder / "a").write_text("four"), step=1, config={"lr": 0.5})
    for file in ("a", "checkpoint.json"):
        path = tmp_path / "checkpoint-1" / file
        content = path.read_bytes()
        for at in range(len(content)):
            altered = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
            path.write_bytes(altered)
            if json_of(altered) == json_of(content) is not None:
                continue  # a blank between two words
            with pytest.warns(RuntimeWarning, match="checkpoint-1 is skipped"):
                assert checkpoint.latest(tmp_path) is None
        path.write_bytes(content)
    assert newest(tmp_path) == 1


def json_of(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return None


def test_an_empty_folder_and_another_librarys_are_skipped_with_a_warning(saved: Path) -> None:
    (saved / "checkpoint-7").mkdir()
    (saved / "checkpoint-8").mkdir()
    (saved / "checkpoint-8/model.bin").write_text("of another library")
    with pytest.warns(
        RuntimeWarning, match=r"checkpoint-[78] is skipped: it has no checkpoint.json"
    ) as warned:
        assert newest(saved) == 3
    assert len(warned) == 2


def test_a_copy_under_another_step_is_no_checkpoint_of_that_step(saved: Path) -> None:
    (saved / "checkpoint-3").rename(saved / "checkpoint-9")
    with pytest.warns(RuntimeWarning, match="checkpoint-9 is skipped: it was saved as that of step 3"):
        assert newest(saved) == 2


def test_what_was_added_later_does_no_harm(saved: Path) -> None:
    (saved / "checkpoint-3/notes.txt").write_text("good one")
    assert newest(saved) == 3


def test_a_checkpoint_of_a_later_format_is_not_taken_for_torn(saved: Path) -> None:
    import hashlib

    path = saved / "checkpoint-3/checkpoint.json"
    document = json.loads(path.read_bytes()) | {"format": 2}
    del document["checksum"]
    plain = json.dumps(document, sort_keys=True, separators=(",", ":"))
    path.write_text(json.dumps(document | {"checksum": hashlib.sha256(plain.encode()).hexdigest()}))
    with pytest.raises(checkpoint.CheckpointError, match="format 2"):
        checkpoint.latest(saved)


def test_a_checkpoint_that_may_not_be_read_is_an_error_and_not_a_fresh_start(readable: Path) -> None:
    for step in (2, 3):
        checkpoint.save(readable, write, step=step)
    (readable / "checkpoint-3/epoch.txt").chmod(0o600)
    answer = ended(
        """
        import sys
        from hyperherd import checkpoint
        try:
            print(checkpoint.latest(sys.argv[1]))
        except checkpoint.CheckpointError as error:
            sys.exit(str(error))
        """,
        readable,
        before=NOBODY,
    )
    assert answer.returncode == 1
    assert f"{readable}/checkpoint-3/epoch.txt: cannot read: Permission denied" in answer.stderr


# --- the configuration


CONFIG = {"lr": 0.1, "model": {"depth": 4, "widths": [8, 8]}, "seed": None}


def test_the_configuration_it_was_made_with_resumes_it_and_is_told(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, write, step=1, config=CONFIG)
    found = checkpoint.latest(tmp_path, config={**CONFIG, "model": {"widths": (8, 8), "depth": 4}})
    assert found is not None and found.config == CONFIG


def test_another_configuration_is_refused_with_the_keys_that_differ_and_may_be_forced(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, write, step=1, config=CONFIG)
    other = {"lr": 0.1, "model": {"depth": 6, "widths": [8, 8]}, "batch": 32}
    with pytest.raises(checkpoint.OtherConfigurationError) as said:
        checkpoint.latest(tmp_path, config=other)
    assert said.value.keys == ("batch", "model.depth", "seed")
    assert "model.depth: saved with 4, now 6" in str(said.value)
    assert "ignore_config=True" in said.value.hint
    found = checkpoint.latest(tmp_path, config=other, ignore_config=True)
    assert found is not None and found.step == 1


def test_where_either_has_no_configuration_nothing_is_compared(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, write, step=1)
    assert checkpoint.latest(tmp_path, config=CONFIG) is not None
    checkpoint.save(tmp_path, write, step=2, config=CONFIG)
    assert newest(tmp_path) == 2


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
configurations = st.dictionaries(
    st.text(),
    st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(config=configurations)
def test_any_configuration_is_equal_to_itself(in_memory: Path, config: dict[str, object]) -> None:
    checkpoint.save(in_memory, lambda into: (into / "a").touch(), step=1, config=config)
    assert checkpoint.latest(in_memory, config=config) is not None


@pytest.mark.parametrize(
    "saved, now, same",
    [
        (1, 1.0, True),
        (1, True, False),
        ("1", 1, False),
        (PurePosixPath("/data"), "/data", True),
        ({3, 1}, [1, 3], True),
        (math.nan, math.nan, True),
        (math.inf, -math.inf, False),
        ({}, None, False),
    ],
)
def test_values_are_compared_as_trainers_mean_them(
    tmp_path: Path, saved: object, now: object, same: bool
) -> None:
    checkpoint.save(tmp_path, write, step=1, config={"key": saved})
    if same:
        assert checkpoint.latest(tmp_path, config={"key": now}) is not None
    else:
        with pytest.raises(checkpoint.OtherConfigurationError):
            checkpoint.latest(tmp_path, config={"key": now})


def test_a_value_that_cannot_be_compared_later_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(checkpoint.CheckpointError, match=r"model\.loss is a object"):
        checkpoint.save(tmp_path / "out", write, step=1, config={"model": {"loss": object()}})
    assert not (tmp_path / "out").exists()


def test_a_trainer_that_names_no_folder_saves_into_the_trial_s_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYPERHERD_TRIAL_DIR", raising=False)
    assert checkpoint.latest() is None and checkpoint.folder() == "outputs/by-hand"
    own = tmp_path / "outputs" / "lr-0.1"
    monkeypatch.setenv("HYPERHERD_TRIAL_DIR", str(own))
    assert checkpoint.save(None, write, step=3) == own / "checkpoint-3"
    with checkpoint.guard(None, write, every=1) as guard:
        guard.step(4)
    found = checkpoint.latest()
    assert found and found.path == own / "checkpoint-4"
