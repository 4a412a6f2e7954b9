"""What the options of ``AzureStorage`` mean together: who authenticates, and what contradicts what."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from pydantic import SecretStr

from . import shared_access
from .authentication import WITH_CLIENT_ID, Anonymous, Authentication, SasToken, SharedKey, TokenCredential
from .azure_fields import AzureFields
from .endpoints import account_name, disagreements, endpoint, parsed
from .report import Complaints, complaint

MAX_DELEGATION_SECS = 7 * 86400
"""A user delegation key lives at most seven days: https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key"""

PRECEDENCE = ("connection_string", "account_key", "token_credential", "credential", "sas_token")
"""The options that authenticate, the one that wins first (O1)."""

_IMPLIED = "default"
"""The ``credential`` where no way to authenticate is given: an identity needs no secret, so there is none to forget."""


def winner(options: AzureFields) -> str | None:
    """Return the option that authenticates (O1), or None where none is given."""
    return next((name for name in PRECEDENCE if getattr(options, name) is not None), None)


def unused(options: AzureFields) -> tuple[str, ...]:
    """Return the authentication options that are given and do nothing, and the part of one that does nothing."""
    won = winner(options)
    lost = [name for name in PRECEDENCE if name != won and getattr(options, name) is not None]
    by_name = won in ("credential", None) and (options.credential or _IMPLIED)
    if options.client_id is not None and by_name not in WITH_CLIENT_ID:
        lost.append("client_id")
    string = parsed(options)
    if string is not None and string.account_key is not None and string.sas_token is not None:
        lost.append("connection_string.SharedAccessSignature")
    return tuple(lost)


def authentication(options: AzureFields) -> Authentication:
    """Return the way to authenticate that won. The options must be free of contradictions."""
    won = winner(options)
    if (string := parsed(options)) is not None:
        if string.account_key is not None:
            name = string.account_name or account_name(options) or ""
            return SharedKey(account_name=name, account_key=string.account_key, option="connection_string")
        return SasToken(sas_token=string.sas_token or SecretStr(""), option="connection_string")
    if won == "account_key" and options.account_key is not None:
        return SharedKey(account_name=account_name(options) or "", account_key=options.account_key)
    if won == "token_credential":
        return TokenCredential(source=options.token_credential, option="token_credential")
    if won == "sas_token" and options.sas_token is not None:
        return SasToken(sas_token=options.sas_token)
    if options.credential == "anonymous":
        return Anonymous()
    name = options.credential or _IMPLIED
    return TokenCredential(name=name, client_id=options.client_id if name in WITH_CLIENT_ID else None)


def contradictions(options: AzureFields, wrong: Collection[str]) -> Complaints:
    """Return what is wrong with the options together; ``wrong`` are wrong by themselves and left out here."""
    found = disagreements(options)
    if set(PRECEDENCE) & set(wrong):
        # Whoever misspelt a key has said how to authenticate; everything that follows from it would be a guess.
        return found
    won = winner(options)
    if {"account_name", "account_url"} & set(wrong):
        return found
    if account_name(options) is None and not _does_without_name(options):
        hint = "account_name is the storage account's name, as in https://<account_name>.blob.core.windows.net."
        message = f"{won} needs account_name" if won is not None else "there is neither account_name nor account_url"
        return [*found, (("account_name",), complaint(message, hint, id="E011"))]
    if won is None and endpoint(options).startswith("http:"):
        hint = "Give account_key or connection_string for an emulator; identities are for https only."
        return [*found, (("credential",), complaint("there is no way to authenticate over http", hint, id="E011"))]
    return found + _signing_problems(options, authentication(options), endpoint(options), wrong)


def _signing_problems(options: AzureFields, how: Authentication, url: str, wrong: Collection[str]) -> Complaints:
    found: Complaints = []
    secure = url.startswith("https:")
    expiry = options.expiration_secs if "expiration_secs" not in wrong else None
    if isinstance(how, TokenCredential):
        if not secure:
            message = f"{how.option} cannot be used over http: tokens are sent over https only"
            found.append(((how.option,), complaint(message, "Use https, or account_key for an emulator.", id="E008")))
        if expiry is not None and expiry > MAX_DELEGATION_SECS:
            longest = dt.timedelta(seconds=MAX_DELEGATION_SECS).days
            message = f"expiration_secs is {expiry}, but an identity signs URLs for {longest} days at most"
            found.append(
                (
                    ("expiration_secs",),
                    complaint(message, f"At most '{longest}d', or sign with account_key.", id="E012"),
                )
            )
    access = shared_access.parse(how.sas_token.get_secret_value()) if isinstance(how, SasToken) else None
    if access is not None and access.https_only and not secure:
        message = "the SAS is good for https only (spr=https), and the endpoint is http"
        found.append(((how.option,), complaint(message, "Use https, or a SAS with spr=https,http.", id="E008")))
    if options.sas_token_in_urls and "sas_token_in_urls" not in wrong:
        if access is None:
            message = f"sas_token_in_urls is set, but {how.option} authenticates, not a SAS"
            found.append((("sas_token_in_urls",), complaint(message, "Leave it out.", id="E008")))
        elif not access.is_read_only:
            message = "sas_token_in_urls is set, but the SAS allows more than reading, or does not tell what it allows"
            hint = "Everybody who sees a URL could use it. Create one with sp=r or sp=rl."
            found.append((("sas_token_in_urls",), complaint(message, hint, id="E008")))
    elif expiry is not None and isinstance(how, SasToken | Anonymous):
        message = f"expiration_secs asks for signed URLs, which {how.option} cannot sign"
        hint = "Leave expiration_secs out, or authenticate with account_key or an identity"
        hint += "; or set sas_token_in_urls if the SAS is read-only." if access is not None else "."
        found.append((("expiration_secs",), complaint(message, hint, id="E012")))
    return found


def _does_without_name(options: AzureFields) -> bool:
    """Keys and identities sign URLs with the account's name; a SAS and anonymous reading only need to know where."""
    string = parsed(options)
    if string is not None:
        return string.account_key is None and string.blob_endpoint is not None
    won = winner(options)
    cannot_sign = won == "sas_token" or (won == "credential" and options.credential == "anonymous")
    return options.account_url is not None and cannot_sign
