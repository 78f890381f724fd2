from __future__ import annotations

import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from opensqt_actors.api.orchestrator import Orchestrator
from opensqt_actors.api.server import ApiServer
from opensqt_actors.api.socket_path import SocketInUse, SocketUnusable, prepare
from opensqt_actors.domain.settings import GridSettings

pytestmark = pytest.mark.integration


def server(path: Path, backend: Any) -> ApiServer:
    return ApiServer(path, Orchestrator(backend, backend.operations, ("main",), GridSettings()))


def test_the_socket_and_its_folder_are_for_their_user_alone(service: Any) -> None:
    assert stat.S_IMODE(service.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(service.path.parent.stat().st_mode) == 0o700


def test_a_second_supervisor_on_the_same_socket_is_refused_and_the_first_one_stays(service: Any, backend: Any) -> None:
    with pytest.raises(SocketInUse, match="another process answers on"):
        service.loop.run(server(service.path, backend).start())
    assert stat.S_ISSOCK(service.path.stat().st_mode)


def test_a_socket_that_a_dead_supervisor_left_behind_is_taken_over(loop: Any, backend: Any, tmp_path: Path) -> None:
    path = tmp_path / "run" / "s.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    made = server(path, backend)
    loop.run(made.start())
    loop.run(made.stop(0))
    assert not path.exists()


def test_a_file_in_the_sockets_place_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    path.write_text("precious")
    with pytest.raises(SocketUnusable, match="is no socket; move it away"):
        prepare(path)
    assert path.read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SocketUnusable, match="cannot be made private"):
        prepare(tmp_path / "file" / "s.sock")


def test_stopping_takes_the_socket_away(service: Any) -> None:
    service.loop.run(service.server.stop(0))
    assert not service.path.exists()


def test_a_folder_that_leads_elsewhere_is_not_taken_for_ours(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    (tmp_path / "run").symlink_to(elsewhere)
    with pytest.raises(SocketUnusable, match="is not a folder of this user"):
        prepare(tmp_path / "run" / "s.sock")
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o755
