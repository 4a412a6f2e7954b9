"""The router without a network, for the tests of projects that use it: the same routes over backends in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core.files.storage import storages
from django.core.signals import setting_changed
from django.test.utils import TestContextDecorator, override_settings

from storage_router.conf.backends import Backend, DjangoBackend
from storage_router.conf.document import RouterDocument
from storage_router.conf.loading import Configuration, load
from storage_router.conf.report import Locate
from storage_router.exceptions import Problem
from storage_router.factory import ROUTER
from storage_router.router import RouterStorage
from storage_router.routing import RouteTable

from .memory import MemoryStorage

# What Azure's and other storages call the option to save over what is there.
_OVERWRITES = {"allow_overwrite", "file_overwrite", "overwrite_files"}


def memory_router(config: Mapping[str, Any] | None = None) -> RouterStorage:
    """Return a router whose backends are all in memory, empty, and its own.

    Routes, aliases and ``default`` are those of ``config`` or, without it, of the project's ``STORAGES["default"]``;
    whatever a backend is there, here it is memory. Each backend's URLs begin with its alias (``/private/…``).
    ``config`` is taken as it is: no setting, environment variable or file adds to it. Raises ``ConfigurationError``.
    """
    return RouterStorage(configuration=_in_memory(_configured(config)))


class override_storage_router(TestContextDecorator):  # noqa: N801 - as Django's override_settings
    """Replace the project's ``STORAGES["default"]`` by a router, as a context manager or decorator.

    Without ``config`` it is the project's own router over backends in memory (``memory_router``); with it, the router
    that ``config`` means, whatever its backends are, and nothing else is read. Both start empty each time. The router
    is what ``with … as`` gives; a decorated function gets it as the keyword argument ``kwarg_name``, the tests of a
    decorated ``TestCase`` as the attribute ``attr_name``. Raises ``ConfigurationError``.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        *,
        attr_name: str | None = None,
        kwarg_name: str | None = None,
    ) -> None:
        super().__init__(attr_name=attr_name, kwarg_name=kwarg_name)
        self._config = config
        self._overrides: list[tuple[override_settings, Callable[..., None]]] = []

    def enable(self) -> RouterStorage:
        """Put the router in place and return it."""
        configuration = _configured(self._config)
        if self._config is None:
            configuration = _in_memory(configuration)
        router = RouterStorage(configuration=configuration)
        # As a project writes it: whoever reads STORAGES has to find a router.
        entry = {"BACKEND": ROUTER, "OPTIONS": {"configuration": configuration}}

        def keep(**_: Any) -> None:
            # Django forgets its storages at every override of STATIC_URL and others; the files in memory outlive that.
            if settings.STORAGES.get("default") is entry:
                vars(storages)["_storages"]["default"] = router

        # After Django's own receiver, which came first.
        setting_changed.connect(keep, weak=False)
        override = override_settings(STORAGES={**settings.STORAGES, "default": entry})
        override.enable()
        self._overrides.append((override, keep))
        return router

    # The stubs know what Django's own decorators return.
    def __enter__(self) -> RouterStorage:  # type: ignore[override]
        """Put the router in place and return it."""
        return self.enable()

    def disable(self) -> None:
        """Put back what was there."""
        override, keep = self._overrides.pop()
        setting_changed.disconnect(keep)
        override.disable()


def _configured(config: Mapping[str, Any] | None) -> Configuration:
    if config is not None:
        # A directory that holds nothing, so that no file of the working directory is read.
        with tempfile.TemporaryDirectory() as nothing:
            loaded = load(
                config,
                given_as="config",
                environ={},
                directory=nothing,
                validators=(_route_problems,),
                django_setting=False,
            )
        # That the setting STORAGE_ROUTER is not read is no mistake here, and no check has to say so.
        return replace(loaded, code=None)
    router = storages["default"]
    if not isinstance(router, RouterStorage):
        raise TypeError(
            f"STORAGES['default'] is a {type(router).__name__}, not a RouterStorage. "
            "Give the configuration to test with."
        )
    return router.configuration


def _in_memory(configuration: Configuration) -> Configuration:
    document = configuration.document
    backends = {alias: _memory(alias, backend) for alias, backend in document.backends.items()}
    return replace(configuration, document=document.model_copy(update={"backends": backends}), warnings=())


def _memory(alias: str, backend: Backend) -> DjangoBackend:
    given = backend.options if isinstance(backend, DjangoBackend) else backend.model_dump(include=_OVERWRITES)
    options = {"base_url": f"/{alias}/", "overwrite_files": any(given.get(option) for option in _OVERWRITES)}
    return DjangoBackend(type="django", backend=f"{MemoryStorage.__module__}.{MemoryStorage.__name__}", options=options)


def _route_problems(document: RouterDocument, locate: Locate) -> Iterable[Problem]:
    return RouteTable(document.routes, document.default).problems(document.backends, locate)
