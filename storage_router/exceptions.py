"""Every exception that the package raises.

Each derives from ``StorageRouterError`` and from the exception that Django or Python raises in that case, so code that
knows neither Azure nor this package handles it correctly. The facts are in fields, not only in the text. No field and
no text holds a secret.
"""

import errno
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from django.core.exceptions import ImproperlyConfigured, SuspiciousFileOperation


class Problem(NamedTuple):
    """One problem of a configuration.

    ``id`` is the check's id (``storage_router.E001``); ``place`` names the variable, the file and key, or the option in
    code; ``hint`` says what is allowed and what to do. No field holds a secret.
    """

    id: str
    place: str
    message: str
    hint: str = ""

    @property
    def is_warning(self) -> bool:
        """Whether the process may start."""
        return self.id.rpartition(".")[2].startswith("W")

    def __str__(self) -> str:
        text = f"{self.place}: {self.message} ({self.id})"
        return f"{text}\n    {self.hint}" if self.hint else text


class StorageRouterError(Exception):
    """The base of all exceptions of this package."""


class ConfigurationError(StorageRouterError, ImproperlyConfigured):
    """The configuration is invalid. ``problems`` holds every problem that was found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        count = len(self.problems)
        heading = f"invalid configuration ({count} problem{'s' * (count != 1)}):"
        return "\n".join([heading, *map(str, self.problems)])


class InvalidNameError(StorageRouterError, SuspiciousFileOperation):
    """A name that no storage of this package accepts. It is refused before any backend is called."""


class RoutingError(StorageRouterError):
    """A name has no route, or its route does not allow the operation. ``name`` is the full name."""

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(message)
        self.name = name

    def __reduce__(self) -> tuple[object, ...]:
        # BaseException's own would leave out the name, which has no default.
        return partial(type(self), name=self.name), self.args


class NoRouteError(RoutingError, LookupError):
    """No route claims the name, and the configuration has no ``default``."""


class NoTenantError(NoRouteError):
    """The name leads to the files of a tenant, and there is no tenant. Nobody gets another tenant's files."""


class TenantMismatchError(InvalidNameError):
    """The name holds another tenant than the current one."""


class ReadOnlyRouteError(RoutingError, PermissionError):
    """The route that claims the name is ``read_only``: nothing can be written or deleted through it."""


class RouteChangedError(RoutingError, SuspiciousFileOperation):
    """A save would end under a name that another route matches. The message says if a file was left behind."""


class SigningError(StorageRouterError, ImproperlyConfigured):
    """A signed URL is needed, and the credential cannot sign one."""


class BlobError(StorageRouterError, OSError):
    """The service refused or failed an operation.

    Fields: ``alias`` (of the backend, or None), ``container``, ``blob`` (None where the container is meant), ``status``
    (HTTP, or None where no answer came), ``error_code`` (Azure's, for example ``BlobNotFound``) and ``request_id``
    (what Azure's support asks for). ``errno``, ``strerror`` and ``filename`` are set as Python's own exceptions set
    them. The SDK's error is the cause.
    """

    default_errno = errno.EIO

    def __init__(
        self,
        message: str,
        *,
        alias: str | None = None,
        container: str | None = None,
        blob: str | None = None,
        status: int | None = None,
        error_code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(self.default_errno, message, blob if blob is not None else container)
        self.alias = alias
        self.container = container
        self.blob = blob
        self.status = status
        self.error_code = error_code
        self.request_id = request_id

    def __reduce__(self) -> tuple[object, ...]:
        # OSError's own would call the class with (errno, strerror, filename); task queues send exceptions between
        # processes. The name by which the caller knows the file may be another than the blob's.
        fields = {field: getattr(self, field) for field in _BLOB_ERROR_FIELDS}
        return partial(type(self), **fields), (str(self.strerror),), {"filename": self.filename}

    def __str__(self) -> str:
        found = {label: getattr(self, field) for field, label in _BLOB_ERROR_FIELDS.items()}
        where = ", ".join(f"{label} {value!r}" for label, value in found.items() if value is not None)
        return f"{self.strerror} [{where}]" if where else str(self.strerror)


_BLOB_ERROR_FIELDS = {
    "alias": "backend",
    "container": "container",
    "blob": "blob",
    "status": "status",
    "error_code": "code",
    "request_id": "request id",
}
"""Each field of a ``BlobError``, and what its text calls it."""


class BlobNotFoundError(BlobError, FileNotFoundError):
    """There is no such blob."""

    default_errno = errno.ENOENT

    def __str__(self) -> str:
        # Programs compare the beginning with what the file system says.
        return f"[Errno {errno.ENOENT}] {os.strerror(errno.ENOENT)}: {self.filename!r}. {super().__str__()}"


class ContainerNotFoundError(BlobError, FileNotFoundError):
    """The container does not exist; the message says how to create it."""

    default_errno = errno.ENOENT


class BlobExistsError(BlobError, FileExistsError):
    """The name is taken and may not be overwritten."""

    default_errno = errno.EEXIST


class BlobPermissionError(BlobError, PermissionError):
    """The service refused the credential, or the credential may not do this."""

    default_errno = errno.EACCES


class BlobTimeoutError(BlobError, TimeoutError):
    """No answer within ``timeout``."""

    default_errno = errno.ETIMEDOUT


class BlobConnectionError(BlobError, ConnectionError):
    """The service could not be reached, or the connection broke."""

    default_errno = errno.ECONNABORTED


class FileChangedError(StorageRouterError, OSError):
    """The file was changed in between: its ETag is a different one."""


class BlobChangedError(BlobError, FileChangedError):
    """The blob changed while it was read, or before a written file was stored. No content was mixed or lost."""

    default_errno = errno.ESTALE


class SourceChangedError(StorageRouterError, OSError):
    """A file changed while it was copied. Nothing was stored; copy it again."""

    def __str__(self) -> str:
        return str(self.strerror)


class TransferError(StorageRouterError):
    """Some files were not copied, or not deleted. The others are complete; running it again does the rest.

    ``failures`` maps each name that failed to its error, ``untried`` holds the names that were not tried after too many
    failures.
    """

    def __init__(
        self, failures: Mapping[str, Exception], untried: Sequence[str] = (), total: int = 0, done: str = "copied"
    ) -> None:
        self.failures = dict(failures)
        self.untried = tuple(untried)
        self.total = total
        self.done = done
        super().__init__(self.failures, self.untried, total, done)

    def __str__(self) -> str:
        lines = [f"{len(self.failures)} of {self.total} files could not be {self.done}:"]
        lines += [f"    {name}: {error}" for name, error in sorted(self.failures.items())]
        if self.untried:
            lines.append(f"After these failures {len(self.untried)} more files were not tried.")
        if not self.untried and all(isinstance(error, _PERMANENT) for error in self.failures.values()):
            lines.append("Running the command again does not help: change the names or the routes.")
        else:
            lines.append("Run the same command again for the rest.")
        return "\n".join(lines)


_PERMANENT = (InvalidNameError, RoutingError)
"""What no repetition changes."""


class ManifestError(StorageRouterError, ValueError):
    """A manifest of hashed static files is missing, or cannot be read or written. Without it the files that are still
    needed are not known.
    """
