"""``router.explain(name)``: where a name leads, and why (R11)."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import Storage

from storage_router.conf.backends import place_of
from storage_router.conf.table import Table
from storage_router.exceptions import InvalidNameError, NoRouteError
from storage_router.names import check_blob_name
from storage_router.routing import Match

if TYPE_CHECKING:
    from .storage import RouterStorage


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Where a name leads. ``str()`` says it in one sentence.

    ``name`` is the full one, ``backend_name`` the backend's own; ``index`` and ``route`` (as messages name it) are None
    where ``default`` takes the name; ``prefix`` is what is stripped.
    """

    name: str
    alias: str
    backend_name: str
    index: int | None
    route: str | None
    prefix: str
    read_only: bool
    why: str

    @classmethod
    def of(cls, match: Match) -> Explanation:
        """Explain a match."""
        return cls(
            name=str(match.full_name),
            alias=match.alias,
            backend_name=str(match.name),
            index=None if match.route is None else match.route.index,
            route=None if match.route is None else str(match.route),
            prefix=match.prefix,
            read_only=match.read_only,
            why=_why(match),
        )

    def __str__(self) -> str:
        own_name = f" as {self.backend_name!r}" if self.prefix else ""
        read_only = ", read-only" if self.read_only else ""
        return f"{self.name!r} goes to the backend {self.alias!r}{own_name}{read_only}: {self.why}"


def _why(match: Match) -> str:
    if match.route is None:
        return "no route claims it, and it is the default"
    # Which entry of a list matched. The route's own name need not be repeated.
    named = str(match.route).replace('/"', '"')
    reasons = [reason for reason in match.route.reasons(match.full_name) if reason.replace('/"', '"') not in named]
    return f"{match.route} is the first that matches" + (f": {', '.join(reasons)}" if reasons else "")


def explained(router: RouterStorage, name: str) -> dict[str, Any]:
    """Return what commands and the console print of a name: its explanation, ``stored_as``, ``url`` and ``signed``.

    Without ``alias`` it goes nowhere, and ``why`` says why. No request is made.
    """
    facts: dict[str, Any] = dict.fromkeys(field.name for field in dataclasses.fields(Explanation))
    facts |= {"name": name, "stored_as": None, "url": None, "signed": None}
    try:
        explanation = router.explain(name)
        options = router.backends.options(explanation.alias)
        # A route that moves has two backends.
        stored_as = explanation.backend_name if options is None else _stored_as(options, explanation.backend_name)
    except (InvalidNameError, NoRouteError) as error:
        return facts | {"why": str(error)}
    facts |= dataclasses.asdict(explanation) | {"name": name, "stored_as": stored_as}
    if explanation.read_only:
        facts["why"] += "; the route is read_only"
    delivery = "link" if explanation.index is None else router.configuration.document.routes[explanation.index].delivery
    if delivery == "link":
        storage = router.backends[explanation.alias]
        facts |= {"url": _url(storage, explanation.backend_name), "signed": signature(storage)}
    else:
        facts["signed"] = f"no, a view delivers it ({delivery})"
        with contextlib.suppress(ImproperlyConfigured):
            facts["url"] = router.url(name)
    return facts


def signature(storage: Storage) -> str | None:
    """Return whether the backend's URLs are signed, in words; None where that is not known without a request."""
    if hasattr(storage, "public_url"):
        options = storage.options  # type: ignore[attr-defined]
        if options.expiration_secs is not None:
            return f"yes, for {options.expiration_secs:g} s"
        return "yes, with sas_token" if options.sas_token_in_urls else "no"
    return "no" if getattr(storage, "base_url", None) else None


def _stored_as(options: Table, name: str) -> str:
    """Return the backend's name with its location, the name to look for in the container."""
    place = place_of(options)
    if place.store[:1] != ("container",):
        return name
    blob_name = "/".join((*place.segments, name))
    check_blob_name(blob_name)
    return f"{place.store[-1]}/{blob_name}"


def _url(storage: Storage, name: str) -> str | None:
    """Return the URL of a file without its signature."""
    if hasattr(storage, "public_url"):
        return str(storage.public_url(name))
    # Another package's storage may make a request for its URL, or sign it.
    return storage.url(name) if getattr(storage, "base_url", None) else None
