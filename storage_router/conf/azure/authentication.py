"""The ways to authenticate, which of the given options wins (O1), and what a SAS says about itself.

The fields of a SAS: https://learn.microsoft.com/rest/api/storageservices/create-service-sas and …/create-account-sas
"""

import datetime as dt
import re
from typing import ClassVar, Literal, Self
from urllib.parse import parse_qsl

from pydantic import SecretStr

from storage_router.conf.problems import invalid
from storage_router.records import Record

PRECEDENCE = ("connection_string", "account_key", "token_credential", "credential", "sas_token")
"""The options that authenticate, the one that wins first (O1)."""

WITH_CLIENT_ID = ("default", "managed_identity", "workload_identity")
"""The values of ``credential`` that ``client_id`` applies to."""

MAX_DELEGATION_SECS = 7 * 86400
"""A user delegation key lives at most seven days: https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key"""

_URL = r"(?:https?://|[^=?&]+\?)"
_HINT = "Copy it whole from the portal or from 'az storage container generate-sas'."


class _Way(Record):
    """A way to authenticate. Two are equal whatever ``option`` they came from."""

    kind: ClassVar[str]
    option: str

    def __eq__(self, other: object) -> bool:
        fields = type(self).__annotations__.keys() - {"option"}
        return type(self) is type(other) and all(getattr(self, one) == getattr(other, one) for one in fields)

    def __hash__(self) -> int:
        # A credential may have no hash, and processes have few ways.
        return hash(self.kind)


class SharedKey(_Way):
    """The account's own key, base64."""

    kind: ClassVar[Literal["account_key"]] = "account_key"
    account_name: str
    account_key: SecretStr
    option: str = "account_key"


class TokenCredential(_Way):
    """An identity of Microsoft Entra ID.

    ``name`` is a value of ``credential``, with ``client_id`` for a user-assigned identity. Otherwise ``source`` is what
    ``token_credential`` was given: an object with ``get_token``, a callable that returns one, or the dotted path of
    either.
    """

    kind: ClassVar[Literal["token"]] = "token"
    name: str | None = None
    client_id: str | None = None
    source: object | None = None
    option: str = "credential"


class SasToken(_Way):
    """A shared access signature, without a leading ``?``."""

    kind: ClassVar[Literal["sas"]] = "sas"
    sas_token: SecretStr
    option: str = "sas_token"


class Anonymous(_Way):
    """No credential: only what the container shows to everybody."""

    kind: ClassVar[Literal["anonymous"]] = "anonymous"
    option: str = "credential"


Authentication = SharedKey | TokenCredential | SasToken | Anonymous
"""Equal ones share a credential, a user delegation key and a connection pool (O4)."""


class SharedAccess(Record):
    """What a SAS says. ``permissions`` and ``expires`` are None where a stored access policy holds them."""

    permissions: str | None
    expires: dt.datetime | None
    https_only: bool

    @classmethod
    def parse(cls, token: str) -> Self:
        """Read a SAS. Raises an error for a string that is none, or one that is not good for blobs."""
        if re.match(_URL, token, re.IGNORECASE):
            raise invalid("the value is a URL, not a shared access signature alone", "Give what follows the '?'.")
        fields = dict(parse_qsl(token.removeprefix("?"), keep_blank_values=True))
        if not fields.get("sig") or any(character.isspace() for character in token):
            raise invalid(
                "the value is not a shared access signature", f"It has the form 'sv=...&sp=...&sig=...'. {_HINT}"
            )
        if re.search("[ %]", fields["sig"]):
            raise invalid("the signature of the SAS is encoded twice, or not at all", _HINT)
        of_account = "ss" not in fields or ("b" in fields["ss"] and "o" in fields.get("srt", ""))
        if not of_account or fields.get("sr", "c") in ("b", "bs", "bv"):
            hint = "Create one for the container (sr=c), or for the account with ss=b and srt=co."
            raise invalid("the SAS is not for all blobs of a container", hint)
        return cls(
            permissions=fields.get("sp"),
            expires=_time(fields["se"]) if fields.get("se") else None,
            https_only=fields.get("spr", "").lower() == "https",
        )

    @property
    def is_read_only(self) -> bool:
        """Whether it allows reading, and at most listing besides."""
        return self.permissions is not None and "r" in self.permissions and set(self.permissions) <= {"r", "l"}


def sas_token(value: SecretStr) -> SecretStr:
    """Return a SAS without a leading ``?``. Raises an error for a string that is none, or an expired one."""
    token = value.get_secret_value().strip().removeprefix("?")
    access = SharedAccess.parse(token)
    if access.expires is not None and access.expires <= dt.datetime.now(dt.UTC):
        raise invalid(
            f"the SAS expired at {access.expires:%Y-%m-%d %H:%M} UTC",
            "Create a new one, or use an identity (credential = 'default'), which does not expire.",
        )
    return SecretStr(token)


def _time(text: str) -> dt.datetime:
    """Read ``2030-01-31``, ``2030-01-31T12:00Z``, ``2030-01-31T12:00:00Z`` and fractions of up to seven digits."""
    try:
        # A date alone means its midnight, UTC, as Azure reads it.
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise invalid("the expiry (se) of the SAS is not a time", _HINT) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
