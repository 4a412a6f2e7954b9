"""A reverse proxy in front of Azurite that lets requests fail, by script or by chance from a seed.

It stands wherever an ``Azurite`` does: it has the same ``account_url()`` and ``connection_string()``, and speaks HTTPS
with Azurite's certificate where Azurite does. A shared key's signature covers the path, not the host, so signed
requests pass.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import Self

from .azurite import ACCOUNT_NAME, Azurite
from .faults import TRANSIENT, Fault, Plan, RejectToken, Request
from .listener import Listener
from .relay import Connection, Hangup, Upstream, reset


class FaultProxy:
    """One proxy in front of one ``Azurite``, in a thread of its own: ``with FaultProxy(azurite) as proxy:``.

    ``requests`` holds every request that arrived, in their order. Everything may be called from any thread, at any
    time.
    """

    def __init__(self, azurite: Azurite, *, seed: int = 0) -> None:
        self.azurite = azurite
        self.port = 0
        self.requests: list[Request] = []
        self.connections = 0
        self._plan = Plan(seed)
        self._refusals = 0
        self._rejected_token: str | None = None
        self._outgoing: ssl.SSLContext | None = None
        self._listener: Listener | None = None

    @property
    def certificate(self) -> Path | None:
        """What a client's ``connection_verify`` names; None over HTTP."""
        return self.azurite.certificate

    @property
    def accounts(self) -> dict[str, str]:
        """Azurite's accounts and their keys."""
        return self.azurite.accounts

    def account_url(self, account_name: str = ACCOUNT_NAME) -> str:
        """Return an account's blob endpoint on the proxy."""
        return f"{'https' if self.azurite.https else 'http'}://127.0.0.1:{self.port}/{account_name}"

    def connection_string(self, account_name: str = ACCOUNT_NAME) -> str:
        """Return an account's connection string that leads through the proxy."""
        direct, through = self.azurite.account_url(account_name), self.account_url(account_name)
        return self.azurite.connection_string(account_name).replace(direct, through)

    # What goes wrong.

    def fail(self, operation: str, fault: Fault, *, times: int = 1, skip: int = 0, blob: str = "*") -> None:
        """Let ``fault`` happen to the next ``times`` requests of ``operation``, after ``skip`` of them went well.

        ``operation`` is Azure's name for it (``Put Blob``) or a pattern (``Put *``); ``blob`` is a pattern of
        ``container/name``. What was asked for first happens first; one request suffers one fault.
        """
        self._plan.add(operation, fault, times=times, skip=skip, blob=blob)

    def fail_randomly(
        self, rate: float, faults: Iterable[Fault] = TRANSIENT, *, seed: int = 0, operations: str = "*"
    ) -> None:
        """Let one of ``faults`` happen to a share of the requests (``rate``, 0 to 1).

        The same requests meet the same faults again for a ``seed``, in whatever order threads send them.
        """
        self._plan.randomly(rate, faults, seed, operations)

    def heal(self) -> None:
        """From now on all goes well."""
        self._plan.clear()
        self._refusals = 0
        self._rejected_token = None

    def refuse(self, times: int = 1) -> None:
        """Reset the next ``times`` connections as soon as they are made."""
        self._refusals = times

    def drop_connections(self) -> None:
        """Reset every connection there is, idle ones included, as a server does that starts anew."""
        self._running().drop()

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Nobody listens for the time of the ``with`` block: connections are refused by the system."""
        self._running().pause()
        try:
            yield
        finally:
            self._running().resume()

    # What happened.

    def count(self, operation: str = "*", blob: str = "*") -> int:
        """Return how many requests arrived that match the two patterns."""
        return sum(fnmatchcase(it.operation, operation) and fnmatchcase(it.blob, blob) for it in list(self.requests))

    def forget(self) -> None:
        """Empty ``requests``."""
        self.requests.clear()

    def story(self) -> str:
        """Return what happened as text, one request a line, with the seed: what a failing test should print."""
        return "\n".join([f"seed {self._plan.seed}, {len(self.requests)} requests:", *map(repr, list(self.requests))])

    # The server.

    def start(self) -> Self:
        """Listen on a free port of the loopback interface."""
        incoming = None
        if self.azurite.certificate is not None:
            incoming = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            incoming.load_cert_chain(self.azurite.certificate, self.azurite.private_key)
            self._outgoing = ssl.create_default_context(cafile=str(self.azurite.certificate))
        self._listener = Listener(self._serve, tls=incoming)
        self.port = self._listener.port
        return self

    def stop(self) -> None:
        """Reset what is still open and end the thread. Stopping twice is no error."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _running(self) -> Listener:
        if self._listener is None:
            raise RuntimeError("The fault proxy is not started.")
        return self._listener

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        upstream = Upstream(self.azurite.port, self._outgoing)
        try:
            if self._refusals:
                self._refusals -= 1
                raise Hangup
            await Connection(reader, writer, upstream=upstream, decide=self._decide).serve()
        except (Hangup, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            reset(writer)
        finally:
            upstream.close()
            writer.close()

    def _decide(self, request: Request) -> Fault | None:
        token = request.head.get("authorization")
        if self._rejected_token is not None and token == self._rejected_token:
            request.fault = RejectToken()
        else:
            request.fault = self._plan.fault_for(request)
            if isinstance(request.fault, RejectToken):
                self._rejected_token = token
        self.requests.append(request)
        return request.fault
