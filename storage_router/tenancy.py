"""The tenant of a block of code, and whose files a name means (N1)."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.utils.module_loading import import_string
from pydantic_core import PydanticCustomError

from .conf.backends import Place, has_tenants, place_of, type_of
from .conf.document import RouterDocument
from .conf.problems import Locate, problem
from .conf.table import Table
from .exceptions import InvalidNameError, NoRouteError, NoTenantError, Problem, TenantMismatchError
from .names import SAMPLE_TENANT, TENANT, valid_tenant
from .routing import RouteTable

_tenant: ContextVar[str | None] = ContextVar("storage_router_tenant", default=None)


@contextmanager
def tenant(value: object) -> Iterator[None]:
    """Make ``value`` the tenant of the block, for scripts, commands and tasks. It outranks the request's.

    Raises ``InvalidNameError`` for a value with other characters than ``a-z``, ``0-9``, ``-`` and ``_``.
    """
    token = _tenant.set(valid_tenant(value))
    try:
        yield
    finally:
        _tenant.reset(token)


class Tenancy:
    """The tenants of a configuration: which backends have a place for each, and which is the current one.

    ``pinned`` is the current tenant, in a tuple, where it was looked up already.
    """

    def __init__(self, document: RouterDocument, *, pinned: tuple[str | None, ...] = ()) -> None:
        self.document = document
        self._source = document.tenancy.current
        self._pinned = pinned
        having = {alias for alias, backend in document.backends.items() if has_tenants(backend)}
        moving = (route for route in document.routes if route.phase is not None)
        having |= {route.target for route in moving if {route.backend, route.moving_from} & having}
        self._having = frozenset(having)

    def has(self, alias: str) -> bool:
        """Return whether the backend, or one of the two of a route that moves, has a place for each tenant."""
        return alias in self._having

    def explicit(self) -> str | None:
        """Return the tenant of the surrounding ``tenant()`` block."""
        return _tenant.get()

    def current(self) -> str | None:
        """Return the tenant of the running code: that of ``tenant()``, else what ``tenancy.current`` says."""
        if self._pinned:
            return self._pinned[0]
        found, source = _tenant.get(), self._source
        if found is None and source is not None:
            value = _of_connection() if source == "django_tenants" else import_string(source)()
            found = None if value is None else valid_tenant(value)
        return found

    def pinned(self) -> Tenancy:
        """Return the same with the current tenant, whatever the tenant is later."""
        found = copy.copy(self)
        found._pinned = (self.current(),)
        return found

    def tenant(self, captured: str | None, name: str) -> str:
        """Return whose file it is: the tenant that is ``captured`` from the name, or the current one.

        Raises ``NoTenantError`` where a current tenant is needed and there is none, and ``TenantMismatchError`` where
        the name holds another tenant than the current one.
        """
        now = self.current()
        if now is None and (captured is None or self._source is not None):
            raise NoTenantError(
                f"{str(name)!r} leads to the files of a tenant, and there is no current tenant. Set tenancy.current, "
                "or use storage_router.tenant(value).",
                name=str(name),
            )
        if captured is None:
            return str(now)
        if now not in (None, valid_tenant(captured)):
            raise TenantMismatchError(f"{str(name)!r} is a file of another tenant than {now!r}.")
        return captured

    def options(self, alias: str, value: str) -> Table:
        """Return the options of a backend for a tenant. Raises ``InvalidNameError`` where its files would lie among
        those of another backend: all of them, or those of another tenant whose name is not longer."""
        backends = self.document.backends
        options = _of_tenant(backends[alias], valid_tenant(value))
        place, sample = place_of(options), place_of(_of_tenant(backends[alias], SAMPLE_TENANT))
        for other, its in backends.items():
            theirs = place_of(its)
            if other == alias or not place.store or not theirs.store:
                continue
            length = min(len(place.segments), len(theirs.segments))
            template = _path(theirs, length)
            found = _pattern(template).fullmatch(_path(place, length))
            if found is None:
                continue
            if found.groups():  # it has places for tenants, too
                is_taken = found[1] != value and len(found[1]) <= len(value)
            else:
                is_taken = _path(sample, length) != template
            if is_taken:
                raise InvalidNameError(f"The tenant {value!r} would have the files of the backend {other!r}.")
        return options


def _of_connection() -> object | None:
    """Return the id of django-tenants' current tenant. The stand-in for the public schema has none."""
    from django.db import connection

    return getattr(getattr(connection, "tenant", None), "pk", None)


