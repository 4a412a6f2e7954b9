"""What can go wrong with a request on its way, and the plan of what goes wrong with which one.

``FaultProxy`` carries the plan out. Points of a request's life, in order:

* ``request``: the request's head has arrived; nothing was passed on, so the service knows nothing of it;
* ``request body``: a part of the request's body was passed on, the rest never is;
* ``answer``: the service has done its work and answered; the client has seen nothing of it (the answer is lost);
* ``answer body``: the client has the answer's head and a part of its body.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random
from typing import Literal
from urllib.parse import parse_qs, unquote

from .http1 import Head

Point = Literal["request", "request body", "answer", "answer body"]


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong with one request."""


@dataclass(frozen=True)
class Reset(Fault):
    """The connection is reset (RST) at ``point``; within a body after ``after`` bytes of it, None: half of them."""

    point: Point = "request"
    after: int | None = None


@dataclass(frozen=True)
class Stall(Fault):
    """From ``point`` on nothing moves any more, and the connection stays open until the client gives up."""

    point: Point = "request"
    after: int | None = None


@dataclass(frozen=True)
class Cut(Fault):
    """The answer's body ends after ``after`` bytes of it, None: half of them.

    With ``sealed`` the answer's head agrees with the shorter body, as from an intermediary that stored half an answer;
    otherwise the connection ends too early for the length that the head promised.
    """

    after: int | None = None
    sealed: bool = False


@dataclass(frozen=True)
class Delay(Fault):
    """The request waits this long before it is passed on."""

    seconds: float


@dataclass(frozen=True)
class Answer(Fault):
    """The client gets this status instead of the service's answer.

    ``retry_after`` (seconds) becomes a Retry-After header. With ``done`` the service has done its work before, and only
    its answer was replaced, as a gateway does that lost its patience.
    """

    status: int
    error_code: str = "InternalError"
    retry_after: int | None = None
    done: bool = False


@dataclass(frozen=True)
class RejectToken(Fault):
    """A 401 with Azure's challenge, to this request and to all with the same token: only a new token heals it."""


@dataclass(frozen=True)
class Duplicate(Fault):
    """The request is delivered twice, one after the other; the client gets the second answer."""


SERVER_ERROR = Answer(500, "InternalError")
BUSY = Answer(503, "ServerBusy")
BUSY_WITH_RETRY_AFTER = Answer(503, "ServerBusy", retry_after=1)
TOO_MANY_REQUESTS = Answer(429, "TooManyRequests", retry_after=1)
DONE_BUT_FAILED = Answer(500, "InternalError", done=True)

TRANSIENT: tuple[Fault, ...] = (
    Reset("request"),
    Reset("request body"),
    Reset("answer"),
    Reset("answer body"),
    Cut(),
    Delay(0.05),
    SERVER_ERROR,
    BUSY,
    Answer(429, "TooManyRequests"),
    DONE_BUT_FAILED,
    Duplicate(),
)
"""What a client has to live with when it happens to one request: what ``fail_randomly`` draws from."""


@dataclass(kw_only=True)
class Request:
    """A request as the proxy saw it. ``status`` is what the client was answered, None as long as there is no answer.

    ``operation`` is the name of Azure's REST reference, such as ``Put Blob``; ``blob`` is the path below the account,
    decoded. Headers and query may hold signatures, so they stay out of the ``repr``.
    """

    operation: str
    method: str
    blob: str
    head: Head
    query: dict[str, str]
    fault: Fault | None = None
    status: int | None = None

    @classmethod
    def of(cls, head: Head) -> Request:
        """Read the head of a request to a path-style endpoint: ``/account/container/blob``."""
        method, target, _ = head.start.split(" ", 2)
        path, _, text = target.partition("?")
        query = {key: values[0] for key, values in parse_qs(text, keep_blank_values=True).items()}
        blob = unquote(path).lstrip("/").partition("/")[2]
        return cls(operation=_operation(method, blob, query, head), method=method, blob=blob, head=head, query=query)

    def __repr__(self) -> str:
        parts = [self.operation, self.blob, "…" if self.status is None else str(self.status)]
        return f"<{' '.join(parts)}{f' after {self.fault}' if self.fault else ''}>"


_BY_METHOD = {
    "PUT": "Put Blob",
    "GET": "Get Blob",
    "HEAD": "Get Blob Properties",
    "DELETE": "Delete Blob",
}
_BY_COMPONENT = {
    ("PUT", "block"): "Put Block",
    ("PUT", "blocklist"): "Put Block List",
    ("GET", "blocklist"): "Get Block List",
    ("GET", "list"): "List Blobs",
    ("POST", "userdelegationkey"): "Get User Delegation Key",
}


def _operation(method: str, blob: str, query: dict[str, str], head: Head) -> str:
    component = query.get("comp", "")
    if known := _BY_COMPONENT.get((method, component)):
        return known if blob else known.replace("Blobs", "Containers")
    if query.get("restype") == "container" and not component:
        verb = {"PUT": "Create Container", "DELETE": "Delete Container"}
        return verb.get(method, "Get Container Properties")
    if component:
        return f"{method} {component}"
    if method == "PUT" and head.get("x-ms-copy-source"):
        return "Copy Blob"
    return _BY_METHOD.get(method, method)


@dataclass
class _Rule:
    """``times`` faults for the requests that match, after ``skip`` of them went well."""

    operation: str
    blob: str
    fault: Fault
    times: int
    skip: int

    def claims(self, request: Request) -> bool:
        if not self.times or not fnmatchcase(request.operation, self.operation):
            return False
        if not fnmatchcase(request.blob, self.blob):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class Plan:
    """Which request suffers which fault. Safe to change from any thread while requests arrive.

    Random faults depend on the seed, the operation, the blob below its container and how many such requests came
    before, not on the order in which threads happen to run: the same work meets the same faults again.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []
        self._rate = 0.0
        self._faults: tuple[Fault, ...] = TRANSIENT
        self._operations = "*"
        self._seen: Counter[tuple[str, str]] = Counter()

    def add(self, operation: str, fault: Fault, *, times: int, skip: int, blob: str) -> None:
        """Let ``fault`` happen to the requests that match the two patterns (as of ``fnmatch``)."""
        with self._lock:
            self._rules.append(_Rule(operation=operation, blob=blob, fault=fault, times=times, skip=skip))

    def randomly(self, rate: float, faults: Iterable[Fault], seed: int, operations: str) -> None:
        """Let one of ``faults`` happen to a share of the requests, from now on."""
        with self._lock:
            self.seed, self._rate, self._faults, self._operations = seed, rate, tuple(faults), operations
            self._seen.clear()

    def clear(self) -> None:
        """From now on all goes well."""
        with self._lock:
            self._rules.clear()
            self._rate = 0.0

    def fault_for(self, request: Request) -> Fault | None:
        """Return what goes wrong with this request, and count it."""
        with self._lock:
            for rule in self._rules:
                if rule.claims(request):
                    return rule.fault
            if not self._rate or not fnmatchcase(request.operation, self._operations):
                return None
            name = request.blob.partition("/")[2] or request.query.get("prefix", "")
            self._seen[request.operation, name] += 1
            draw = Random(f"{self.seed}/{request.operation}/{name}/{self._seen[request.operation, name]}")
            return draw.choice(self._faults) if draw.random() < self._rate else None
