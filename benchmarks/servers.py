"""The servers that a row needs: an Azurite or the stub, and the proxy that makes it far away."""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import Self

from contenders import CONTAINER
from latency_proxy import latency_proxy
from rows import Row
from stub import stub

from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME, Azurite


class Servers:
    """Running as long as the ``with`` block; ``endpoint()`` for each measurement."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self._stack = contextlib.ExitStack()
        self._endpoint = ""

    def __enter__(self) -> Self:
        if self._row.server and not self._row.fresh:
            self._endpoint = self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def endpoint(self) -> str:
        """Return the blob endpoint for one measurement; empty where no server is needed."""
        if self._row.fresh:
            self._stack.close()
            self._endpoint = self._start()
        return self._endpoint

    def _start(self) -> str:
        port = self._stack.enter_context(stub()) if self._row.server == "stub" else self._azurite()
        if self._row.round_trip:
            port = self._stack.enter_context(latency_proxy(port, round_trip=self._row.round_trip))
        return f"http://127.0.0.1:{port}/{ACCOUNT_NAME}"

    def _azurite(self) -> int:
        accounts = dict.fromkeys((ACCOUNT_NAME, f"{ACCOUNT_NAME}2"), ACCOUNT_KEY)
        azurite = self._stack.enter_context(Azurite(accounts=accounts))
        for name in accounts:
            azurite.create_container(CONTAINER, account_name=name)
        return azurite.port
