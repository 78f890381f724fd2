"""What is promised to whoever installs this: pins, version, resources."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import opensqt_actors
from opensqt_actors import resources

ROOT = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)$")


def pins() -> dict[str, str]:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    matches = [PIN.match(line) for line in lines]
    assert all(matches), f"not an exact pin: {[line for line, match in zip(lines, matches, strict=True) if not match]}"
    return {canonicalize_name(match[1]): match[2] for match in matches if match}


@pytest.mark.parametrize("wanted", [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]])
def test_a_direct_dependency_is_pinned_to_a_version_that_fits(wanted: str) -> None:
    requirement = Requirement(wanted)
    assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)])


def test_what_a_dependency_pulls_in_is_pinned_too() -> None:
    pinned = pins()
    waiting = [canonicalize_name(Requirement(wanted).name) for wanted in PROJECT["dependencies"]]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        assert name in pinned
        for text in importlib.metadata.requires(name) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(canonicalize_name(requirement.name))
    assert "frozenlist" in seen, "aiohttp's dependencies were not followed"


def test_the_package_says_the_version_under_which_it_is_installed() -> None:
    assert importlib.metadata.version("opensqt-actors") == opensqt_actors.__version__


def test_migrations_are_found() -> None:
    assert (resources.migrations() / "env.py").is_file()


def test_an_unknown_configuration_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(FileNotFoundError, match=r"'dema\.yaml'.*example\.yaml"):
        resources.config("dema.yaml")


def test_a_configuration_cannot_be_asked_for_by_a_path() -> None:
    with pytest.raises(FileNotFoundError):
        resources.config("../config/example.yaml")


def test_a_configuration_that_exists_is_found() -> None:
    assert resources.config("example.yaml").read_text() == (ROOT / "config" / "example.yaml").read_text()
