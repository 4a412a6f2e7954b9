"""The probes of an Azure container: network, clock, credential, container, blobs, and the links for browsers."""

from __future__ import annotations

import base64
import datetime as dt
import itertools
import json
import ssl
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlsplit

from storage_router.azure.command_line import command, create_container
from storage_router.azure.credentials import SCOPE, credential
from storage_router.azure.errors import translated
from storage_router.azure.storage import AzureStorage
from storage_router.conf.azure.authentication import TokenCredential
from storage_router.exceptions import ContainerNotFoundError, SigningError
from storage_router.installed import Used
from storage_router.names import TRASH
from storage_router.provision.commands import assign
from storage_router.provision.needs import DELEGATOR, FONTS, TRASH_DAYS, role

from .findings import (
    NOT_AUTHENTICATED,
    SLACK_DAYS,
    Finding,
    advice,
    by_code,
    described,
    failed,
    network_advice,
    no_lifecycle_rule,
    ok,
    skipped,
    warning,
)
from .probes import CONTENT, Probes
from .web import Answer, Client, Preflight, UnreachableError

TOLERATED_SECONDS = 60
REFUSED_SECONDS = 900
"""Azure refuses requests that were signed more than 15 minutes off:
https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key#specifying-the-date-header"""

_LACKS_ROLE = "AuthorizationPermissionMismatch"
_NEW_ROLES = "New roles take up to ten minutes:"
_LINK_SECONDS = 300
_KINDS = {"account_key": "The account key", "token": "The token", "sas": "The SAS"}
_SAS_LETTERS: Mapping[str, str] = {"list": "l", "write": "cw", "read": "r", "delete": "d"}
_MOST = 10_000


