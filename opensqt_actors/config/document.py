"""A YAML text as plain values that remember their lines. Fractions are read as exact decimals, never as floats.

Duplicate keys are refused: YAML itself lets the last one win in silence.
"""

from __future__ import annotations

from collections.abc import Hashable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from opensqt_actors.config.errors import ConfigError

MAX_BYTES = 16 * 1024 * 1024
Place = tuple[str | int, ...]

# the C parser is ten times as fast and not in every build of PyYAML
BaseLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class DuplicateKey(yaml.MarkedYAMLError):
    """The same key twice in one mapping."""


class ExactLoader(BaseLoader):  # type: ignore[misc] # its base is chosen while importing
    """Safe YAML, with Decimal for fractions and no silent duplicates."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping whose keys are all different."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise DuplicateKey(problem="this key is here twice", problem_mark=key.start_mark)
                seen.add(key.value)
        built: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return built


def _decimal(loader: Any, node: yaml.ScalarNode) -> Any:
    text = node.value.replace("_", "")
    try:
        number = Decimal(text)
    except InvalidOperation:
        return node.value  # .inf, .nan, 1:30.5: the field's own check says what it wants instead
    return number if number.is_finite() else node.value


def _text(loader: Any, node: yaml.ScalarNode) -> str:
    return str(node.value)


ExactLoader.add_constructor("tag:yaml.org,2002:float", _decimal)
ExactLoader.add_constructor("tag:yaml.org,2002:timestamp", _text)


class Document(Struct, frozen=True):
    """Values of a YAML file, and the lines where they stand."""

    source: Path
    values: Any
    root: yaml.Node | None

    def line(self, place: Place) -> int | None:
        """The line of the value at this place, or of the nearest thing around it that exists; the first line is 1."""
        if self.root is None:
            return None
        node, line = self.root, self.root.start_mark.line
        for part in place:
            found = _child(node, part)
            if found is None:
                break
            node, line = found
        return int(line) + 1


def _child(node: yaml.Node, part: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return value, key.start_mark.line
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        value = node.value[part]
        return value, value.start_mark.line
    return None


def read(path: Path) -> Document:
    """The values of a YAML file; ConfigError when it cannot be read or is not YAML."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"configuration {path} cannot be read: {error.strerror or type(error).__name__}") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"configuration {path} is larger than {MAX_BYTES // 1024**2} MB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"configuration {path} is not UTF-8 text (byte {error.start})") from None
    return parse(text, path)


def parse(text: str, source: Path) -> Document:
    """The values of a YAML text; ConfigError with line and column when it is not YAML."""
    try:
        loader = ExactLoader(text)
        try:
            root = loader.get_single_node()
            values = loader.construct_document(root) if root is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{source}{where}: not valid YAML: {_plain(error)}") from None
    except yaml.YAMLError:
        raise ConfigError(f"{source}: not valid YAML: it holds a character that YAML does not allow") from None
    except RecursionError:
        raise ConfigError(f"{source}: not valid YAML: nested too deeply") from None
    return Document(source, values, root)


def _plain(error: yaml.MarkedYAMLError) -> str:
    """The parser's complaint; in our words where its own would repeat a piece of the file, which may be a secret."""
    problem = error.problem or "it cannot be understood"
    if "tag" in problem:
        return "tags (words that begin with !) are not used here"
    if "alias" in problem:
        return "a word that begins with * refers to nothing; put the value in quotes"
    if "anchor" in problem:
        return "a name that begins with & is here twice"
    if "start any token" in problem:
        return "a tab, @, ` or % cannot stand here; indent with spaces, put values in quotes"
    if "unhashable" in problem:
        return "a key must be a plain word"
    return problem
