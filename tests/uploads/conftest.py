"""A site that takes direct uploads, over real Azurite; the quarantine has a container of its own."""

from __future__ import annotations

import base64
import itertools

import pytest
from django.core.files.storage import storages
from django.test import Client, override_settings

from tests.azure.transferring import fetch
from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME

from . import site

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 4
MAY = "tests.uploads.site.may_upload"
POLICIES = {
    "documents": {
        "authorize": MAY,
        "types": [".pdf", "image/*"],
        "max_size": "1MiB",
        "checks": ["tests.uploads.site.no_macros"],
    },
    "avatars": {"authorize": MAY},
    "images": {"authorize": MAY, "max_image_size": "10KiB"},
    "public": {"authorize": MAY},
    "applications": {"authorize": MAY, "types": ["application/*"]},
}


def azure(azurite, container, **more):
    return {
        "type": "azure",
        "account_name": ACCOUNT_NAME,
        "account_key": ACCOUNT_KEY,
        "account_url": azurite.account_url(),
        "azure_container": container,
        **more,
    }


class Site:
    """The site. ``upload`` does what the script does."""

    def __init__(self, azurite) -> None:
        self.azurite = azurite
        self.clients: dict[str, Client] = {}

    def use(self, *, quarantine=None, settings=None, **document):
        """Configure the site; ``quarantine`` is the backend of uploads."""
        self.stop()
        waiting = quarantine or azure(self.azurite, self.azurite.create_container())
        config = {
            "backends": {"media": azure(self.azurite, self.azurite.create_container()), "waiting": waiting},
            "default": "media",
            "routes": [{"prefix": "quarantine/", "backend": "waiting"}],
            "uploads": {"policies": POLICIES},
            **document,
        }
        self._override = override_settings(
            **{
                "ROOT_URLCONF": "tests.uploads.site",
                "ALLOWED_HOSTS": ["*"],
                "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
                "MIDDLEWARE": [
                    "django.contrib.sessions.middleware.SessionMiddleware",
                    "tests.uploads.site.who",
                    "storage_router.uploads.UploadsMiddleware",
                ],
                "TEMPLATES": [{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
                "STORAGES": {
                    "default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": config},
                    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
                },
                **(settings or {}),
            }
        )
        self._override.enable()
        return self

    def stop(self) -> None:
        if override := vars(self).pop("_override", None):
            override.disable()

    @property
    def storage(self):
        return storages["default"]

    @property
    def waiting(self):
        return self.storage.backends["waiting"]

    @property
    def stored(self) -> list[str]:
        """All names of files that are not in the quarantine."""
        return [stat.name for stat in self.storage.walk("")]

    @property
    def left(self) -> list[str]:
        """All that is in the quarantine."""
        return list(self.waiting.leftovers())

    def client(self, user: str) -> Client:
        return self.clients.setdefault(user, Client(headers={"X-User": user}))

    def ask(self, step: str, user: str = "anna", **values):
        return self.client(user).post(f"/files/u/{step}", values, content_type="application/json")

    def begin(self, name="a.pdf", size=None, policy="documents", user="anna") -> dict:
        size = len(PDF) if size is None else size
        answer = self.ask("begin", user, policy=policy, name=name, size=size)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def put(self, ticket: dict, body: bytes = PDF, query: str = "", **headers):
        headers = headers or ({} if query else {"x_ms_blob_type": "BlockBlob"})
        return fetch(ticket["url"] + query, self.azurite, method="PUT", body=body, **headers)

    def put_blocks(self, ticket: dict, body: bytes, size: int) -> None:
        ids = []
        for number, start in enumerate(itertools.count(0, size)):
            if start >= len(body):
                break
            ids.append(base64.b64encode(f"{number:06d}-{'0' * 32}".encode()).decode())
            self.put(ticket, body[start : start + size], f"&comp=block&blockid={ids[-1].replace('=', '%3D')}")
        listed = "".join(f"<Latest>{one}</Latest>" for one in ids)
        assert self.put(ticket, f"<BlockList>{listed}</BlockList>".encode(), "&comp=blocklist").status == 201

    def upload(self, body: bytes = PDF, *, name="a.pdf", policy="documents", user="anna") -> str:
        """Upload and return the token that the form would send."""
        ticket = self.begin(name, len(body), policy, user)
        assert self.put(ticket, body).status == 201
        answer = self.ask("complete", user, token=ticket["token"])
        assert answer.status_code == 200, answer.content
        return answer.json()["token"]

    def submit(self, token: str = "", kind: str = "documents", user: str = "anna", **fields):
        """Submit the form; ``file=`` submits a file as usual."""
        return self.client(user).post(f"/form/{kind}", {"title": "A title", "file-upload": token, **fields})

    def errors(self, answer) -> str:
        assert answer.status_code == 400, answer.content
        return answer.json()["errors"]["file"][0]["message"]


@pytest.fixture
def uploads(azurite):
    """The site with its policies."""
    site.asked.clear()
    site.refused.clear()
    site.User.passwords.clear()
    found = Site(azurite).use()
    yield found
    found.stop()
