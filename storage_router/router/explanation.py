"""``router.explain(name)``: where a name leads, and why (R11)."""

from __future__ import annotations

from dataclasses import dataclass

from storage_router.routing import Match


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
