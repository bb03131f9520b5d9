"""The JSON Schema of ``hyperherd.yaml``, for editors: ``python -m hyperherd.config.schema > schema.json``."""

from __future__ import annotations

import json
import sys
from typing import Any

from hyperherd.config.short_forms import OPTIONAL
from hyperherd.config.structure import SweepKeys


def make() -> dict[str, Any]:
    """The schema, with the short forms, which are taken apart before the models see them."""
    schema = SweepKeys.model_json_schema()
    parameter = schema["properties"]["parameters"]["additionalProperties"]
    short = [{"type": "array", "minItems": 1}, {"type": "string", "description": "A Hydra sweep: range(0,5)"}]
    schema["properties"]["parameters"]["additionalProperties"] = {"anyOf": [parameter, *short]}
    requeue = schema["properties"]["requeue"]
    requeue["anyOf"] = [{"type": "boolean"}, *requeue["anyOf"][:-1]]
    metric = schema["properties"]["metric"]
    one = [metric["anyOf"][0]["items"], {"type": "string", "minLength": 1}]
    metric["anyOf"] = [{**metric["anyOf"][0], "items": {"anyOf": one}}, *one]
    for key in OPTIONAL:
        entry = schema["properties"][key]
        entry.pop("default", None)
        schema["properties"][key] = {"anyOf": [entry, {"type": "null"}]}
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "hyperherd.yaml"}
    return _terse(made)  # type: ignore[no-any-return]  # a mapping stays one


def _terse(schema: Any) -> Any:
    """Without what goes without saying, and what only some versions of pydantic write."""
    if isinstance(schema, list):
        return [_terse(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.keys() == {"allOf"} and len(schema["allOf"]) == 1:
        return _terse(schema["allOf"][0])
    return {
        key: _terse(value) for key, value in schema.items() if not _goes_without_saying(key, value, schema)
    }


def _goes_without_saying(key: str, value: Any, schema: dict[str, Any]) -> bool:
    if key == "title":
        return isinstance(value, str) and value != "hyperherd.yaml"
    return (key == "additionalProperties" and value is True) or (key == "type" and "const" in schema)


def text() -> str:
    """The schema as the file that is shipped."""
    return json.dumps(make(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
