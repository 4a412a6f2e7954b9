"""A site that delivers the files of each type of backend."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.test import Client, override_settings

from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME

from . import site

TEXT = b"0123456789" * 100
READER = {"X-User": "reader"}
ROUTE = {"prefix": "private/", "backend": "files", "delivery": "stream", "authorize": "tests.delivery.site.may_read"}


def azure(server, container, **more):
    return {
        "type": "azure",
        "account_name": ACCOUNT_NAME,
        "account_key": ACCOUNT_KEY,
        "account_url": server.account_url(),
        "azure_container": container,
        **more,
    }


class Site:
    """The site under test. ``backend`` is the configuration of its private files."""

    def __init__(self, backend: dict) -> None:
        self.backend = backend
        self.responses: list = []

    def use(self, *, document=None, others=None, settings=None, **route):
        """Configure the site: one delivery route, and what is given."""
        self.stop()
        backends = {"files": self.backend, "open": {"type": "memory", "base_url": "/open/"}, **(others or {})}
        config = {"backends": backends, "default": "open", "routes": [{**ROUTE, **route}], **(document or {})}
        self._override = override_settings(
            **{
                "ROOT_URLCONF": "tests.delivery.site",
                "MIDDLEWARE": ["tests.delivery.site.who"],
                "ALLOWED_HOSTS": ["*"],
                "STORAGES": {
                    "default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": config},
                    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
                },
                **(settings or {}),
            }
        )
        self._override.enable()
        site.asked.clear()
        return self

    def stop(self) -> None:
        for response in self.responses:
            response.close()
        self.responses.clear()
        if override := vars(self).pop("_override", None):
            override.disable()

    @property
    def storage(self):
        return storages["default"]

    def save(self, name: str = "private/a.txt", content: bytes = TEXT) -> str:
        return self.storage.save(name, ContentFile(content))

    def get(self, name: str = "private/a.txt", **headers):
        """Ask for a file, signed in as the reader; ``If_Range="…"`` is a header, ``X_User=None`` leaves one out."""
        return self.ask("get", self.storage.url(name), **headers)

    def ask(self, method: str, url: str, **headers):
        given = {**READER, **{key.replace("_", "-"): value for key, value in headers.items()}}
        given = {key: value for key, value in given.items() if value is not None}
        response = getattr(Client(raise_request_exception=False), method)(url, headers=given)
        self.responses.append(response)
        return response


@pytest.fixture(params=["memory", "filesystem", pytest.param("azure", marks=pytest.mark.azurite)])
def any_site(request, tmp_path):
    """The site over each type of backend."""
    if request.param == "memory":
        backend = {"type": "memory"}
    elif request.param == "filesystem":
        backend = {"type": "filesystem", "location": str(tmp_path / "private")}
    else:
        backend = azure(request.getfixturevalue("azurite"), request.getfixturevalue("container"))
    site = Site(backend).use()
    yield site
    site.stop()


@pytest.fixture
def memory_site():
    """The site over memory: for what does not depend on the backend."""
    site = Site({"type": "memory"}).use()
    yield site
    site.stop()


@pytest.fixture
def azure_site(azurite, container):
    """The site over Azurite."""
    site = Site(azure(azurite, container)).use()
    yield site
    site.stop()


def body(response) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content
