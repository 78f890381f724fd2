"""Secrets of a configuration: read from the environment or a private file, wrapped from the first moment.

A literal is taken for the simulated venue only, whose keys begin with `sim-`. No value ever gets into a message.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, SecretStr, ValidationInfo
from pydantic_core import PydanticCustomError

SIMULATED_PREFIX = "sim-"
MAX_SECRET_BYTES = 16_384
HOW = "write `env:NAME` for an environment variable or `file:PATH` for a file that only you can read"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,47}")


def wrong(sentence: str) -> PydanticCustomError:
    """An error whose text is the sentence as it stands."""
    return PydanticCustomError("sentence", "{sentence}", {"sentence": sentence})


def base_dir(info: ValidationInfo) -> Path:
    """The folder that relative paths of the configuration start from."""
    context = info.context
    return context["base"] if isinstance(context, dict) and "base" in context else Path.cwd()


def from_environment(name: str) -> SecretStr:
    """The variable's value. A name that does not look like one is not repeated: it may be the secret itself."""
    if not NAME.fullmatch(name):
        raise wrong("after `env:` comes the name of an environment variable: letters, digits and _, at most 48")
    value = os.environ.get(name, "").strip()
    if not value:
        state = "is empty" if name in os.environ else "is not set"
        raise wrong(f"environment variable {name} {state}; set it before starting")
    return SecretStr(value)


def from_file(path: Path) -> SecretStr:
    """The file's text without surrounding white space. The file must belong to its user alone (0600)."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise wrong(f"{path} is not a file")
            if mode & 0o077:
                raise wrong(f"{path} can be read by others (mode {mode & 0o777:04o}); run: chmod 600 {path}")
            data = file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise wrong(f"file {path} cannot be read: {error.strerror or type(error).__name__}") from None
    if len(data) > MAX_SECRET_BYTES:
        raise wrong(f"{path} is larger than {MAX_SECRET_BYTES} bytes; it should hold the secret alone")
    try:
        value = data.decode().strip()
    except UnicodeDecodeError:
        raise wrong(f"{path} is not UTF-8 text") from None
    if not value:
        raise wrong(f"{path} is empty")
    return SecretStr(value)


def read_reference(text: str, base: Path) -> SecretStr | None:
    """What `env:NAME` or `file:PATH` refers to; None when the text is neither."""
    kind, colon, rest = text.partition(":")
    if colon and kind == "env":
        return from_environment(rest.strip())
    if colon and kind == "file":
        return from_file((base / Path(rest.strip()).expanduser()).resolve())
    return None


def _credential(value: Any, info: ValidationInfo) -> SecretStr:
    """A venue's key or secret, by reference, or a literal for the simulated venue."""
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, str) or not value.strip():
        raise wrong(f"must be text: {HOW}")
    found = read_reference(value.strip(), base_dir(info))
    if found is not None:
        return found
    if value.startswith(SIMULATED_PREFIX):
        return SecretStr(value)
    raise wrong(f"must not stand in the file: {HOW}")


def _private_text(value: Any, info: ValidationInfo) -> SecretStr:
    """Text that may hold a password, by reference or as it stands."""
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, str) or not value.strip():
        raise wrong(f"must be text, or {HOW}")
    return read_reference(value.strip(), base_dir(info)) or SecretStr(value.strip())


Credential = Annotated[SecretStr, BeforeValidator(_credential, json_schema_input_type=str)]
PrivateText = Annotated[SecretStr, BeforeValidator(_private_text, json_schema_input_type=str)]
