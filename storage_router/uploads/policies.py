"""A policy of the configuration at work: who may upload what, and where uploads wait."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.exceptions import ImproperlyConfigured, SuspiciousFileOperation, ValidationError
from django.core.files.storage import storages
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.module_loading import import_string
from django.utils.text import get_valid_filename
from django.utils.translation import gettext_lazy as _

from storage_router import media_types
from storage_router.conf.problems import suggestion
from storage_router.conf.uploads import LARGEST, UploadPolicy
from storage_router.delivery.access import awaited, decision
from storage_router.files import direct_store, file_store
from storage_router.names import clean_name
from storage_router.router import RouterStorage
from storage_router.tenancy import Tenancy

from .first_bytes import LENGTH, fits

UNKNOWN = "application/octet-stream"


@dataclass(frozen=True, kw_only=True)
class AnnouncedFile:
    """The file that ``authorize`` is asked about. The type is that of the name."""

    name: str
    size: int
    policy: str
    storage: str

    @property
    def content_type(self) -> str:
        """The media type."""
        return _type_of(self.name) or UNKNOWN


class Policy:
    """The policy ``name`` of the router ``STORAGES[storage]``.

    The methods that begin with ``require`` raise ``ValidationError``; its code is "forbidden" where the user is
    refused.
    """

    def __init__(self, name: str, storage: str = "default") -> None:
        router = storages[storage] if storage in storages.backends else None
        if not isinstance(router, RouterStorage):
            raise ImproperlyConfigured(f"Uploads need a router: STORAGES[{storage!r}] is none.")
        uploads = router.configuration.document.uploads
        policies = uploads.policies if uploads is not None else {}
        if uploads is None or name not in policies:
            raise ImproperlyConfigured(f"There is no policy {name!r} of uploads. {suggestion(name, policies)}".strip())
        self.name = name
        self.storage = storage
        self.options: UploadPolicy = policies[name]
        self._router = router
        self._quarantine = uploads.quarantine.strip("/")

    @property
    def tenant(self) -> str:
        """The current tenant: ``""`` where there is none."""
        return Tenancy(self._router.configuration.document).current() or ""

    def new_name(self) -> str:
        """Return a name below the quarantine that nobody can guess. It begins with the time, by which ``purge`` knows
        its age."""
        return f"{self._quarantine}/{int(time.time()):010d}-{secrets.token_hex(16)}"

    def waiting(self, name: str) -> tuple[Any, str]:
        """Return the store that a name below the quarantine leads to, and the store's name for it."""
        match = self._router.table.match(clean_name(name), hidden=True)
        return file_store(self._router.backends[match.alias]), match.name

    @cached_property
    def takes_tickets(self) -> bool:
        """Whether browsers can send files to the quarantine's backend."""
        return direct_store(self.waiting(f"{self._quarantine}/x")[0]) is not None

    def require_consent(self, request: HttpRequest, file: AnnouncedFile) -> None:
        """Ask ``authorize``."""
        if decision(self.options.authorize, request, file) is not True:
            raise ValidationError(_("You may not upload this file."), code="forbidden")

    def require_announced(self, file: AnnouncedFile) -> None:
        """Compare name and size with what is allowed."""
        types, largest = self.options.types, self.options.max_size or LARGEST
        lower = file.name.lower()
        accepted = not types or media_types.matches(file.content_type, [one.lower() for one in types])
        if not accepted and not any(one.startswith(".") and lower.endswith(one.lower()) for one in types):
            message = _("Files of this type are not accepted. Accepted: %(types)s.")
            raise ValidationError(message, code="type", params={"types": ", ".join(types)})
        if file.size > largest:
            message = _("The file is too large: at most %(largest)s.")
            raise ValidationError(message, code="size", params={"largest": filesizeformat(largest)})

    def require_content(self, file: Any) -> None:
        """Look at the first bytes, and run the checks of the policy.

        Raises ``TypeError`` for a check that returns something: what is false refuses nothing.
        """
        file.seek(0)
        if not fits(_type_of(file.name), file.read(LENGTH)):
            raise ValidationError(_("The content of the file is not of the type that its name says."), code="content")
        for check in self.options.checks:
            file.seek(0)
            if (answer := awaited(import_string(check)(file))) is not None:
                kind = type(answer).__name__
                raise TypeError(f"The check {check} returned {kind}. Raise ValidationError to refuse the file.")
        file.seek(0)


def _type_of(name: str) -> str | None:
    """Return the media type of a file of this name. It is that of the name that a model's field makes of it: Django
    leaves out characters, so ``a.ht!ml`` is stored as ``a.html``."""
    try:
        return media_types.content_type(get_valid_filename(name))
    except SuspiciousFileOperation:
        return None
