"""What it costs to start: a process that signs URLs, and a web worker up to its first answer."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

from contenders import CONTAINER
from measuring import Figures

from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME

ROOT = Path(__file__).resolve().parent.parent.parent

_STARTS = 4

_DJANGO = "from django.conf import settings; settings.configure(SECRET_KEY='only for benchmarks', USE_TZ=True)\n"
_BUILD = f"""
from storage_router import RouterStorage
account = dict(type="azure", account_name={ACCOUNT_NAME!r}, account_key={ACCOUNT_KEY!r}, expiration_secs=600)
router = RouterStorage(
    backends={{alias: {{**account, "azure_container": alias}} for alias in ("media", "private", "static")}},
    routes=[{{"prefix": "private/", "backend": "private"}}, {{"prefix": "static/", "backend": "static"}}],
    default="media")
"""
_PROGRAMS = {
    "floor": "import django.core.files.storage\n",
    # The first model loads most of pydantic.
    "Django and pydantic": "import django.core.files.storage, pydantic; pydantic.create_model('Model', it=(int, 1))",
    "django-storages": "import storages.backends.azure_storage\n",
    "ours": _BUILD
    + """
urls = {router.url(f"private/file-{index}.pdf") for index in range(1000)}
assert len(urls) == 1000 and all("/private/" in url and "sig=" in url for url in urls)
""",
    # Where its time goes: each of these does more than the one before.
    "ours, the models": "import django.core.files.storage, storage_router.conf.document\n",
    "ours, and loading": "import django.core.files.storage, storage_router.conf.loading, storage_router.routing\n",
    "ours, but the URLs": _BUILD,
}

_SETTINGS = """
import os
SECRET_KEY = "only for benchmarks"
USE_TZ = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "project"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"]
"""
_STORAGES = {
    "floor": """
STORAGES = {"default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"base_url": "/media/"}},
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
""",
    "django-storages": f"""
STORAGES = {{"default": {{"BACKEND": "storages.backends.azure_storage.AzureStorage", "OPTIONS": {{
    "account_name": {ACCOUNT_NAME!r}, "account_key": {ACCOUNT_KEY!r}, "azure_container": {CONTAINER!r},
    "expiration_secs": 600}}}}, "staticfiles": {{"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}}}
""",
    "ours": f"""
import storage_router
INSTALLED_APPS.append("storage_router")
STORAGES = storage_router.storages({{"default": "media", "backends": {{"media": {{
    "type": "azure", "account_name": {ACCOUNT_NAME!r}, "account_key": {ACCOUNT_KEY!r},
    "azure_container": {CONTAINER!r}, "expiration_secs": 600}}}}}})
""",
}
_PROJECT = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "project_settings"
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

def picture(request):
    from django.core.files.storage import default_storage
    return HttpResponse(default_storage.url("pictures/a.jpg"))

urlpatterns = [path("", picture)]
application = get_wsgi_application()
"""


def signing(contender: str, _: str) -> Figures:
    """Time a whole process, from the command to its end."""
    return _run(
        lambda folder: subprocess.run([sys.executable, "-c", _DJANGO + _PROGRAMS[contender]], check=True, cwd=folder)
    )


def gunicorn(contender: str, _: str) -> Figures:
    """Time gunicorn with one worker, from the command to the answer to the first request."""
    return _run(lambda folder: _first_answer(folder, contender))


def _run(start: Callable[[Path], object]) -> Figures:
    """Do it once for the compiled files, then a few times, and return the figures of the fastest: whatever else the
    machine does makes a start slower, and never faster."""
    os.environ["PYTHONPATH"] = str(ROOT)
    # As installed packages are: compiled once.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        start(Path(folder))
        return min((_once(start, Path(folder)) for _ in range(_STARTS)), key=lambda figures: figures["seconds"])


def _once(start: Callable[[Path], object], folder: Path) -> Figures:
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    seconds = start(folder)
    if not isinstance(seconds, float):
        seconds = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu": cpu, "memory": after.ru_maxrss * 1024}


def _first_answer(folder: Path, contender: str) -> float:
    (folder / "project_settings.py").write_text(_SETTINGS + _STORAGES[contender])
    (folder / "project.py").write_text(_PROJECT)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "1", "project"]
    begun = time.perf_counter()
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as server:
        try:
            status, body = _asked(port, until=begun + 60)
            seconds = time.perf_counter() - begun
        finally:
            server.send_signal(signal.SIGTERM)
    assert status == 200, body
    assert body.startswith(b"/media/" if contender == "floor" else b"https://")
    return seconds


def _asked(port: int, *, until: float) -> tuple[int, bytes]:
    """Return status and body of the answer to a request, as soon as there is one."""
    while time.perf_counter() < until:
        with contextlib.suppress(ConnectionError), contextlib.closing(HTTPConnection("127.0.0.1", port)) as connection:
            connection.request("GET", "/")
            answer = connection.getresponse()
            return answer.status, answer.read()
        time.sleep(0.002)
    raise TimeoutError("gunicorn did not answer")
