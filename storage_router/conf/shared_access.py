"""What a shared access signature says about itself.

The fields: https://learn.microsoft.com/rest/api/storageservices/create-service-sas and …/create-account-sas
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from pydantic import SecretStr

from .report import complaint

_URL = re.compile(r"(?:https?://|[^=?&]+\?)", re.IGNORECASE)
_HINT = "Copy it whole from the portal or from 'az storage container generate-sas'."


@dataclass(frozen=True, kw_only=True)
class SharedAccess:
    """``permissions`` is None where a stored access policy holds them; ``expires`` is None likewise."""

    permissions: str | None
    expires: dt.datetime | None
    https_only: bool

    @property
    def is_read_only(self) -> bool:
        """Whether whoever has it can read, and list at most."""
        return self.permissions is not None and "r" in self.permissions and set(self.permissions) <= {"r", "l"}


def parse(token: str) -> SharedAccess:
    """Return what the fields say. Raises a complaint for a text that is no SAS, or one that is not good for blobs."""
    if _URL.match(token):
        raise complaint("the value is a URL, not a shared access signature alone", "Give what follows the '?'.")
    fields = dict(parse_qsl(token.removeprefix("?"), keep_blank_values=True))
    if not fields.get("sig") or any(character.isspace() for character in token):
        raise complaint(
            "the value is not a shared access signature", f"It has the form 'sv=...&sp=...&sig=...'. {_HINT}"
        )
    if "ss" in fields and "b" not in fields["ss"]:
        raise complaint("the SAS is not for the blob service", "Create it with ss=b (allowed services: Blob).")
    if "ss" in fields and not {"o"} <= set(fields.get("srt", "")):
        raise complaint(
            "the SAS is not for objects", "Create it with srt=co (allowed resource types: container, object)."
        )
    if fields.get("sr", "c") in ("b", "bs", "bv"):
        raise complaint("the SAS is for a single blob", "Create one for the container (sr=c).")
    return SharedAccess(
        permissions=fields.get("sp"),
        expires=_time(fields["se"]) if fields.get("se") else None,
        https_only=fields.get("spr", "").lower() == "https",
    )


def checked(value: SecretStr) -> SecretStr:
    """Return ``value`` without a leading ``?``. Raises a complaint if it is no SAS, or expired."""
    token = value.get_secret_value().strip().removeprefix("?")
    check_expiry(parse(token))
    return SecretStr(token)


def check_expiry(access: SharedAccess) -> None:
    """Raise a complaint if the SAS is no longer good."""
    if access.expires is not None and access.expires <= dt.datetime.now(dt.UTC):
        raise complaint(
            f"the SAS expired at {access.expires:%Y-%m-%d %H:%M} UTC",
            "Create a new one, or use an identity (credential = 'default'), which does not expire.",
        )


def _time(text: str) -> dt.datetime:
    """Read ``2030-01-31``, ``2030-01-31T12:00Z``, ``2030-01-31T12:00:00Z`` and fractions of up to seven digits."""
    try:
        # A date alone means its midnight, UTC, as Azure reads it.
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise complaint("the expiry (se) of the SAS is not a time", _HINT) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
