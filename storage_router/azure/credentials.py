"""Token credentials: by name from azure-identity, or the one that the configuration gives.

There is one instance per distinct configuration, whatever number of accounts use it, because azure-identity caches
tokens per instance. azure-identity (0.7 s) is imported at the first use of a named credential.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from typing import Any

from django.utils.module_loading import import_string

from storage_router.conf.azure.authentication import TokenCredential
from storage_router.conf.azure.rules import is_asynchronous

from .errors import CredentialError
from .logs import quiet_log

_lock = threading.Lock()
_shared: dict[Hashable, tuple[Any, Any]] = {}


def credential(authentication: TokenCredential) -> Any:
    """Return the token credential for ``authentication``, the same object every time.

    Raises ``CredentialError`` if it cannot be built.
    """
    source = authentication.source
    if _gives_tokens(source):
        return source
    key: Hashable = (authentication.name, authentication.client_id, source if isinstance(source, str) else id(source))
    found = _shared.get(key)
    if found is None:
        with _lock:
            found = _shared.get(key)
            if found is None:
                # The source is kept, too: an id is the object's own only as long as the object lives.
                found = _shared[key] = (_build(authentication), source)
    return found[0]


def _build(authentication: TokenCredential) -> Any:
    source = authentication.source
    if source is None:
        return _named(str(authentication.name), authentication.client_id)
    if isinstance(source, str):
        try:
            source = import_string(source.replace(":", "."))
        except ImportError as error:
            raise CredentialError(f"token_credential {source!r} cannot be imported: {error}") from error
    if not _gives_tokens(source) and callable(source):
        source = source()
    if not _gives_tokens(source):
        raise CredentialError(
            f"What token_credential gives ({type(source).__name__}) has no get_token(). Give a credential of "
            "azure.identity, a callable that returns one, or a dotted path to either."
        )
    if is_asynchronous(source):
        raise CredentialError(
            f"What token_credential gives ({type(source).__name__}) is asynchronous, and storages are not. Give the "
            "credential of the same name of azure.identity, not of azure.identity.aio."
        )
    return source


def _gives_tokens(source: Any) -> bool:
    # A class has the method, too, but is a callable that returns a credential.
    return hasattr(source, "get_token") and not isinstance(source, type)


def _named(name: str, client_id: str | None) -> Any:
    from azure import identity

    options: dict[str, Any] = {"logger": quiet_log()}
    names: dict[str, Callable[[], Any]] = {
        "default": lambda: identity.DefaultAzureCredential(
            **({"managed_identity_client_id": client_id} if client_id else {}), **options
        ),
        "managed_identity": lambda: identity.ManagedIdentityCredential(client_id=client_id, **options),
        "workload_identity": lambda: identity.WorkloadIdentityCredential(
            **({"client_id": client_id} if client_id else {}), **options
        ),
        "environment": lambda: identity.EnvironmentCredential(**options),
        "azure_cli": lambda: identity.AzureCliCredential(),
    }
    try:
        return names[name]()
    except ValueError as error:
        raise CredentialError(f"credential = {name!r} cannot be used here: {error}") from error


def _after_fork() -> None:  # pragma: no cover - runs in forked children, which the tests do not measure
    """Give a forked child credentials of its own: the parent's hold locks and connections."""
    global _lock
    _lock = threading.Lock()
    _shared.clear()


os.register_at_fork(after_in_child=_after_fork)
