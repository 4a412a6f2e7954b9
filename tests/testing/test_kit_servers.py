"""The servers of tests/kit: each starts, does its work, and is gone at the end."""

from __future__ import annotations

import socket
import urllib.request
from urllib.parse import urlsplit

import pytest

from tests.kit import servers

pytestmark = pytest.mark.slow

APPLICATION = """
import os

def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.environ['WHO']}: {environ['PATH_INFO']}".encode()]

async def asgi(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{os.environ['WHO']}: {scope['path']}".encode()})

def make_asgi():
    return asgi
"""


def get(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=120) as answer:
        return answer.read()


@pytest.mark.parametrize(
    ("kind", "application"),
    [("gunicorn", "application:wsgi"), ("uvicorn", "application:asgi"), ("uvicorn", "application:make_asgi()")],
)
def test_a_web_server_serves_an_application_until_the_end(kind, application, tmp_path):
    (tmp_path / "application.py").write_text(APPLICATION)
    with servers.web(kind, application, tmp_path, WHO=kind) as address:
        assert get(f"{address}/a") == f"{kind}: /a".encode()
    assert not servers.listens(urlsplit(address).port)


def test_nginx_stands_in_front_of_an_application(nginx, serve, tmp_path):
    (tmp_path / "application.py").write_text(APPLICATION)
    application = serve("gunicorn", "application:wsgi", tmp_path, WHO="behind")
    (tmp_path / "a.txt").write_text("a file")
    address = nginx(f"location /app/ {{ proxy_pass {application}; }} location /files/ {{ alias {tmp_path}/; }}")
    assert get(f"{address}/app/b") == b"behind: /app/b"
    assert get(f"{address}/files/a.txt") == b"a file"


def test_a_server_with_a_bad_configuration_tells_why_it_does_not_start(nginx):
    with pytest.raises(RuntimeError, match=r'does not serve:\n(.*\n)*.*unknown directive "nonsense"'):
        nginx("nonsense;")


def test_each_test_has_a_database_of_postgresql_of_its_own(postgres, postgres_server):
    import psycopg

    assert postgres["NAME"] != postgres_server["NAME"]
    with psycopg.connect(host=postgres["HOST"], user=postgres["USER"], dbname=postgres["NAME"]) as connection:
        assert connection.execute("SELECT current_database(), 1 + 1").fetchone() == (postgres["NAME"], 2)


def test_valkey_answers(valkey):
    found = urlsplit(valkey)
    with socket.create_connection((found.hostname, found.port), timeout=120) as connection:
        connection.sendall(b"PING\r\n")
        assert connection.recv(100) == b"+PONG\r\n"
