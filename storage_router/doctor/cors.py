"""A CORS rule that ``provision`` sets, compared with what the service answers to browsers.

The rules themselves can be read only with more than a role on a container.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from storage_router.conf.azure.options import AzureOptions
from storage_router.provision.commands import add_rule
from storage_router.provision.needs import MAX_AGE, Cors

from .findings import Finding, ok, skipped, warning
from .web import Answer, Client


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
            outcome = f"{answers[refused[0]].outcome} from {urlsplit(self.url).netloc}"
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
