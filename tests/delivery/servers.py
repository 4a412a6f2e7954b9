"""The site in a process of its own, under gunicorn or uvicorn, and nginx in front of it."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.kit import servers

ARGUMENTS = {
    "gunicorn": ("tests.delivery.server:wsgi()", "--threads", "8", "--timeout", "60"),
    "uvicorn": ("tests.delivery.server:asgi()", "--log-level", "warning"),
}


@dataclass(frozen=True)
class Server:
    """A server at ``address``, and where it logs."""

    address: str
    log: Path

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def get(self, path: str, method: str = "GET", **headers: str | None) -> tuple[http.client.HTTPResponse, bytes]:
        """Ask as the reader, and return the answer and its body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for key, value in {"X_User": "reader", **headers}.items():
                if value is not None:
                    connection.putheader(key.replace("_", "-"), value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()


@contextlib.contextmanager
def site(kind: str, options: dict, folder: Path, **settings: object) -> Iterator[Server]:
    """Run the site whose router has these options, by ``gunicorn`` or ``uvicorn``."""
    application, *arguments = ARGUMENTS[kind]
    variables = {"SITE_OPTIONS": json.dumps(options), "SITE_SETTINGS": json.dumps(settings)}
    variables["DJANGO_SETTINGS_MODULE"] = "tests.delivery.server"
    with servers.web(kind, application, folder, *arguments, **variables) as address:
        yield Server(address, folder / "server.log")


@contextlib.contextmanager
def nginx(block: str, folder: Path) -> Iterator[Server]:
    """Run nginx with a block of the documentation: what comes before ``server {``, and its inside."""
    http_part, _, server_part = block.partition("server {")
    inside = f"access_log {folder}/access.log;\n{server_part.rstrip().removesuffix('}')}"
    with servers.nginx(inside, folder, http=http_part) as address:
        yield Server(address, folder / "access.log")
