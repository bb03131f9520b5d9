"""Values as people read them."""

from __future__ import annotations

import json
from typing import Any


def value(item: Any) -> str:
    """A parameter or metric in a table: floats in at most 6 significant digits, text as it is.

    >>> value(0.30000000000000004), value(1e-05), value("a b"), value([1, 2.5]), value(None)
    ('0.3', '1e-05', 'a b', '[1, 2.5]', '')
    """
    if item is None:
        return ""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, float):
        return f"{item:.6g}"
    return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
