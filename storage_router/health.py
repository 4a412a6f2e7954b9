"""Probes for health checks and readiness: one request for a backend, or two.

``readiness`` is a Django view for orchestrators; ``BackendHealth`` is a check for django-health-check 4.
"""

from __future__ import annotations

import contextvars
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache

from .exceptions import ContainerNotFoundError
from .files import file_store

PROBE = ".storage_router_health"
"""The name that a reading probe asks for, and what a writing one's names begin with. It need not exist."""

Mode = Literal["read", "write"]

_AT_A_TIME = 8


@dataclass(frozen=True, kw_only=True)
class Health:
    """What a probe found. ``seconds`` is how long it took; ``error`` is why the backend cannot be used."""

    alias: str
    mode: Mode
    seconds: float
    error: Exception | None = None

    @property
    def ok(self) -> bool:
        """Whether the backend answered as it should."""
        return self.error is None

    def __str__(self) -> str:
        return f"{self.alias}: {'ok' if self.ok else self.error} ({self.seconds:.3f} s)"


def backends(router: str = "default") -> dict[str, Storage]:
    """Return the storages that can be probed: the router's backends by alias, or the storage itself.

    Backends with a place for each tenant are those of the current tenant, and are left out where there is none.
    """
    storage = storages[router]
    found = getattr(storage, "backends", None) or {router: storage}
    tenancy = getattr(found, "tenancy", None)
    if tenancy is None or tenancy.current() is not None:
        return dict(found)
    return {alias: found[alias] for alias in found if not tenancy.has(alias)}


def probe(alias: str, mode: Mode = "read", *, router: str = "default") -> Health:
    """Ask the backend ``alias`` of ``STORAGES[router]`` for one file (one request), or store and delete one (two).

    Never raises for a backend that does not work: that is ``Health.error``. Raises ``KeyError`` for an unknown alias.
    """
    return probed(alias, backends(router)[alias], mode)


def probed(alias: str, storage: Storage, mode: Mode = "read") -> Health:
    """Do the same with a storage that is known already: other threads have no tenant to find it by."""
    start = time.perf_counter()
    error: Exception | None = None
    try:
        _read(storage) if mode == "read" else _write(storage)
    except Exception as failure:  # noqa: BLE001 - whatever a backend raises, it cannot be used
        error = failure
    return Health(alias=alias, mode=mode, seconds=time.perf_counter() - start, error=error)


def probe_all(mode: Mode = "read", *, router: str = "default") -> list[Health]:
    """Probe the backends of a router at the same time."""
    with ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="storage_router-health") as workers:
        waiting = [
            workers.submit(contextvars.copy_context().run, probed, alias, storage, mode)
            for alias, storage in backends(router).items()
        ]
        return [one.result() for one in waiting]


@never_cache
def readiness(request: HttpRequest, router: str = "default") -> HttpResponse:  # noqa: ARG001 - a view
    """Answer 200 if every backend of the router can be read, else 503. The body says no more than that.

    Include it in the URLs to use it: ``path("ready/", storage_router.health.readiness)``.
    """
    if all(health.ok for health in probe_all(router=router)):
        return HttpResponse("ok", content_type="text/plain")
    return HttpResponse("unavailable", content_type="text/plain", status=503)


readiness.login_required = False  # type: ignore[attr-defined]  # what LoginRequiredMiddleware reads


def _read(storage: Storage) -> None:
    try:
        file_store(storage).stat(PROBE)
    except ContainerNotFoundError:
        raise
    except (FileNotFoundError, IsADirectoryError):
        # Writing probes make it a directory where there are such.
        return


def _write(storage: Storage) -> None:
    name = f"{PROBE}/{secrets.token_hex(8)}"
    store = file_store(storage)
    store.create(name, ContentFile(b"ok"))
    store.delete(name)


def __getattr__(name: str) -> Any:
    if name != "BackendHealth":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # django-health-check is no dependency: its class is made when somebody asks for it.
    from health_check.base import HealthCheck
    from health_check.exceptions import ServiceUnavailable

    @dataclass
    class BackendHealth(HealthCheck):  # type: ignore[misc]  # no stubs
        """A check for django-health-check 4: one backend of a router."""

        alias: str
        mode: Mode = "read"
        router: str = "default"

        def run(self) -> None:
            found = probe(self.alias, self.mode, router=self.router)
            if found.error is not None:
                raise ServiceUnavailable(f"The backend {self.alias!r} cannot be used.") from found.error

    globals()[name] = BackendHealth
    return BackendHealth
