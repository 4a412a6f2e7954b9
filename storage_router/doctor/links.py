"""The probes of links: what browsers may do with the URLs of a container's blobs."""

from __future__ import annotations

import ssl
from collections.abc import Collection
from functools import cached_property
from urllib.parse import quote, urlsplit

from storage_router.azure.command_line import command
from storage_router.azure.storage import AzureStorage
from storage_router.exceptions import SigningError

from .advice import BY_CODE, network_advice
from .findings import Result, described, failed, ok, skipped, warning
from .probes import CONTENT, Probes
from .web import Answer, Client, UnreachableError

_LINK_SECONDS = 300


class LinkProbes(Probes):
    """The probes that ask as a browser does. ``origin`` is that of the site's pages, if known."""

    storage: AzureStorage

    def __init__(
        self,
        storage: AzureStorage,
        *,
        read_only: bool = False,
        skip: Collection[str] = (),
        origin: str | None = None,
    ) -> None:
        super().__init__(storage, read_only=read_only, skip=skip)
        self.options = storage.options
        self.kind = self.options.authentication.kind
        self.origin = origin

    @cached_property
    def web(self) -> Client:
        """Asks without credentials. Built by the first probe that asks, so what is wrong with it is a finding."""
        return Client(self.options)

    @cached_property
    def listing(self) -> tuple[str | None, Exception | None]:
        """The name of some file, and what the credential's listing raised; None for either that there is not."""
        try:
            found = next(self.storage.walk(), None)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer of several probes
            return None, error
        return found.name if found else None, None

    @cached_property
    def anonymous_listing(self) -> Answer:
        """What the endpoint answers to somebody without credentials who lists the container."""
        container = quote(self.options.azure_container)
        return self.web.ask(f"{self.options.endpoint}/{container}?restype=container&comp=list&maxresults=1")

    @property
    def subject(self) -> str | None:
        """The file to link to: the probe's, else one that was there before."""
        return self.written or self.listing[0]

    def sign(self) -> Result:
        """Sign a link and fetch it without credentials."""
        if self.subject is None:
            return skipped("Not tried, because there is no file to link to.")
        try:
            url = self._url(self.subject, expire=_LINK_SECONDS)
        except SigningError:
            return skipped("Not tried, because the credential cannot sign links, and the configuration asks for none.")
        answer = self._fetch(url)
        if self._delivers(answer):
            return ok(f"A signed link fetches the file from {urlsplit(url).netloc}.")
        return failed(f"A signed link does not fetch the file: {_outcome(answer, url)}.", self._link_advice(answer))

    def public(self) -> Result:
        """Fetch without a signature, and compare with what the configuration implies."""
        if self.anonymous_listing.status == 200:
            return self._exposed("Anyone can list the names of all blobs, and read them")
        if self.subject is None:
            return skipped("Not tried, because there is no file to fetch.")
        link = self._url(self.subject)
        unsigned = link.partition("?")[0]
        answer = self._fetch(unsigned)
        if self._delivers(answer):
            if link != unsigned:
                return self._exposed("Anyone who knows a blob's name can read it")
            return ok("Links without a signature work: everything here is public, as configured.")
        if link != unsigned:
            return ok("Nothing can be read without a signature.")
        remedy = "Set expiration_secs to hand out signed links"
        if self.kind in ("sas", "anonymous"):
            remedy = "Use an account key or an identity, and set expiration_secs, to hand out signed links"
        return warning(
            f"url() gives links without a signature, and they do not work: {_outcome(answer, unsigned)}.",
            f"{remedy}; or, if everything here is for everyone, let the container be read publicly. If no page links "
            "to these files, all is well.",
        )

    def cors(self) -> Result:
        """Ask, as a browser does before a script or a font is fetched from another origin."""
        if self.origin is None:
            return skipped("The site's origin is not known. Give it: --origin https://www.example.com")
        url = self._url(self.subject or self.probe_name).partition("?")[0]
        headers = {"Origin": self.origin, "Access-Control-Request-Method": "GET"}
        answer = self.web.ask(url, method="OPTIONS", headers=headers)
        if answer.headers.get("Access-Control-Allow-Origin") in (self.origin, "*"):
            return ok(f"Scripts, fonts and modules can be fetched by pages of {self.origin}.")
        rule = "cors add --services b --methods GET HEAD OPTIONS --max-age 3600 --allowed-headers * --origins"
        return warning(
            f"Scripts, fonts and modules cannot be fetched by pages of {self.origin}: {_outcome(answer, url)}.",
            f"If they should: {command(self.options, *rule.split(), self.origin)}",
        )

    def unreachable(self, error: UnreachableError) -> Result:
        """Return the result of a probe that got no answer; links lead to other hosts than the storage's requests."""
        message = f"Links lead to {error.host}, which cannot be reached from here: {described(error.reason)}."
        if self.options.custom_domain is None:
            return failed(message, network_advice(error.reason, self.options.endpoint))
        remedy = (
            "Correct custom_domain, or its DNS entry and the proxy or CDN behind it, which has to pass requests on to "
            f"{self.options.endpoint}. If only browsers reach it, use --skip sign --skip public --skip cors."
        )
        if isinstance(error.reason, ssl.SSLError):
            remedy = f"{network_advice(error.reason, self.options.endpoint)} {remedy}"
        return failed(message, remedy)

    def _url(self, name: str, *, expire: float | None = None) -> str:
        # A subclass may give other links: ManifestFilesMixin's url() takes no ``expire``, and looks for a hashed name
        # that the probe file has not. The question is whether the storage's own links work.
        return AzureStorage.url(self.storage, name, expire=expire)

    def _fetch(self, url: str) -> Answer:
        # A file that was there before may be large.
        return self.web.ask(url, method="GET" if self.written is not None else "HEAD")

    def _delivers(self, answer: Answer) -> bool:
        return answer.status == 200 and (self.written is None or answer.body == CONTENT)

    def _exposed(self, what: str) -> Result:
        if self.options.expiration_secs is None:
            return warning(f"{what}.", "If names are not meant to be listed, set the public access level to 'Blob'.")
        return failed(
            f"{what}, although the configuration signs links: the container is public.",
            command(
                self.options,
                *("container", "set-permission", "--public-access", "off", "--name", self.options.azure_container),
            ),
        )

    def _link_advice(self, answer: Answer) -> str:
        if self.options.custom_domain is not None:
            return "Check custom_domain and container_in_url: the link has to reach this container, with its query."
        return BY_CODE.get(
            answer.error_code, "Look at the account's Networking page: it may let in some networks only."
        )


def _outcome(answer: Answer, url: str) -> str:
    return f"{answer.outcome} from {urlsplit(url).netloc}"
