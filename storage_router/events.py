"""One event for each operation of a storage that makes a request. Subscribers are called when it ends.

Without subscribers an operation costs a call, and a look at an empty tuple. ``telemetry/`` has subscribers for
OpenTelemetry, Prometheus and logs.
"""

import functools
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Concatenate, Literal, ParamSpec, TypeVar

from .exceptions import BlobError, FileChangedError
from .records import Record

logger = logging.getLogger("storage_router")

Outcome = Literal["ok", "not_found", "conflict", "refused", "timeout", "error"]


class Attempt(Record):
    """One request that was sent. ``status`` is None where no answer came; ``started`` is in seconds since the epoch."""

    method: str
    started: float
    seconds: float
    status: int | None
    request_id: str | None = None
    is_retry: bool = False


class Event:
    """What is known of one operation.

    ``name`` is the file's, as the storage was given it; subscribers leave it out unless they were asked for it.
    ``started`` is in seconds since the epoch, ``seconds`` the duration; ``size`` counts the bytes of the content;
    ``request_id`` is Azure's ``x-ms-request-id`` of the last answer.
    """

    outcome: Outcome = "ok"
    seconds: float = 0.0
    size: int = 0
    request_id: str | None = None
    error: BaseException | None = None

    def __init__(
        self, *, operation: str, alias: str | None = None, route: str | None = None, name: str | None = None
    ) -> None:
        self.operation = operation
        self.alias = alias
        self.route = route
        self.name = name
        self.started = time.time()
        self.attempts: list[Attempt] = []

    @property
    def requests(self) -> int:
        """How many requests were sent, retries included."""
        return len(self.attempts)

    @property
    def retries(self) -> int:
        """How many of them repeated a request that had failed."""
        return sum(attempt.is_retry for attempt in self.attempts)

    def sent(self, attempt: Attempt) -> None:
        """Note a request. Threads of one operation may call it at the same time."""
        self.attempts.append(attempt)
        self.request_id = attempt.request_id or self.request_id


Subscriber = Callable[[Event], object]

_subscribers: tuple[Subscriber, ...] = ()
_current: ContextVar[Event | None] = ContextVar("storage_router_event", default=None)


def subscribe(subscriber: Subscriber) -> Callable[[], None]:
    """Have ``subscriber`` called with each event, in the thread of the operation. Return what ends that.

    What a subscriber raises is logged and goes no further.
    """
    global _subscribers
    _subscribers = (*_subscribers, subscriber)

    def unsubscribe() -> None:
        global _subscribers
        _subscribers = tuple(one for one in _subscribers if one is not subscriber)

    return unsubscribe


def current() -> Event | None:
    """Return the event of the operation under way, to note requests in; None where nobody listens."""
    return _current.get() if _subscribers else None


Operation = AbstractContextManager[Event | None]
"""One operation; ``with`` gives its event, or None where nobody listens."""

_UNWATCHED: Operation = nullcontext()


def operation(name: str, *, alias: str | None = None, route: str | None = None, file: object = None) -> Operation:
    """Return what an operation is done in: ``with operation("save", alias="media"): …``

    An operation within another one is part of that: a router's operation is one event, and the backend adds its alias.
    """
    if not _subscribers:
        return _UNWATCHED
    outer = _current.get()
    if outer is not None:
        outer.alias = outer.alias or alias
        outer.route = outer.route or route
        return nullcontext(outer)
    return _Watched(Event(operation=name, alias=alias, route=route, name=None if file is None else str(file)))


class _Step(AbstractContextManager[Event]):
    """A part of an operation: what is asked in it belongs to the event."""

    __slots__ = ("_event", "_start", "_token")

    def __init__(self, event: Event) -> None:
        self._event = event

    def __enter__(self) -> Event:
        self._token: Token[Event | None] = _current.set(self._event)
        self._start = time.perf_counter()
        return self._event

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._event.seconds += time.perf_counter() - self._start
        _current.reset(self._token)


class _Watched(_Step):
    __slots__ = ()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        _end(self._event, error)


def _end(event: Event, error: BaseException | None) -> None:
    if error is not None:
        event.error, event.outcome = error, outcome_of(error)
        if isinstance(error, BlobError):
            event.request_id = error.request_id or event.request_id
    for subscriber in _subscribers:
        try:
            subscriber(event)
        except Exception:
            logger.exception("A subscriber to events of storages failed.")


S = TypeVar("S")
P = ParamSpec("P")
R = TypeVar("R")


def observed(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Make each call of a storage's method one operation. Its first argument is the file; ``self.alias`` the alias."""
    name = method.__name__.lstrip("_")

    @functools.wraps(method)
    def call(self: S, /, *args: P.args, **options: P.kwargs) -> R:
        if not _subscribers:
            return method(self, *args, **options)
        with operation(name, alias=getattr(self, "alias", None), file=args[0] if args else options.get("name")):
            return method(self, *args, **options)

    return call


def steps(entries: Iterator[R], name: str, *, alias: str | None = None, file: object = None) -> Iterator[R]:
    """Return ``entries``; fetching them is one operation, whose duration is that of the steps.

    It ends with the last entry, or when the iterator is closed. Inside another operation it is part of that.
    """
    if not _subscribers:
        return entries
    if (outer := _current.get()) is not None:
        outer.alias = outer.alias or alias
        return entries
    return _stepwise(entries, Event(operation=name, alias=alias, name=None if file is None else str(file)))


def _stepwise(entries: Iterator[R], event: Event) -> Iterator[R]:
    failure: BaseException | None = None
    try:
        while True:
            try:
                with _Step(event):
                    entry = next(entries)
            except StopIteration:
                return
            except BaseException as error:
                failure = error
                raise
            yield entry
    finally:
        _end(event, failure)


def count(size: int) -> None:
    """Add bytes of content to the operation under way."""
    if (event := current()) is not None:
        event.size += size


def outcome_of(error: BaseException) -> Outcome:
    """Return what an operation that ended with ``error`` came to."""
    if isinstance(error, FileNotFoundError):
        return "not_found"
    if isinstance(error, FileExistsError | FileChangedError):
        return "conflict"
    if isinstance(error, PermissionError):
        return "refused"
    if isinstance(error, TimeoutError):
        return "timeout"
    return "error"
