"""A listening socket and an event loop in a thread of its own: what the fault proxy runs on."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable

from .servers import reserved_port

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listener:
    """Hands each connection to ``handler``, in the loop's thread. The port stays the same from start to stop.

    ``asyncio.start_server`` leaves a socket open where it is closed between the accepting of a connection and its first
    turn; here a connection belongs to a task from the moment it is accepted.
    """

    def __init__(self, handler: Handler, *, tls: ssl.SSLContext | None) -> None:
        self._handler = handler
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        # Nobody else gets the port while this pauses.
        self._held = contextlib.ExitStack()
        self.port = self._held.enter_context(reserved_port())
        self._socket = self._bound()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._thread.start()
        self._in_loop(self._open)

    def pause(self) -> None:
        """Stop listening and reset the connections; until ``resume()`` the system refuses new ones."""
        self._in_loop(self._close)
        self.drop()

    def resume(self) -> None:
        """Listen again."""
        self._socket = self._bound()
        self._in_loop(self._open)

    def drop(self) -> None:
        """End what works on the connections of this moment: the handlers are cancelled."""
        asyncio.run_coroutine_threadsafe(self._drop(), self._loop).result()

    def stop(self) -> None:
        """End everything."""
        self.pause()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._held.close()

    def _in_loop(self, work: Callable[[], None]) -> None:
        async def run() -> None:
            work()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def _bound(self) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", self.port), backlog=512)
        listener.setblocking(False)
        return listener

    def _open(self) -> None:
        self._loop.add_reader(self._socket, self._accept)

    def _close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the client may be gone again
            connection, _ = self._socket.accept()
            connection.setblocking(False)
            task = self._loop.create_task(self._serve(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            # A task that is cancelled before its first step closes nothing.
            task.add_done_callback(lambda done: connection.close() if done.cancelled() else None)

    async def _serve(self, connection: socket.socket) -> None:
        reader = asyncio.StreamReader(loop=self._loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=self._loop)
        try:
            transport, _ = await self._loop.connect_accepted_socket(lambda: protocol, connection, ssl=self._tls)
        except (OSError, asyncio.CancelledError):  # the handshake failed, or it is time to stop
            connection.close()
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, self._loop)
        await self._handler(reader, writer)

    async def _drop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
