"""The probes of an Azure container: network, clock, credential, container, and what may be done with blobs."""

from __future__ import annotations

from collections.abc import Mapping

from storage_router.azure.client import Account
from storage_router.azure.command_line import create_container
from storage_router.azure.errors import translated
from storage_router.conf.azure.authentication import TokenCredential
from storage_router.exceptions import ContainerNotFoundError

from .advice import DELEGATOR, NOT_AUTHENTICATED, advice, network_advice
from .findings import Result, described, failed, ok, skipped, warning
from .links import LinkProbes
from .tokens import SCOPE, facts
from .web import UnreachableError

TOLERATED_SECONDS = 60
REFUSED_SECONDS = 900
"""Azure refuses requests that were signed more than 15 minutes off:
https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key#specifying-the-date-header"""

_KINDS = {"account_key": "The account key", "token": "The token", "sas": "The SAS"}
_SAS_LETTERS: Mapping[str, str] = {"list": "l", "write": "cw", "read": "r", "delete": "d"}
_NEEDS_CONTAINER = ("list", "write", "read", "sign", "public")


class AzureProbes(LinkProbes):
    """The examination of one ``AzureStorage``."""

    names = ("connection", "clock", "authentication", "container", *_NEEDS_CONTAINER, "cors", "delete")
    needs: Mapping[str, tuple[str, ...]] = {
        **dict.fromkeys(("clock", "authentication", "cors"), ("connection",)),
        **dict.fromkeys(_NEEDS_CONTAINER, ("container",)),
        "container": ("authentication",),
        "delete": ("write",),
    }

    def connection(self) -> Result:
        """Reach the endpoint at all: name, network, TLS, HTTP."""
        try:
            answer = self.anonymous_listing
        except UnreachableError as error:
            message = f"{self.options.endpoint} cannot be reached: {described(error.reason)}."
            return failed(message, network_advice(error.reason, self.options.endpoint))
        return ok(f"{self.options.endpoint} answers ({answer.headers.get('Server', 'no Server header')}).")

    def clock(self) -> Result:
        """Compare the clocks: signatures carry times."""
        ahead = self.anonymous_listing.ahead
        if ahead is None:
            return warning("The service sends no date, so the clocks cannot be compared.")
        difference = f"This machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} Azure's."
        remedy = "Let this machine synchronise its clock (NTP; on a virtual machine, the host's time service)."
        if abs(ahead) >= REFUSED_SECONDS:
            return failed(f"{difference} From 15 minutes on, Azure refuses what is signed here.", remedy)
        if abs(ahead) > TOLERATED_SECONDS:
            return warning(f"{difference} Links with a short life start late or end early.", remedy)
        return ok("This machine's clock agrees with Azure's to the minute.")

    def authentication(self) -> Result:
        """Have the credential accepted; a listing tells."""
        given = self.options.authentication
        if self.kind == "anonymous":
            return ok("No credential is used: only what is public can be read.")
        who = f"{_KINDS[self.kind]} from {given.option!r}"
        if isinstance(given, TokenCredential):
            with translated(self.options, container=self.options.azure_container):
                token = Account.of(self.options).credential.get_token(SCOPE)
            who += f" ({facts(token)})"
        error = self.listing[1]
        if error is None or isinstance(error, ContainerNotFoundError):
            return ok(f"{who} is accepted.")
        code, status = getattr(error, "error_code", None), getattr(error, "status", None)
        # Azure says "…Mismatch" of a credential that lacks a permission; Azurite knows fewer codes than Azure.
        refused = (
            code in NOT_AUTHENTICATED or status == 401 or (code == "AuthorizationFailure" and self.kind != "token")
        )
        if refused:
            return failed(f"{who} is refused. {described(error)}", advice(error, self.options.endpoint))
        if not isinstance(error, PermissionError):
            return failed(
                f"Whether {who[0].lower()}{who[1:]} is accepted cannot be told. {described(error)}",
                advice(error, self.options.endpoint),
            )
        return ok(f"{who} is accepted, though it lacks a permission: see list.")

    def container(self) -> Result:
        """See whether the container exists."""
        error, name = self.listing[1], self.options.azure_container
        if isinstance(error, ContainerNotFoundError):
            account = self.options.resolved_account_name
            return failed(
                f"There is no container {name!r} in the account {account!r}.",
                f"Correct azure_container, or create it: {create_container(self.options)}",
            )
        if error is not None:
            return warning(f"Whether the container {name!r} exists cannot be told without the permission to list.")
        return ok(f"The container {name!r} exists.")

    def list(self) -> Result:
        """List the first page."""
        existing, error = self.listing
        if error is not None:
            return self.explain("list", error)
        return ok("Blobs can be listed." if existing else "Blobs can be listed; there are none yet.")

    def write(self) -> Result:
        """Save a new file."""
        if self.kind == "anonymous":
            return skipped("Not tried, because nobody can write without a credential.")
        return super().write()

    def read(self) -> Result:
        """Read the probe file, or else the first byte of what is there."""
        if self.written is not None:
            return super().read()
        if self.subject is None:
            return skipped("Not tried, because there is no file to read.")
        with self.storage.open(self.subject) as file:
            file.read(1)
        return ok(f"{self.subject!r} can be read.")

    def explain(self, name: str, error: Exception) -> Result:
        """Return the result of a probe that raised, with the advice that fits this credential."""
        if isinstance(error, UnreachableError):
            return self.unreachable(error)
        hints = [advice(error, self.options.endpoint)]
        if isinstance(error, PermissionError) and self.kind == "sas" and name in _SAS_LETTERS:
            hints = [f"The SAS needs the permission{'s' * (name == 'write')} sp={_SAS_LETTERS[name]} for this."]
        if name == "sign" and getattr(error, "error_code", None) == "AuthorizationPermissionMismatch":
            hints = [DELEGATOR]
        if isinstance(error, PermissionError) and name == "write":
            hints.append("If it is not meant to write, set read_only on its routes, or use --skip write.")
        if name == "list" and self.kind == "anonymous":
            hints = ["Without a credential only a container of the public access level 'Container' can be listed."]
        if name == "delete":
            hints.append(f"The probe's file stays behind: {self.written!r}.")
        return failed(described(error), " ".join(filter(None, hints)))
