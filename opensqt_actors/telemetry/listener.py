"""The socket of the metrics endpoint. Without a web server, so that a start can have it before it trades."""

from __future__ import annotations

import socket

from opensqt_actors.domain.errors import OpenSqtError

HOST = "127.0.0.1"


class PortInUse(OpenSqtError):
    """The metrics port cannot be had."""

    code = "port_in_use"


def listen(port: int) -> socket.socket:
    """A socket that listens on loopback; port 0 takes any free one. PortInUse."""
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise PortInUse(
            f"telemetry.metrics_port: {HOST}:{port} cannot be used ({error.strerror}); "
            "choose another port, or 0 for none"
        ) from None
