"""A page with the admin's scripts and styles in Chromium, 10 ms away, with ``static.compress`` and without.

    make bench-compression

prints the bytes of the bodies and the median time until the page's load event, of both in turn.
"""

from __future__ import annotations

import contextlib
import http.server
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from latency_proxy import latency_proxy

from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME, Azurite

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Request

ROUND_TRIP = 0.010
ROUNDS = 7
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def main() -> None:
    from playwright.sync_api import sync_playwright

    os.environ.setdefault(
        "AZURITE_BIN", str(Path(__file__).resolve().parent.parent / "tools/azurite/node_modules/.bin/azurite-blob")
    )
    with Azurite() as azurite, latency_proxy(azurite.port, round_trip=ROUND_TRIP) as port:
        endpoint = f"http://127.0.0.1:{port}/{ACCOUNT_NAME}"
        pages = {name: published(azurite, endpoint, name, compress) for name, compress in CASES.items()}
        with sync_playwright() as playwright, served(pages) as address:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
            found: dict[str, list[tuple[int, float]]] = {name: [] for name in CASES}
            for _ in range(ROUNDS):
                for name in CASES:
                    found[name].append(loaded(browser, f"{address}/{name}"))
            browser.close()
    for name, runs in found.items():
        size, seconds = statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs)
        print(f"{name:<14} {size / 1000:8.0f} kB {1000 * seconds:8.0f} ms")


CASES = {"uncompressed": [], "gzip": ["gzip"]}


def published(azurite: Azurite, endpoint: str, name: str, compress: list[str]) -> str:
    """Collect the admin's static files into a public container; return a page that loads its scripts and styles."""
    from azure.storage.blob import BlobServiceClient

    with BlobServiceClient.from_connection_string(azurite.connection_string()) as service:
        service.create_container(name, public_access="blob")
    settings = f"""
import storage_router
SECRET_KEY = "benchmark"
INSTALLED_APPS = ["storage_router", "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
                  "django.contrib.messages", "django.contrib.staticfiles"]
STATIC_URL = "static/"
SILENCED_SYSTEM_CHECKS = ["admin.E403", "admin.E408", "admin.E409", "admin.E410"]
STORAGES = storage_router.storages({{
    "backends": {{"static": {{"type": "azure", "account_url": {endpoint!r}, "account_key": {ACCOUNT_KEY!r},
                            "azure_container": {name!r}}}}},
    "default": "static",
    "static": {{"compress": {compress!r}}},
}})
"""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "benchmark_settings.py").write_text(settings)
        root = str(Path(__file__).resolve().parent.parent)
        environment = os.environ | {"DJANGO_SETTINGS_MODULE": "benchmark_settings", "PYTHONPATH": f"{folder}:{root}"}
        command = [sys.executable, "-m", "django", "collectstatic", "--noinput", "-v0"]
        subprocess.run(command, env=environment, check=True)
    with BlobServiceClient.from_connection_string(azurite.connection_string()) as service:
        names = sorted(service.get_container_client(name).list_blob_names())
    styles = [f'<link rel="stylesheet" href="{endpoint}/{name}/{one}">' for one in names if one.endswith(".css")]
    scripts = [f'<script src="{endpoint}/{name}/{one}" defer></script>' for one in names if one.endswith(".js")]
    return f"<!doctype html><html><head>{''.join(styles)}{''.join(scripts)}</head><body>page</body></html>"


@contextlib.contextmanager
def served(pages: dict[str, str]) -> Iterator[str]:
    """Serve the pages from another origin."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path.strip("/"), "").encode()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def loaded(browser: Browser, address: str) -> tuple[int, float]:
    """Load the page with an empty cache; return the bytes of all bodies and the seconds until its load event."""
    context = browser.new_context()
    page = context.new_page()
    answers: list[Request] = []
    page.on("requestfinished", lambda request: answers.append(request))
    page.goto(address, wait_until="networkidle")
    seconds: float = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd / 1000")
    size = sum(request.sizes()["responseBodySize"] for request in answers)
    context.close()
    return size, seconds


if __name__ == "__main__":
    main()
