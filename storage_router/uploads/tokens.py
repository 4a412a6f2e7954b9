"""Tokens: what the server knows of an upload, signed, in the hands of the uploader (P3)."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from typing import Any, Literal

from django.core import signing
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from .policies import AnnouncedFile, Policy

Step = Literal["begin", "complete"]

_SESSION_KEY = "storage_router_uploads"


@dataclass(frozen=True)
class Claims:
    """What a token says: the upload, its owner and when it began. ``etag`` is that of the checked version."""

    policy: str
    storage: str
    owner: str
    name: str
    file_name: str
    size: int
    began: int
    tenant: str
    etag: str = ""

    @classmethod
    def new(cls, request: HttpRequest, policy: Policy, file: AnnouncedFile) -> Claims:
        """Return the claims of an upload that begins now."""
        return cls(
            policy=policy.name,
            storage=policy.storage,
            owner=_owner(request),
            name=policy.new_name(),
            file_name=file.name,
            size=file.size,
            began=int(time.time()),
            tenant=policy.tenant,
        )

    @property
    def file(self) -> AnnouncedFile:
        """The file as it was announced."""
        return AnnouncedFile(name=self.file_name, size=self.size, policy=self.policy, storage=self.storage)

    def token(self, step: Step) -> str:
        """Return the token that ``step`` gives out."""
        return signing.dumps(astuple(self), salt=_salt(step))


def read(request: HttpRequest, token: Any, step: Step) -> tuple[Claims, Policy]:
    """Return what a token of ``step`` says, and its policy.

    Raises ``ValidationError`` for a token that is not genuine, too old, or somebody else's, or whose owner may not
    upload the file any more.
    """
    try:
        claims = Claims(*signing.loads(str(token), salt=_salt(step)))
        found = Policy(claims.policy, claims.storage)
    except (signing.BadSignature, ValueError, TypeError, ImproperlyConfigured):
        raise ValidationError(_("This upload is not valid. Please upload the file again."), code="token") from None
    if time.time() > claims.began + found.options.token_seconds:
        raise ValidationError(_("This upload has expired. Please upload the file again."), code="expired")
    if claims.owner not in _owners(request) or claims.tenant != found.tenant:
        raise ValidationError(_("This upload was begun by somebody else. Please upload the file again."), code="owner")
    found.require_consent(request, claims.file)
    return claims, found


def _salt(step: Step) -> str:
    return f"storage_router.uploads.{step}"


def _owner(request: HttpRequest) -> str:
    """Return who is uploading: the user, else the session by a random value that is kept in it."""
    owner = next(_owners(request), None)
    if owner is None:
        session = getattr(request, "session", None)
        if session is None:
            raise ValidationError(_("Please sign in to upload files."), code="forbidden")
        # Not the session's key, which changes at login, and which opens the session.
        session[_SESSION_KEY] = secrets.token_hex(16)
        owner = next(_owners(request))
    return owner


def _owners(request: HttpRequest) -> Iterator[str]:
    """Yield all that the owner of an upload may be called in this request. An upload that was begun in this session
    before the login stays the user's."""
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        # It changes with the password; the fallbacks are those of SECRET_KEY_FALLBACKS.
        current = getattr(user, "get_session_auth_hash", str)()
        former: Iterable[str] = getattr(user, "get_session_auth_fallback_hash", tuple)()
        for auth_hash in (current, *former):
            yield _hashed("user", str(user.pk), auth_hash)
    if (value := getattr(request, "session", {}).get(_SESSION_KEY)) is not None:
        yield _hashed("session", value)


def _hashed(*parts: str) -> str:
    # A token can be read by whoever has it.
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
