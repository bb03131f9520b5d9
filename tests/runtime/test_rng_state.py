"""`checkpoint.rng_state`: the numbers after it are drawn again, in this process or in another."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperherd import checkpoint

from .programs import ended


@given(seed=st.integers(), draws=st.integers(0, 700), gauss=st.booleans())
def test_pythons_numbers_go_on_where_they_were(seed: int, draws: int, gauss: bool) -> None:
    random.seed(seed)
    for _ in range(draws):
        random.random()
    if gauss:
        random.gauss(0, 1)  # draws two, and keeps one
    state = json.loads(json.dumps(checkpoint.rng_state()))
    expected = [random.gauss(0, 1), random.random(), random.randrange(10**30)]
    random.seed(0)
    checkpoint.set_rng_state(state)
    assert [random.gauss(0, 1), random.random(), random.randrange(10**30)] == expected


def test_numpys_global_numbers_go_on_in_another_process() -> None:
    pytest.importorskip("numpy")
    first = ended(
        """
        import json, numpy
        from hyperherd import checkpoint
        numpy.random.seed(3)
        numpy.random.standard_normal(7)
        print(json.dumps(checkpoint.rng_state()))
        print(numpy.random.standard_normal(5).tolist(), numpy.random.permutation(50).tolist())
        """
    )
    state, expected = first.stdout.splitlines()
    second = ended(
        """
        import json, sys
        from hyperherd import checkpoint
        checkpoint.set_rng_state(json.loads(sys.argv[1]))
        import numpy
        print(numpy.random.standard_normal(5).tolist(), numpy.random.permutation(50).tolist())
        """,
        state,
    )
    assert second.stdout.splitlines() == [expected], second.stderr


def test_torchs_numbers_go_on_in_another_process() -> None:
    """Not judged where torch is not installed."""
    pytest.importorskip("torch")
    first = ended(
        """
        import json, torch
        from hyperherd import checkpoint
        torch.manual_seed(3)
        torch.randn(7)
        print(json.dumps(checkpoint.rng_state()))
        print(torch.randn(5).tolist(), torch.randperm(50).tolist())
        """
    )
    state, expected = first.stdout.splitlines()
    second = ended(
        """
        import json, sys
        from hyperherd import checkpoint
        checkpoint.set_rng_state(json.loads(sys.argv[1]))
        import torch
        print(torch.randn(5).tolist(), torch.randperm(50).tolist())
        """,
        state,
    )
    assert second.stdout.splitlines() == [expected], second.stderr


def test_the_numbers_of_each_gpu_go_on() -> None:
    """Not judged where torch, or a GPU, is not there."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no GPU is here")
    devices = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    for device in devices:
        torch.randn(3, device=device)
    state = json.loads(json.dumps(checkpoint.rng_state()))
    expected = [torch.randn(5, device=device).tolist() for device in devices]
    checkpoint.set_rng_state(state)
    assert [torch.randn(5, device=device).tolist() for device in devices] == expected


def test_neither_numpy_nor_torch_is_imported_for_it() -> None:
    answer = ended(
        """
        import sys
        from hyperherd import checkpoint
        checkpoint.set_rng_state(checkpoint.rng_state())
        print({"numpy", "torch"} & set(sys.modules), list(checkpoint.rng_state()))
        """
    )
    assert answer.stdout == "set() ['python']\n", answer.stderr


@pytest.mark.parametrize("state", [{}, {"python": 3}, {"python": [3, [1, 2], None]}, {"python": None}])
def test_what_is_no_state_is_refused(state: dict[str, object]) -> None:
    with pytest.raises(checkpoint.CheckpointError, match="no state of random numbers"):
        checkpoint.set_rng_state(state)


def test_a_library_that_is_missing_now_is_said() -> None:
    answer = ended(
        """
        import sys
        from hyperherd import checkpoint
        sys.modules["torch"] = None  # as where it is not installed
        try:
            checkpoint.set_rng_state({**checkpoint.rng_state(), "torch": "00"})
        except checkpoint.CheckpointError as error:
            print(error)
        """
    )
    assert "torch" in answer.stdout and "environment" in answer.stdout
