"""A TCP proxy on the loopback interface that adds a round trip's delay, so that a local server seems far away.

    python benchmarks/latency_proxy.py --to 127.0.0.1:10000 --round-trip 0.010

prints the port it listens on and forwards bytes until it is ended. In a program: ``with latency_proxy(10000,
round_trip=0.010) as port:``. Half the delay is added to each direction. Bytes are only delayed, never slowed: what was
sent together arrives together.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections import deque
from contextlib import AbstractContextManager

from listening import listening

CHUNK = 256 * 1024
# What may be on its way in one direction of one connection; more would let a fast sender fill the memory.
IN_FLIGHT = 64


def latency_proxy(to_port: int, *, round_trip: float) -> AbstractContextManager[int]:
    """Run the proxy as a process; ``with`` gives the port where it listens. ``round_trip`` is the delay in seconds."""
    return listening(__file__, "--to", f"127.0.0.1:{to_port}", "--round-trip", str(round_trip))


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Pass on what arrives, each piece ``delay`` seconds after it arrived, and the end of the stream, too."""
    loop = asyncio.get_running_loop()
    pieces: deque[tuple[float, bytes]] = deque()
    arrived, room = asyncio.Event(), asyncio.Semaphore(IN_FLIGHT)

    async def send() -> None:
        while True:
            while not pieces:
                arrived.clear()
                await arrived.wait()
            due, piece = pieces.popleft()
            room.release()
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            if not piece:
                writer.write_eof()
                return
            writer.write(piece)
            await writer.drain()

    sending = asyncio.create_task(send())
    try:
        while True:
            piece = await reader.read(CHUNK)
            await room.acquire()
            pieces.append((loop.time() + delay, piece))
            arrived.set()
            if not piece:
                break
        await sending
    except OSError:
        sending.cancel()


async def serve(host: str, port: int, round_trip: float) -> None:
    """Listen on a free port, print it, and forward for ever."""

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A new connection costs one round trip more than the kernel's own hand shake on the loopback shows.
        await asyncio.sleep(round_trip)
        try:
            there_reader, there_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(
            _relay(reader, there_writer, round_trip / 2),
            _relay(there_reader, writer, round_trip / 2),
            return_exceptions=True,
        )
        for each in (writer, there_writer):
            each.close()

    server = await asyncio.start_server(accepted, "127.0.0.1", 0, limit=CHUNK, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", required=True, help="host:port of the real server")
    parser.add_argument("--round-trip", type=float, default=0.010, help="seconds, 0.010 by default")
    given = parser.parse_args()
    host, _, port = given.to.rpartition(":")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(host, int(port), given.round_trip))


if __name__ == "__main__":
    main()
