"""Imports ccxt.pro with only the exchanges that are asked for; the others load when somebody touches them.

`import ccxt.pro` executes about 200 exchange modules. While it runs, an import hook hands out empty modules for the
unwanted ones; afterwards they are taken away again, so that nobody ever sees a placeholder.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGES = ("ccxt", "ccxt.async_support", "ccxt.pro")


class _Placeholders(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers the import of an unwanted exchange module with one that holds nothing but the expected name."""

    def __init__(self, unwanted: frozenset[str]) -> None:
        self._unwanted = unwanted
        self.made: list[str] = []

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        package, _, name = fullname.rpartition(".")
        if package in _PACKAGES and name in self._unwanted:
            return importlib.machinery.ModuleSpec(fullname, self)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = ModuleType(spec.name)
        setattr(module, spec.name.rpartition(".")[2], None)
        self.made.append(spec.name)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to execute."""


def load(*exchanges: str) -> ModuleType:
    """`ccxt.pro` with these exchanges really imported; name those that they derive from, too."""
    if "ccxt" in sys.modules:
        return importlib.import_module("ccxt.pro")
    spec = importlib.util.find_spec("ccxt")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("ccxt is not installed")
    known = {path.stem for path in (Path(spec.origin).parent / "abstract").glob("*.py")}
    placeholders = _Placeholders(frozenset(known - set(exchanges) - {"__init__"}))
    sys.meta_path.insert(0, placeholders)
    try:
        importlib.import_module("ccxt.pro")
    finally:
        sys.meta_path.remove(placeholders)
        for fullname in placeholders.made:
            _forget(fullname)
    for package in _PACKAGES:
        _load_on_touch(sys.modules[package], placeholders.made)
    return sys.modules["ccxt.pro"]


def _forget(fullname: str) -> None:
    package, _, name = fullname.rpartition(".")
    sys.modules.pop(fullname, None)
    if package in sys.modules:
        vars(sys.modules[package]).pop(name, None)


def _load_on_touch(package: ModuleType, made: Sequence[str]) -> None:
    """Give a package a `__getattr__` that imports one of its exchanges for real and returns the class."""
    names = {full.rpartition(".")[2] for full in made if full.rpartition(".")[0] == package.__name__}

    def touch(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package.__name__!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(f"{package.__name__}.{name}"), name)
        setattr(package, name, found)
        return found

    vars(package)["__getattr__"] = touch
