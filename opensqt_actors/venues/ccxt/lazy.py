"""Imports ccxt.pro with only the exchanges that are asked for; the others load when somebody touches them.

`import ccxt.pro` executes about 200 exchange modules. While it runs, an import hook hands out empty modules for the
unwanted ones; afterwards they are taken away again, so that nobody ever sees a placeholder.

Two things that the wanted ones bring along are a quarter of what is left, and are used by nobody who signs, encodes and
connects with ccxt but sends requests otherwise: `requests`, and a method for each of a venue's endpoints. They are left
out as well, until `complete` puts them in their places.
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
_ENDPOINTS = "ccxt.abstract"
_REQUESTS: dict[str, tuple[str, ...]] = {
    "requests": ("Session",),
    "requests.utils": ("default_user_agent",),
    "requests.exceptions": ("HTTPError", "Timeout", "TooManyRedirects", "RequestException", "ConnectionError"),
}
_RENAMED = {"ConnectionError": "requestsConnectionError"}
"""What `ccxt.base.exchange` takes from requests, and under which other name it keeps it."""


class _Placeholders(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers the import of an unwanted exchange module with one that holds nothing but the expected name.

    made: exchange modules; endpoints: an empty ImplicitAPI for each wanted exchange; others: modules of `requests`.
    """

    def __init__(self, unwanted: frozenset[str], *, requests: bool) -> None:
        self._unwanted = unwanted
        self._requests = requests
        self.made: list[str] = []
        self.others: list[str] = []
        self.endpoints: dict[str, type] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        package, _, name = fullname.rpartition(".")
        left_out = package == _ENDPOINTS or (self._requests and fullname in _REQUESTS)
        if left_out or (package in _PACKAGES and name in self._unwanted):
            return importlib.machinery.ModuleSpec(fullname, self)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = ModuleType(spec.name)
        package, _, name = spec.name.rpartition(".")
        if package == _ENDPOINTS:
            self.endpoints[name] = vars(module)["ImplicitAPI"] = type("ImplicitAPI", (), {})
            return module
        if spec.name in _REQUESTS:
            vars(module).update({name: _stand_in(name) for name in _REQUESTS[spec.name]})
            vars(module)["__path__"] = []
            self.others.append(spec.name)
            return module
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
    placeholders = _Placeholders(
        frozenset(known - set(exchanges) - {"__init__"}), requests="requests" not in sys.modules
    )
    sys.meta_path.insert(0, placeholders)
    try:
        importlib.import_module("ccxt.pro")
    finally:
        sys.meta_path.remove(placeholders)
        for fullname in (
            *placeholders.made,
            *placeholders.others,
            *(f"{_ENDPOINTS}.{n}" for n in placeholders.endpoints),
        ):
            _forget(fullname)
    _INCOMPLETE.append(placeholders)
    for package in _PACKAGES:
        _load_on_touch(sys.modules[package], placeholders.made)
    return sys.modules["ccxt.pro"]


_INCOMPLETE: list[_Placeholders] = []


def complete() -> None:
    """Put in place what `load` has left out. Takes a tenth of a second, for a thread; harmless a second time."""
    while _INCOMPLETE:
        placeholders = _INCOMPLETE.pop()
        for name, empty in placeholders.endpoints.items():
            real = importlib.import_module(f"{_ENDPOINTS}.{name}").ImplicitAPI
            for attribute, entry in vars(real).items():
                if not attribute.startswith("__"):
                    setattr(empty, attribute, entry)
        if placeholders.others:
            base = vars(sys.modules["ccxt.base.exchange"])
            for module, names in _REQUESTS.items():
                real_module = importlib.import_module(module)
                base.update({_RENAMED.get(name, name): getattr(real_module, name) for name in names})


def _stand_in(name: str) -> Any:
    """For what ccxt takes from requests: an error that nobody raises, and a name of a user agent."""
    return (lambda: "ccxt") if name == "default_user_agent" else type(name, (Exception,), {})


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