def _path(place: Place, length: int) -> str:
    return "/".join((*place.store, *place.segments[:length]))


def _pattern(template: str) -> re.Pattern[str]:
    """Return what matches the paths of all tenants; the first group is the tenant."""
    head, *others = map(re.escape, template.split(TENANT))
    return re.compile(
        head + "".join((r"\1" if number else "([a-z0-9_-]+)") + text for number, text in enumerate(others))
    )


def _of_tenant(backend: Table, tenant: str) -> Table:
    """Return the options of a backend for one tenant. Raises ``InvalidNameError`` where they are not valid with it."""
    options = {}
    for key, rule in type_of(backend).of_tenants.items():
        if TENANT in (template := str(getattr(backend, key))):
            try:
                options[key] = rule(template.replace(TENANT, tenant))
            except PydanticCustomError as error:
                raise InvalidNameError(f"The tenant {tenant!r} makes an invalid {key}: {error.message()}") from None
    return backend.model_copy(update=options)


def problems(document: RouterDocument, locate: Locate) -> Iterator[Problem]:
    """Yield what is wrong with the tenants of a document."""
    tenancy = Tenancy(document)
    table = RouteTable(document.routes, document.default)
    captures = {alias for route in document.routes for alias in (route.backend,) if TENANT in "".join(route.prefix)}
    if document.tenancy.current is not None and not captures and not any(map(tenancy.has, document.backends)):
        hint = "Put {tenant} into a prefix, azure_container or location, or remove tenancy.current."
        yield problem("W060", locate(("tenancy", "current")), "no backend and no route has tenants", hint)
    for prefix in document.hidden:
        try:
            match = table.match(f"{prefix.strip('/')}/x")
        except (NoRouteError, InvalidNameError):
            continue
        if tenancy.has(match.alias) or match.tenant:
            place = locate(("routes", match.route.index)) if match.route else locate(("default",))
            message = f"files below {prefix!r} belong to no tenant, and go to {match.alias!r}, which has tenants"
            yield problem("E061", place, message, "Put a route to a backend without {tenant} before it.")
    for index, route in enumerate(document.routes):
        if route.strip_prefix and TENANT in "".join(route.prefix) and not tenancy.has(route.backend):
            message = f"strip_prefix removes the tenant, and the backend {route.backend!r} has no {{tenant}}"
            hint = "Put {tenant} into its azure_container or location, or remove strip_prefix."
            yield problem("E062", locate(("routes", index)), message, hint)
    for alias, backend in document.backends.items():
        if not has_tenants(backend):
            continue
        if not any(TENANT in str(getattr(backend, key, "")) for key in ("azure_container", "location")):
            message = f"the files of {alias!r} are in one place for all tenants"
            yield problem("E062", locate(("backends", alias)), message, "Put {tenant} into its location.")
        base_url = getattr(backend, "base_url", TENANT) or ""
        domain = getattr(backend, "custom_domain", None) and TENANT not in backend.location
        if TENANT not in base_url or (domain and backend.container_in_url is False):
            option = "container_in_url" if domain else "base_url"
            message = f"the URLs of {alias!r} are the same for all tenants"
            yield problem("E062", locate(("backends", alias, option)), message, "Let the URL hold {tenant}.")
    reached = {route.backend for route in document.routes if TENANT not in "".join(route.prefix)} | {document.default}
    by_context = [alias for alias in reached if alias is not None and tenancy.has(alias)]
    if document.base_url is not None and by_context and TENANT not in document.base_url:
        message = f"base_url is one for all tenants, and the backend {by_context[0]!r} has the files of the current one"
        yield problem("E062", locate(("base_url",)), message, "For example 'https://{tenant}.acme.example/files/'.")
