"""From a file to Settings, or to sentences that say what is wrong, where, and what would be right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from opensqt_actors.config import document
from opensqt_actors.config.errors import ConfigError
from opensqt_actors.config.schema import names_at
from opensqt_actors.config.settings import Database as DatabaseSection
from opensqt_actors.config.settings import Settings, password_in

SECRET_FIELDS = frozenset({"api_key", "secret", "url"})
SHOWN = 40
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,31}")


def load(path: Path) -> Settings:
    """Read and check a configuration. ConfigError names every problem; nothing is started, written or changed.

    Relative paths in it start from its own folder.
    """
    found = document.read(path)
    return check(found)


def check(found: document.Document) -> Settings:
    """Settings from a document, or ConfigError."""
    if not isinstance(found.values, dict):
        what = "is empty" if found.values is None else "must be a mapping: lines of `key: value`"
        raise ConfigError(f"configuration {found.source} {what}")
    try:
        settings = Settings.model_validate(found.values, context={"base": found.source.resolve().parent})
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise ConfigError(*(said(found, tuple(item["loc"]), _sentence(item)) for item in details)) from None
    if problems := settings.contradictions():
        raise ConfigError(*(said(found, place, sentence) for place, sentence in problems.items()))
    return settings


def on_database(settings: Settings, url: str) -> Settings:
    """The same with the database of `--join`. ConfigError for a URL with a password."""
    return settings.model_copy(update={"database": DatabaseSection(url=SecretStr(password_free(url, "--join")))})


def password_free(url: str, option: str) -> str:
    """A URL from a command line, where everybody on the host sees it. ConfigError when there is a password in it."""
    if password_in(url):
        raise ConfigError(
            f"{option}: leave the password out of the command line; give the whole URL as database.url in the"
            " configuration, or the password in PGPASSFILE or PGPASSWORD"
        )
    return url


def said(found: document.Document, place: document.Place, sentence: str) -> str:
    """A sentence about a place of the file, with its line."""
    line = found.line(place)
    where = f"{found.source} line {line}" if line else str(found.source)
    return f"{where}: {_name(place)}: {sentence}" if place else f"{where}: {sentence}"


def _name(place: Iterable[str | int]) -> str:
    """accounts.main.api_key, symbols[3].amount"""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{_word(part)}" if text else _word(part)
    return text


def _word(key: str) -> str:
    """A key as it stands, unless it looks as if a secret had slipped into its place."""
    return key if WORD.fullmatch(key) else f"(a key of {len(key)} characters)"


def _sentence(item: ErrorDetails) -> str:
    place = tuple(item["loc"])
    match item["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return f"is not a setting{_suggestion(str(place[-1]), names_at(place[:-1]))}"
        case "sentence":
            return item["msg"]
        case "enum":
            words = re.findall(r"'([^']*)'", str(item.get("ctx", {}).get("expected", "")))
            given = item["input"]
            hint = _suggestion(given, words) if isinstance(given, str) else ""
            return f"must be one of {', '.join(words)}{_not(place, given)}{hint}"
        case "too_short":
            return "must not be empty"
        case "too_long":
            return f"must have at most {item['ctx']['max_length']} entries, not {item['ctx']['actual_length']}"
        case kind:
            return _wanted(kind, place, item) or item["msg"]


_BOUNDS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
}
_SHAPES = {
    "a mapping (lines of `key: value`)": ("model_", "dict_", "mapping_"),
    "a list (lines that begin with `- `)": ("tuple_", "list_"),
    "text": ("string_",),
    "a path": ("path_",),
}
_SCALARS = {
    "true or false": ("bool_",),
    "a whole number": ("int_",),
    "a number": ("float_", "decimal_", "finite_"),
}


def _wanted(kind: str, place: document.Place, item: ErrorDetails) -> str | None:
    """The sentence for a value of the wrong kind or out of bounds. Whole mappings and texts are never repeated."""
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        return f"must be {words} {item['ctx'][key]}{_not(place, item['input'])}"
    for shape, kinds in _SHAPES.items():
        if kind.startswith(kinds):
            return f"must be {shape}, not {_kind(item['input'])}"
    for scalar, kinds in _SCALARS.items():
        if kind.startswith(kinds):
            return f"must be {scalar}{_not(place, item['input'])}"
    return None


def _not(place: document.Place, given: Any) -> str:
    """`, not <what was given>`, where that cannot be a secret."""
    if SECRET_FIELDS & set(place):
        return ""
    if isinstance(given, bool | int | float | Decimal):
        return f", not {str(given).lower() if isinstance(given, bool) else str(given)[:SHOWN]}"
    if isinstance(given, str):
        return f", not {given[:SHOWN]!r}" if given else ", not empty text"
    return f", not {_kind(given)}"


def _kind(given: Any) -> str:
    match given:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case str():
            return "text"
        case int() | float() | Decimal():
            return "a number"
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            return "this"


def _suggestion(given: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(given.lower()[:SHOWN], list(known), n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else ""
