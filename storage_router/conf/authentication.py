"""The ways to authenticate, typed. Frozen and comparable: equal ones share a credential, a key, a pool (O4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import SecretStr

CREDENTIALS = ("default", "managed_identity", "workload_identity", "environment", "azure_cli", "anonymous")
"""What ``credential`` may be. All but ``anonymous`` name a class of azure-identity."""

WITH_CLIENT_ID = ("default", "managed_identity", "workload_identity")
"""The credentials that ``client_id`` reaches."""


@dataclass(frozen=True, kw_only=True)
class SharedKey:
    """The account's own key, base64. ``option`` is the option that it came from."""

    kind: ClassVar[Literal["account_key"]] = "account_key"

    account_name: str
    account_key: SecretStr
    option: str = field(default="account_key", compare=False)


@dataclass(frozen=True, kw_only=True)
class TokenCredential:
    """An identity of Microsoft Entra ID.

    ``name`` is one of ``CREDENTIALS``, with ``client_id`` for a user-assigned identity. Otherwise ``source`` is what
    ``token_credential`` was given: an object with ``get_token``, a callable that returns one, or the dotted path of
    either.
    """

    kind: ClassVar[Literal["token"]] = "token"

    name: str | None = None
    client_id: str | None = None
    source: object | None = field(default=None, repr=False, hash=False)
    option: str = field(default="credential", compare=False)


@dataclass(frozen=True, kw_only=True)
class SasToken:
    """A shared access signature, without a leading ``?``."""

    kind: ClassVar[Literal["sas"]] = "sas"

    sas_token: SecretStr
    option: str = field(default="sas_token", compare=False)


@dataclass(frozen=True, kw_only=True)
class Anonymous:
    """No credential: only what the container shows to everybody."""

    kind: ClassVar[Literal["anonymous"]] = "anonymous"

    option: str = field(default="credential", compare=False)


Authentication = SharedKey | TokenCredential | SasToken | Anonymous
