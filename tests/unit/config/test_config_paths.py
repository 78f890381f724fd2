from __future__ import annotations

from pathlib import Path

import pytest

from opensqt_actors.config import paths


def test_the_state_folder_follows_xdg_and_ignores_a_relative_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    assert paths.default_state_dir() == Path("/var/state/opensqt")
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    monkeypatch.setenv("HOME", "/home/x")
    assert paths.default_state_dir() == Path("/home/x/.local/state/opensqt")


def test_the_socket_is_the_one_named_before_any_that_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv(paths.SOCKET_VARIABLE, raising=False)
    monkeypatch.setattr(paths, "MAX_SOCKET_PATH", 1_000)  # wherever the test's folder is
    assert paths.find_socket(None, tmp_path) == tmp_path / "xdg" / "opensqt" / "run" / "supervisor.sock"
    demo = paths.socket_path(tmp_path / "state" / "demo")
    demo.parent.mkdir(parents=True)
    demo.touch()
    assert paths.find_socket(None, tmp_path) == demo
    monkeypatch.setenv(paths.SOCKET_VARIABLE, "/run/x.sock")
    assert paths.find_socket(None, tmp_path) == Path("/run/x.sock")
    assert paths.find_socket("/run/y.sock", tmp_path) == Path("/run/y.sock")


def test_a_state_folder_too_deep_for_a_socket_gets_one_elsewhere_that_is_always_the_same() -> None:
    deep = Path("/srv") / ("x" * 90)
    found = paths.socket_path(deep)
    assert len(bytes(found)) <= paths.MAX_SOCKET_PATH
    assert found == paths.socket_path(deep)
    assert found != paths.socket_path(deep / "y")
    assert paths.socket_path(Path("/srv/x")) == Path("/srv/x/run/supervisor.sock")
