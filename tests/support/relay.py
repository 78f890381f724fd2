"""A wire between two addresses: `relay.py TO_HOST:PORT FROM_HOST:PORT...` carries every connection, bytes as they come.

Run as a process where a network namespace needs what listens on another one's loopback.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress


def address(text: str) -> tuple[str, int]:
    """Host and port."""
    host, _, port = text.rpartition(":")
    return host, int(port)


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One direction, until its end."""
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()


async def main(to: str, *froms: str) -> None:
    """Listen and carry until killed."""
    host, port = address(to)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))

    servers = [await asyncio.start_server(connected, *address(each)) for each in froms]
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