class AzureProbes(Probes):
    """The examination of one ``AzureStorage``."""

    storage: AzureStorage
    probes: Mapping[str, str] = {
        "connection": "",
        "clock": "connection",
        "authentication": "connection",
        "container": "authentication",
        **dict.fromkeys(("list", "write", "read", "sign", "public"), "container"),
        "trash": "list",
        "cors": "connection",
        "delete": "write",
        "routes": "list",
        "uploads": "list",
    }

    def __init__(self, backend: Used, **given: Any) -> None:
        super().__init__(backend, **given)
        self.options = options = self.storage.options
        self.endpoint = options.endpoint
        self.kind = options.authentication.kind
        """How the storage authenticates."""

        self.signs = options.expiration_secs is not None or (self.kind == "sas" and options.sas_token_in_urls)
        """Whether ``url()`` gives signed links."""

        self.private = backend.deliveries != {"link"} or bool(backend.quarantine)
        """Whether views ask who may read the files."""

    @cached_property
    def web(self) -> Client:
        """The client without credentials. The first probe that uses it builds it, so that a failure is a finding."""
        return Client(self.options)

    @cached_property
    def listing(self) -> tuple[str | None, Exception | None]:
        """The name of some file, and what the listing raised; None where there is none."""
        try:
            found = next(self.storage.walk(), None)
        except Exception as error:  # noqa: BLE001 - it is the answer of several probes
            return None, error
        return found.name if found else None, None

    @cached_property
    def anonymous_listing(self) -> Answer:
        """The endpoint's answer to a listing of the container without credentials."""
        container = quote(self.options.azure_container)
        return self.web.ask(f"{self.endpoint}/{container}?restype=container&comp=list&maxresults=1")

    @property
    def subject(self) -> str | None:
        """The file to link to: the probe's, else one that was there before."""
        return self.written or self.listing[0]

    def connection(self) -> Finding:
        """Reach the endpoint at all: name, network, TLS, HTTP."""
        try:
            answer = self.anonymous_listing
        except UnreachableError as error:
            message = f"{self.endpoint} cannot be reached: {described(error.reason)}."
            return failed(message, network_advice(error.reason, self.endpoint))
        return ok(f"{self.endpoint} answers ({answer.headers.get('Server', 'no Server header')}).")

    def clock(self) -> Finding:
        """Compare the clocks: signatures carry times."""
        ahead = self.anonymous_listing.ahead
        if ahead is None:
            return warning("The service sends no date, so the clocks cannot be compared.")
        difference = f"This machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} Azure's."
        hint = "Let this machine synchronise its clock (NTP; on a virtual machine, the host's time service)."
        if abs(ahead) >= REFUSED_SECONDS:
            return failed(f"{difference} From 15 minutes on, Azure refuses what is signed here.", hint)
        if abs(ahead) > TOLERATED_SECONDS:
            return warning(f"{difference} Links with a short life start late or end early.", hint)
        return ok("This machine's clock agrees with Azure's to the minute.")

    def authentication(self) -> Finding:
        """Have the credential accepted, which a listing shows."""
        given = self.options.authentication
        if self.kind == "anonymous":
            return ok("No credential is used: only what is public can be read.")
        who = f"{_KINDS[self.kind]} from {given.option!r}"
        if isinstance(given, TokenCredential):
            with translated(self.options, container=self.options.azure_container):
                token = credential(given).get_token(SCOPE)
            who += f" ({facts(token)})"
        error = self.listing[1]
        if error is None or isinstance(error, ContainerNotFoundError):
            return ok(f"{who} is accepted.")
        code, status = getattr(error, "error_code", None), getattr(error, "status", None)
        # Azure answers "…Mismatch" where a credential lacks a permission; Azurite knows fewer codes than Azure.
        refused = (
            code in NOT_AUTHENTICATED or status == 401 or (code == "AuthorizationFailure" and self.kind != "token")
        )
        if refused:
            return failed(f"{who} is refused. {described(error)}", advice(error, self.endpoint))
        if not isinstance(error, PermissionError):
            message = f"Whether {who[0].lower()}{who[1:]} is accepted is not known. {described(error)}"
            return failed(message, advice(error, self.endpoint))
        return ok(f"{who} is accepted, though it lacks a permission: see list.")

    def container(self) -> Finding:
        """See whether the container exists."""
        error, name = self.listing[1], self.options.azure_container
        if isinstance(error, ContainerNotFoundError):
            return failed(
                f"There is no container {name!r} in the account {self.options.resolved_account_name!r}.",
                f"Correct azure_container, or create it: {create_container(self.options)}",
            )
        if error is not None:
            return warning(f"Whether the container {name!r} exists is not known without the permission to list.")
        return ok(f"The container {name!r} exists.")

    def list(self) -> Finding:
        """List the first page."""
        existing, error = self.listing
        if error is not None:
            return self.explain("list", error)
        return ok("Blobs can be listed." if existing else "Blobs can be listed; there are none yet.")

    def write(self) -> Finding:
        if self.kind == "anonymous":
            return skipped("Not tried, because nobody can write without a credential.")
        return super().write()

    def read(self) -> Finding:
        """Read the probe file, or else the first byte of a file that was there before."""
        if self.written is not None:
            return super().read()
        if self.subject is None:
            return skipped("Not tried, because there is no file to read.")
        with self.storage.open(self.subject) as file:
            file.read(1)
        return ok(f"{self.subject!r} can be read.")

    def sign(self) -> Finding:
        """Sign a link and fetch it without credentials."""
        if self.subject is None:
            return skipped("Not tried, because there is no file to link to.")
        try:
            # The storage's own link: url() of a subclass with hashed names looks for a name that the file has not.
            url = AzureStorage.url(self.storage, self.subject, expire=_LINK_SECONDS)
        except SigningError:
            return skipped("Not tried, because the credential cannot sign links, and the configuration asks for none.")
        answer = self._fetch(url)
        if self._delivers(answer):
            return ok(f"A signed link fetches the file from {urlsplit(url).netloc}.")
        hint = by_code(answer.error_code) or "Look at the account's Networking page: it may allow some networks only."
        if answer.error_code == _LACKS_ROLE:
            hint = self._role()
        if self.options.custom_domain is not None:
            hint = "Check custom_domain and container_in_url: the link has to reach this container, with its query."
        return failed(f"A signed link does not fetch the file: {answer.outcome}.", hint)

    def public(self) -> Finding:
        """Fetch without a signature, and compare the answer with what the configuration implies."""
        if self.anonymous_listing.status == 200:
            return self._exposed("Anyone can list the names of all blobs, and read them")
        if self.subject is None:
            return skipped("Not tried, because there is no file to fetch.")
        url = self.storage.public_url(self.subject)
        answer = self._fetch(url)
        if self._delivers(answer):
            if self.signs or self.private:
                return self._exposed("Anyone who knows a blob's name can read it")
            return ok("Links without a signature work: everything here is public, as configured.")
        if self.signs or self.private:
            return ok("Nothing can be read without a signature.")
        hint = "Set expiration_secs to get signed links"
        if self.kind in ("sas", "anonymous"):
            hint = "Use an account key or an identity, and set expiration_secs, to get signed links"
        return warning(
            f"url() gives links without a signature, and they do not work: {answer.outcome}.",
            f"{hint}; or, if all files are public, let the container be read publicly. If no page links to these "
            "files, nothing needs to be done.",
        )

    def trash(self) -> Finding:
        """Look for files that a lifecycle rule should have deleted: the rules themselves cannot be seen from here."""
        now, days = dt.datetime.now(dt.UTC), TRASH_DAYS + SLACK_DAYS
        found = itertools.islice(self.storage.walk(TRASH), _MOST)
        old = [one.name for one in found if one.modified and now - one.modified > dt.timedelta(days=days)]
        if not old:
            return ok(f"Nothing in the trash is older than {days} days.")
        message = f"{len(old)} files in the trash are older than {days} days, {old[0]!r} for example."
        return warning(message, no_lifecycle_rule(TRASH_DAYS))

    def cors(self) -> Finding:
        """Ask, as a browser does before it fetches a script or a font from another origin."""
        if not self.static:
            return skipped("Not tried, because no static files are here, and other files need no rule.")
        url = self.storage.public_url(self.subject or self.probe_name)
        return Preflight(
            client=self.web,
            options=self.options,
            url=url,
            rule=FONTS,
            needed=(),
            what="Scripts, fonts and modules",
            done="fetched",
        ).examine(self.origins)

    def explain(self, name: str, error: Exception) -> Finding:
        """Return the result of a probe that raised, with the advice that fits this credential."""
        if isinstance(error, UnreachableError):
            return self._unreachable(error)
        hints = [advice(error, self.endpoint)]
        if isinstance(error, PermissionError) and self.kind == "sas" and name in _SAS_LETTERS:
            hints = [f"The SAS needs the permission{'s' * (name == 'write')} sp={_SAS_LETTERS[name]} for this."]
        if self.kind == "token" and getattr(error, "error_code", None) == _LACKS_ROLE:
            hints = [self._role_for_keys() if name == "sign" else self._role()]
        if isinstance(error, PermissionError) and name == "write":
            hints.append("If it is not meant to write, set read_only on its routes, or use --skip write.")
        if name == "list" and self.kind == "anonymous":
            hints = ["Without a credential only a container of the public access level 'Container' can be listed."]
        if name == "delete":
            hints.append(f"The probe's file stays behind: {self.written!r}.")
        return failed(described(error), " ".join(filter(None, hints)))

    def _role(self) -> str:
        wanted = role(read_only=self.backend.read_only)
        return (
            f"Give the identity the role {wanted!r} on the container; 'Owner' and 'Contributor' do not include data. "
            f"{_NEW_ROLES} {assign(self.options, wanted, self.options.azure_container)}"
        )

    def _role_for_keys(self) -> str:
        return (
            f"Give the identity the role {DELEGATOR!r} on the account: links are signed with a key of the account's, "
            f"which a role on the container does not open. {_NEW_ROLES} {assign(self.options, DELEGATOR)}"
        )

    def _unreachable(self, error: UnreachableError) -> Finding:
        """Return the result of a link that got no answer: it may lead to another host than the storage's requests."""
        message = f"Links lead to {error.host}, which cannot be reached from here: {described(error.reason)}."
        network = network_advice(error.reason, self.endpoint)
        if self.options.custom_domain is None:
            return failed(message, network)
        hint = (
            "Correct custom_domain, or its DNS entry and the proxy or CDN behind it, which has to pass requests on to "
            f"{self.endpoint}. If only browsers reach it, use --skip sign --skip public --skip cors."
        )
        return failed(message, f"{network} {hint}" if isinstance(error.reason, ssl.SSLError) else hint)

    def _fetch(self, url: str) -> Answer:
        # A file that was there before may be large.
        return self.web.ask(url, method="GET" if self.written is not None else "HEAD")

    def _delivers(self, answer: Answer) -> bool:
        return answer.status == 200 and (self.written is None or answer.body == CONTENT)

    def _exposed(self, what: str) -> Finding:
        if self.options.expiration_secs is None and not self.private:
            return warning(f"{what}.", "If names are not meant to be listed, set the public access level to 'Blob'.")
        private = ("container", "set-permission", "--public-access", "off", "--name", self.options.azure_container)
        wanted = "views ask who may read the files" if self.private else "the configuration signs links"
        message = f"{what}, although {wanted}: the container is public."
        return failed(message, command(self.options, *private))


def facts(token: Any) -> str:
    """Return whose token it is and how long it is valid, never the token itself. ``token`` is an ``AccessToken``."""
    until = f"good until {dt.datetime.fromtimestamp(token.expires_on, dt.UTC):%H:%M} UTC"
    try:
        payload = token.token.split(".")[1]
        owner = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("oid")
    except (AttributeError, IndexError, ValueError):
        # A token need not be a JWT.
        return until
    return f"object id {owner}, {until}" if owner else until
