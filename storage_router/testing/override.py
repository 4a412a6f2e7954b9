"""Routers in memory for the tests of projects: the same routes, without a network."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.core.files.storage import InMemoryStorage, storages
from django.test.utils import TestContextDecorator, override_settings

from storage_router.conf.django_backends import DjangoBackend
from storage_router.conf.loading import Configuration, load
from storage_router.conf.table import Table
from storage_router.factory import route_problems
from storage_router.router import RouterStorage

# The option by which other storages overwrite files.
_OVERWRITES = {"allow_overwrite", "file_overwrite", "overwrite_files"}


def memory_router(config: Mapping[str, Any] | None = None) -> RouterStorage:
    """Return a router whose backends are all in memory, empty, and its own.

    Routes, aliases and ``default`` are those of ``config`` or, without it, of the project's ``STORAGES["default"]``.
    The URLs of each backend begin with its alias (``/private/…``). No setting, environment variable or file adds to
    ``config``. Raises ``ConfigurationError``.
    """
    return RouterStorage(configuration=_in_memory(_configured(config)))


class OverridingRouter(RouterStorage):
    """The class that ``STORAGES["default"]`` names during an override. Building it gives the router of the override.

    Django builds its storages again at every override of ``STATIC_URL`` and other settings. The files in memory stay.
    """

    routers: ClassVar[dict[int, RouterStorage]] = {}

    def __new__(cls, *, configuration: Configuration) -> RouterStorage:  # type: ignore[misc]
        """Return the router that was built from ``configuration``."""
        return cls.routers[id(configuration)]


class override_storage_router(TestContextDecorator):  # noqa: N801 - as Django's override_settings
    """Replace the project's ``STORAGES["default"]`` by a router, as a context manager or decorator.

    Without ``config`` it is the project's own router over backends in memory (``memory_router``); with it, the router
    of ``config``, with the backends that it names, and no other source is read. Backends in memory are empty each time.
    ``with … as`` gives the router; a decorated function gets it as the keyword argument ``kwarg_name``, a decorated
    ``TestCase`` as the attribute ``attr_name``. Raises ``ConfigurationError``.
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
        self._overrides: list[tuple[override_settings, Configuration]] = []

    def enable(self) -> RouterStorage:
        """Put the router in place and return it."""
        configuration = _configured(self._config)
        if self._config is None:
            configuration = _in_memory(configuration)
        router = RouterStorage(configuration=configuration)
        OverridingRouter.routers[id(configuration)] = router
        path = f"{OverridingRouter.__module__}.{OverridingRouter.__name__}"
        entry = {"BACKEND": path, "OPTIONS": {"configuration": configuration}}
        override = override_settings(STORAGES={**settings.STORAGES, "default": entry})
        override.enable()
        self._overrides.append((override, configuration))
        return router

    # The stubs know what Django's own decorators return.
    def __enter__(self) -> RouterStorage:  # type: ignore[override]
        """Put the router in place and return it."""
        return self.enable()

    def disable(self) -> None:
        """Put back what was there."""
        override, configuration = self._overrides.pop()
        override.disable()
        del OverridingRouter.routers[id(configuration)]


class MemoryStorage(InMemoryStorage):
    """Files in memory. With ``overwrite_files`` a save takes the place of the file that is there."""

    def __init__(self, *, base_url: str, overwrite_files: bool = False) -> None:
        super().__init__(base_url=base_url)
        self.overwrite_files = overwrite_files

    def url(self, name: str | None, *_: Any, **__: Any) -> str:
        """Return the file's URL, the same whatever else is given: there is nothing to sign."""
        return super().url(name)

    def is_name_available(self, name: str, max_length: int | None = None) -> bool:
        """Return whether ``save`` would take the name."""
        if self.overwrite_files:
            return not max_length or len(name) <= max_length
        return super().is_name_available(name, max_length=max_length)

    def get_alternative_name(self, file_root: str, file_ext: str) -> str:
        """Return another name for a file whose name is taken, or the same name where files are overwritten."""
        return f"{file_root}{file_ext}" if self.overwrite_files else super().get_alternative_name(file_root, file_ext)

    def _save(self, name: str, content: Any) -> str:
        # Django's writes over what is there, so that the end of longer content stays.
        if self.overwrite_files:
            self.delete(name)
        return str(super()._save(name, content))  # type: ignore[misc]  # the stubs leave it out


def _configured(config: Mapping[str, Any] | None) -> Configuration:
    if config is not None:
        # An empty directory, so that no file of the working directory is read.
        with tempfile.TemporaryDirectory() as nothing:
            return load(
                config,
                given_as="config",
                environ={},
                directory=nothing,
                validators=(route_problems,),
                django_setting=False,
            )
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
    return Configuration(document=document.model_copy(update={"backends": backends}), origins=configuration.origins)


def _memory(alias: str, backend: Table) -> DjangoBackend:
    given = backend.options if isinstance(backend, DjangoBackend) else backend.model_dump(include=_OVERWRITES)
    options = {"base_url": f"/{alias}/", "overwrite_files": any(given.get(option) for option in _OVERWRITES)}
    return DjangoBackend(backend=f"{MemoryStorage.__module__}.{MemoryStorage.__name__}", options=options)
