"""Plain HTTP, as a browser or a CDN would ask: no credential, only the URL; but through the storage's own transport."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from storage_router.azure.client import transport
from storage_router.azure.errors import causes
from storage_router.conf.azure.options import AzureOptions
from storage_router.provision.commands import add_rule
from storage_router.provision.needs import MAX_AGE, Cors

from .findings import Finding, ok, skipped, warning

# Azure's errors carry their code in a header, and in the body where a proxy dropped the header.
_CODE = re.compile(rb"<Code>(\w+)</Code>")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back from ``host``: status, headers, the body, and the local time between asking and answer."""

    host: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def error_code(self) -> str:
        """Azure's name for what went wrong, or ``""``."""
        found = _CODE.search(self.body)
        return str(self.headers.get("x-ms-error-code") or (found[1].decode() if found else ""))

    @property
    def outcome(self) -> str:
        """``HTTP 403 AuthenticationFailed from acme.blob.core.windows.net``"""
        return f"{f'HTTP {self.status} {self.error_code}'.rstrip()} from {self.host}"

    @property
    def ahead(self) -> float | None:
        """How many seconds this machine's clock is ahead of the server's; None where the server sends no date."""
        try:
            return self.at - parsedate_to_datetime(self.headers.get("Date", "")).timestamp()
        except ValueError:
            return None


class UnreachableError(OSError):
    """``host`` (with its port, if the URL has one) gave no answer; ``reason`` is what the network said."""

    def __init__(self, host: str, reason: BaseException) -> None:
        super().__init__(f"{host} cannot be reached: {reason}")
        self.host = host
        self.reason = reason


class Client:
    """Asks through a transport as the storage has it: proxies, certificates and limits are part of what is examined."""

    def __init__(self, options: AzureOptions) -> None:
        from azure.core.pipeline import Pipeline
        from azure.core.pipeline.policies import ProxyPolicy, RedirectPolicy

        # Not those of the account: each question has its own connection, and sees the environment as it is now.
        self._home = urlsplit(options.endpoint).netloc
        self._verify = options.client_options.get("connection_verify", True)
        policies: list[Any] = [RedirectPolicy(), ProxyPolicy(options.client_options.get("proxies"))]
        self._requests: Any = Pipeline(transport(options, {}), policies)

    def ask(self, url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer, whatever its status. Raises ``UnreachableError`` where none came."""
        host = urlsplit(url).netloc
        answer = self._answer(url, method, headers)
        if isinstance(answer, ssl.SSLCertVerificationError) and host != self._home and self._verify is not True:
            # Where the endpoint has a certificate of one's own authority, a CDN still has one of a public authority.
            answer = self._answer(url, method, headers, connection_verify=True)
        if isinstance(answer, BaseException):
            raise UnreachableError(host, answer)
        return answer

    def _answer(
        self, url: str, method: str, headers: Mapping[str, str] | None, **options: Any
    ) -> Answer | BaseException:
        from azure.core.exceptions import AzureError
        from azure.core.rest import HttpRequest

        # Each question has its own connection: nothing repeats one that meets a connection which the server is closing.
        request = HttpRequest(method, url, headers={**(headers or {}), "Connection": "close"})
        started = time.time()
        try:
            response = self._requests.run(request, **options).http_response
            # A transport of the application's own may give the older kind of response.
            body = response.read() if hasattr(response, "read") else response.body()
        except AzureError as error:
            return _reason(error)
        at = (started + time.time()) / 2
        return Answer(
            host=urlsplit(url).netloc, status=response.status_code, headers=response.headers, body=body, at=at
        )


def _reason(error: BaseException) -> BaseException:
    """Return what the network said: the system's own error behind those of the HTTP clients, if there is one."""
    import requests

    system = (
        part
        for part in causes(error)
        if isinstance(part, OSError | HTTPException) and not isinstance(part, requests.RequestException)
    )
    return next(system, error)


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """What browsers ask before pages of other sites may use ``url``. ``needed`` are the headers that the pages cannot
    do without; ``what`` and ``done`` are the words for it: "Fonts" and "fetched". ``refused`` makes the finding where
    they may not.
    """

    client: Client
    options: AzureOptions
    url: str
    rule: Cors
    needed: tuple[str, ...]
    what: str
    done: str
    refused: Callable[[str, str], Finding] = warning

    def examine(self, origins: Sequence[str]) -> Finding:
        """Return what pages of the origins may do, and what ``rule`` would allow besides."""
        if not origins:
            return skipped("The site's origin is not known. Give it: --origin https://www.example.com")
        answers = {origin: self.ask(origin, self.rule.methods[0], self.needed) for origin in origins}
        if refused := [origin for origin, answer in answers.items() if not allows(answer, origin)]:
            outcome = answers[refused[0]].outcome
            message = f"{self.what} cannot be {self.done} by pages of {', '.join(refused)}: {outcome}."
            return self.refused(message, f"If they should: {self.command(refused)}")
        message = f"{self.what} can be {self.done} by pages of {', '.join(origins)}."
        different = {origin: found for origin in origins if (found := "; ".join(self._differences(origin)))}
        if not different:
            return ok(message)
        found = ". ".join(f"{origin}: {differences}" for origin, differences in different.items())
        hint = f"'manage.py storage_router provision --apply' adds its rule, or: {self.command(list(different))}"
        return warning(f"{message} The rule differs from provision's. {found}.", hint)

    def ask(self, origin: str, method: str, headers: Sequence[str]) -> Answer:
        asked = {"Origin": origin, "Access-Control-Request-Method": method}
        if headers:
            asked["Access-Control-Request-Headers"] = ",".join(headers)
        return self.client.ask(self.url, method="OPTIONS", headers=asked)

    def command(self, origins: Sequence[str]) -> str:
        """Return the command of ``provision`` that adds the rule."""
        return add_rule(self.options, self.rule, origins)

    def _differences(self, origin: str) -> Iterator[str]:
        for method in self.rule.methods:
            answer = self.ask(origin, method, self.rule.headers)
            if not allows(answer, origin):
                with_headers = allows(self.ask(origin, method, ()), origin)
                yield f"no {method}" + (f" with {', '.join(self.rule.headers)}" if with_headers else "")
            elif (age := answer.headers.get("Access-Control-Max-Age", "")).isdigit() and int(age) < MAX_AGE:
                yield f"{method} for {age} s, not {MAX_AGE} s"


def allows(answer: Answer, origin: str) -> bool:
    """Whether pages of ``origin`` may do what they asked for."""
    return answer.headers.get("Access-Control-Allow-Origin") in (origin, "*")
