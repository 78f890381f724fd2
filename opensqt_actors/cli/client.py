"""Calls to a running supervisor. Every way in which one can fail becomes a Failure with its exit code."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from opensqt_actors.cli.failure import Exit, Failure

if TYPE_CHECKING:
    from opensqt_actors.wire.v1 import orchestrator_pb2 as pb

CODE_KEY = "opensqt-code"
MAX_MESSAGE = 64 * 1024 * 1024
GRACE = 0.5  # seconds that the supervisor's own time-out may come late


class Client:
    """One connection. timeout: seconds for one call."""

    def __init__(self, path: Path, timeout: float) -> None:
        require_socket(path)  # before the imports: the answer "nobody is there" should be quick
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its own complaints say nothing that our sentence does not
        import grpc

        from opensqt_actors.wire.v1 import orchestrator_pb2, orchestrator_pb2_grpc

        self.path = path
        self.timeout = timeout
        self._grpc = grpc
        self.pb = orchestrator_pb2
        self._channel = grpc.insecure_channel(
            f"unix:{path}",
            options=(("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.enable_http_proxy", 0)),
        )
        self._stub = orchestrator_pb2_grpc.OrchestratorServiceStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection back."""
        self._channel.close()

    def status(self) -> pb.GetStatusResponse:
        """How the whole system is."""
        answer: pb.GetStatusResponse = self.call("GetStatus", self.pb.GetStatusRequest())
        return answer

    def call(self, method: str, request: Any) -> Any:
        """One answer; Failure otherwise."""
        require_socket(self.path)
        try:
            return getattr(self._stub, method)(request, timeout=self.timeout)
        except self._grpc.RpcError as error:
            raise self._failure(error) from None

    def events(self, request: pb.SubscribeEventsRequest, timeout: float | None) -> Iterator[pb.SubscribeEventsResponse]:
        """What happens, until the stream ends. timeout: seconds, None for no end."""
        require_socket(self.path)
        stream: Any = self._stub.SubscribeEvents(request, timeout=timeout)
        try:
            yield from stream
        except self._grpc.RpcError as error:
            raise self._failure(error) from None
        finally:
            stream.cancel()

    def _failure(self, error: Any) -> Failure:
        status, sentence = error.code(), error.details() or "no answer"
        codes = self._grpc.StatusCode
        given = dict(error.trailing_metadata() or ())
        code = given.get(CODE_KEY, "")
        if status is codes.DEADLINE_EXCEEDED:
            if not code:
                sentence = f"the supervisor did not answer within {self.timeout:g} s"
            return Failure(Exit.TIMEOUT, "timeout", sentence)
        if status is codes.NOT_FOUND:
            return Failure(Exit.NOT_FOUND, code or "not_found", sentence)
        if status is codes.UNAVAILABLE and not code:
            return not_running(self.path, "nobody answers on it")
        return Failure(Exit.ERROR, code or status.name.lower(), sentence)


def require_socket(path: Path) -> None:
    """Failure when there is no socket to talk to, or it belongs to somebody else."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise not_running(path, "it is not there") from None
    except PermissionError:
        raise Failure(
            Exit.ERROR, "no_permission", f"{path} belongs to another user; run this as the supervisor's user"
        ) from None
    if not stat.S_ISSOCK(mode):
        raise Failure(Exit.ERROR, "no_socket", f"{path} is not a socket")
    if not os.access(path, os.W_OK):
        raise Failure(Exit.ERROR, "no_permission", f"{path} belongs to another user; run this as the supervisor's user")


def not_running(path: Path, why: str) -> Failure:
    """Nobody is there to be asked."""
    return Failure(
        Exit.NOT_RUNNING,
        "not_running",
        f"no supervisor is running: its socket is {path}, and {why}; start one, or name its socket with --socket",
    )
