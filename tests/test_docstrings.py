"""Every example in a docstring is true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import hyperherd


def test_every_example_in_a_docstring_is_true() -> None:
    names = [found.name for found in pkgutil.walk_packages(hyperherd.__path__, "hyperherd.")]
    # The frameworks of the integrations are not here.
    left_out = ("hyperherd.integrations.", "hyperherd.__main__", "hyperherd.heracles.__main__")
    modules = [importlib.import_module(name) for name in names if not name.startswith(left_out)]
    results = [doctest.testmod(module) for module in modules]
    assert sum(result.attempted for result in results) > 100
    assert sum(result.failed for result in results) == 0
