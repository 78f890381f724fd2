"""The settings as JSON Schema, for editors and for the reference page, and which settings there are at a place.

Besides what JSON Schema knows each setting tells `x-change` ("live" or "restart") and, where it has one, `x-unit`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from opensqt_actors.config.section import Section
from opensqt_actors.config.settings import Settings

_BOUNDS = {"gt": "exclusiveMinimum", "ge": "minimum", "le": "maximum", "lt": "exclusiveMaximum"}
_NO_SCHEMA = ("max_digits", "title")


def json_schema() -> dict[str, Any]:
    """JSON Schema of the configuration file."""
    schema = Settings.model_json_schema()
    models = {model.__name__: model for model in sections()}
    for name, definition in {**schema["$defs"], Settings.__name__: schema}.items():
        if name not in models:
            continue
        for field, shape in definition["properties"].items():
            _bound(shape, models[name].model_fields[field].metadata)
            _tidy(shape)
            if "$ref" not in shape:
                shape["x-change"] = models[name].change
    entry = schema["properties"]["symbols"]
    entry["items"] = {"anyOf": [{"type": "string"}, entry["items"]]}
    schema["title"] = "OpenSQT Actors configuration"
    return schema


def schema_text() -> str:
    """The same as it is kept in config/schema.json."""
    return json.dumps(json_schema(), indent=2) + "\n"


def sections() -> tuple[type[Section], ...]:
    """Every kind of section, the whole configuration first."""
    found: dict[type[Section], None] = {}
    waiting: list[type[Section]] = [Settings]
    while waiting:
        model = waiting.pop(0)
        if model not in found:
            found[model] = None
            for field in model.model_fields.values():
                waiting += _models(field.annotation)
    return tuple(found)


def names_at(place: tuple[str | int, ...]) -> tuple[str, ...]:
    """The settings that there are at a place of the file; none where no section is."""
    models: tuple[type[Section], ...] = (Settings,)
    named = False
    for part in place:
        if isinstance(part, int) or named:
            named = False
            continue
        fields = [model.model_fields[part] for model in models if part in model.model_fields]
        if not fields:
            return ()
        models = tuple(model for field in fields for model in _models(field.annotation))
        named = part == "accounts"  # a mapping: the next part is a name that the operator chose
    return tuple(name for model in models for name in model.model_fields)


def _models(annotation: Any) -> Iterator[type[Section]]:
    """The sections that a field holds, whatever they are wrapped in."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if issubclass(annotation, Section):
            yield annotation
        return
    for inner in get_args(annotation):
        yield from _models(inner)


def _bound(shape: dict[str, Any], marks: list[Any]) -> None:
    """Bounds of a field whose own validator hides them from pydantic's schema."""
    holder = next((inner for inner in shape.get("anyOf", ()) if inner.get("type") != "null"), shape)
    target = holder if "null" in {inner.get("type") for inner in shape.get("anyOf", ())} else shape
    for mark in marks:
        for ours, theirs in _BOUNDS.items():
            value = getattr(mark, ours, None)
            if value is not None:
                target[theirs] = int(value) if value == int(value) else float(value)


def _tidy(shape: dict[str, Any]) -> None:
    """Bounds in JSON Schema's words; what it does not know goes, and so do defaults that only say "not given"."""
    for ours, theirs in _BOUNDS.items():
        if ours in shape:
            value = float(shape.pop(ours))
            shape[theirs] = int(value) if value == int(value) else value
    for name in _NO_SCHEMA:
        shape.pop(name, None)
    if shape.get("default", "") is None or "$ref" in shape:
        shape.pop("default", None)
    for inner in shape.get("anyOf", ()):
        _tidy(inner)
