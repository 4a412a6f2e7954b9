"""``MovingStorage``: the two backends of a route that moves, as one storage."""

from __future__ import annotations

import io
import logging
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from django.core.files.base import File
from django.core.files.storage import Storage

from storage_router.delegation import delegated
from storage_router.exceptions import FileChangedError
from storage_router.files import Capabilities, FileSettings, FileStat, FileStore, ListingPage, file_store, merged_page

from . import protocol
from .comparison import compared
from .protocol import READS, Phase, Request, Seen, Side, Steps

logger = logging.getLogger("storage_router.moving")

_NONE = '"-"'
"""The ETag of no file: with it nothing is deleted or replaced."""

NAMES = 10
"""Names that a save tries at least before its time limit ends it."""

_MEMORY = 4 * 2**20
"""Bytes of content kept in memory; larger content that cannot be read twice goes to a temporary file."""

Result = TypeVar("Result")


class MovingStorage(Storage):
    """The files of a route with ``moving_from``: two backends, used as the phase says (M1). It is a ``FileStore``, too.

    ``old`` and ``new`` are storages whose file stores are ``conditional``. ``fallbacks`` counts the files that the
    phase *switch* found on the old backend only. ``mirror_failures`` counts failed writes to the backend that the phase
    does not read. ``timeout`` (seconds) bounds a save that finds one name after the other taken.
    """

    def __init__(
        self, old: Storage, new: Storage, *, phase: Phase, mirror_errors: str = "log", timeout: float = 20
    ) -> None:
        self.old, self.new = old, new
        self.phase: Phase = phase
        self.mirror_errors = mirror_errors
        self.timeout = timeout
        self.fallbacks = 0
        self.mirror_failures = 0

    def __repr__(self) -> str:
        return f"<MovingStorage {self.phase}: {self.old!r} to {self.new!r}>"

    @property
    def reading(self) -> Storage:
        """The backend that the phase reads first; it gives URLs and decides on names."""
        return self._side(READS[self.phase][0])

    # Django's interface

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        """Store the file on both backends under a name that is free on both; return the name."""
        wanted = str(content.name if name is None else name)
        root, extension = os.path.splitext(wanted)  # noqa: PTH122 - a name, not a path
        with _twice(content) as body:
            if self.reading.get_alternative_name(root, extension) == wanted:
                self.replace(wanted, body)
                return wanted
            return _Claims(self, body).get_available_name(wanted, max_length).replace("\\", "/")

    def _save(self, name: str, content: Any) -> str:
        return self.save(name, content)

    def open(self, name: str, mode: str = "rb") -> File[Any]:
        """Open the file to read it, or with ``w`` or ``x`` to write it on both backends when it is closed."""
        if mode.strip("bt") == "r":
            return self._found(name, lambda storage: storage.open(name, mode))
        if mode.strip("bt") in ("w", "x"):
            return _Written(self, name, mode)
        raise ValueError(
            f"During a move a file can be read ('rb') or written as a whole ('wb'), not opened as {mode!r}."
        )

    def delete(self, name: str, *, if_match: str | None = None) -> None:
        """Delete the file on both backends, the old one first. A failure on either is raised."""
        try:
            version = self._version_of_old(name, if_match)
        except FileNotFoundError:
            return
        if not self.run(protocol.delete(if_match=version), Requests(self, name)):
            raise FileChangedError(f"{name} was changed since it was looked at.")

    def exists(self, name: str) -> bool:
        """Return whether a backend that the phase reads has the file."""
        return any(self._side(side).exists(name) for side in READS[self.phase])

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Return the directories and files directly below ``path``."""
        directories: dict[str, None] = {}
        files: dict[str, None] = {}
        for side in READS[self.phase]:
            found = self._side(side).listdir(path)
            directories |= dict.fromkeys(found[0])
            files |= dict.fromkeys(found[1])
        return list(directories), list(files)

    # The file store

    @property
    def capabilities(self) -> Capabilities:
        """What both backends can do."""
        return Capabilities.of_all((self.new, self.old))

    def walk(self, path: str = "", *, start: str = "") -> Iterator[FileStat]:
        """Return an iterator over every file below ``path``; in *switch*, of both backends."""
        sides = [((stat.name, stat) for stat in self.store(side).walk(path, start=start)) for side in READS[self.phase]]
        if len(sides) == 1:
            return (stat for _, stat in sides[0])
        return (found for _, one, other in compared(*sides) if (found := one or other) is not None)

    def page(self, path: str = "", *, limit: int = 100, marker: str = "") -> ListingPage:
        """Return a part of what lies directly below ``path``; in *switch*, of both backends."""

        def fetch(side: Side, marker: str) -> ListingPage:
            return self.store(side).page(path, limit=limit, marker=marker)

        return merged_page([partial(fetch, side) for side in READS[self.phase]], limit=limit, marker=marker)

    def create(
        self, name: str, content: Any, settings: FileSettings | None = None, *, save_id: str | None = None
    ) -> FileStat:
        """Claim exactly this name on both backends. Raises ``FileExistsError`` where it is taken on either."""
        steps = protocol.create(self.phase, raise_mirror_errors=self.mirror_errors == "raise")
        with _twice(content) as body:
            requests = Requests(self, name, body, settings, save_id)
            outcome = self.run(steps, requests)
        if outcome is False:
            raise FileExistsError(f"The name is taken: {name}")
        if isinstance(outcome, Exception):
            self.mirror_failures += 1
            logger.warning("%s was saved on one backend of the move only: %s", name, outcome)
        return requests.written or self.stat(name)

    def replace(
        self,
        name: str,
        content: Any,
        settings: FileSettings | None = None,
        *,
        if_match: str | None = None,
        save_id: str | None = None,
    ) -> FileStat:
        """Write exactly this name on both backends, whatever was there."""
        with _twice(content) as body:
            requests = Requests(self, name, body, settings, save_id)
            self.run(protocol.overwrite(if_match=self._version_of_old(name, if_match)), requests)
        return requests.written or self.stat(name)

    def _version_of_old(self, name: str, if_match: str | None) -> str | None:
        """Return the old backend's ETag of the file that has the ETag ``if_match`` where the phase reads.

        Raises ``FileChangedError`` where it has another one, and ``FileNotFoundError``.
        """
        if if_match is None or READS[self.phase][0] == "old":
            return if_match
        # Saves write the old backend first, so it is asked first.
        old: FileStat | None = None
        with suppress(FileNotFoundError, IsADirectoryError):
            old = self.store("old").stat(name)
        found = self.stat(name)
        if found.etag == if_match:
            if old is None:
                return _NONE
            # A directory does not know which save made a file.
            saves = {one.save_id for one in (old, found)} - {None}
            if old.size == found.size and len(saves) <= 1:
                return old.etag
        raise FileChangedError(f"{name} was changed since it was looked at.")

    # Between the protocol and the backends

    def _side(self, side: Side) -> Storage:
        return self.old if side == "old" else self.new

    def store(self, side: Side) -> FileStore:
        """Return one of the two backends as a file store."""
        return file_store(self._side(side))

    def _found(self, name: str, ask: Callable[[Storage], Result]) -> Result:
        """Ask the backends that the phase reads, the next one only where the file is not found."""
        first, *others = READS[self.phase]
        try:
            return ask(self._side(first))
        except FileNotFoundError:
            if not others:
                raise
        found = ask(self._side(others[0]))
        self.fallbacks += 1
        logger.warning("%s was found on the backend that the route moves from only.", name)
        return found

    def _of_reading(self, method: str, *args: Any, **options: Any) -> Any:
        return getattr(self.reading, method)(*args, **options)

    def _of_found(self, method: str, name: str) -> Any:
        return self._found(name, lambda storage: getattr(storage, method)(name))

    def _of_store(self, method: str, name: str, *args: Any, **options: Any) -> Any:
        return self._found(name, lambda storage: getattr(file_store(storage), method)(name, *args, **options))

    # No request: the backend that the phase reads gives URLs and decides on names.
    url = delegated(Storage.url, _of_reading)
    path = delegated(Storage.path, _of_reading)
    get_valid_name = delegated(Storage.get_valid_name, _of_reading)
    get_alternative_name = delegated(Storage.get_alternative_name, _of_reading)
    generate_filename = delegated(Storage.generate_filename, _of_reading)
    size = delegated(Storage.size, _of_found)
    get_accessed_time = delegated(Storage.get_accessed_time, _of_found)
    get_created_time = delegated(Storage.get_created_time, _of_found)
    get_modified_time = delegated(Storage.get_modified_time, _of_found)
    stat = delegated(FileStore.stat, _of_store)
    tags_of = delegated(FileStore.tags_of, _of_store)
    read = delegated(FileStore.read, _of_store)
    # The bytes pass through here.
    copy_from = FileStore.copy_from

    def sign(self, name: str, *args: Any, **options: Any) -> str:
        """Return a link at the backend that the phase reads."""
        return self.store(READS[self.phase][0]).sign(name, *args, **options)

    def run(self, steps: Steps, requests: Requests, *, answer: Any = None, looks: bool = True) -> Any:
        """Send the requests of a sequence of the protocol; return its result.

        Without ``looks`` return None where the sequence is to look: run it again, with the answer to that.
        """
        error: Exception | None = None
        while True:
            try:
                request = steps.send(answer) if error is None else steps.throw(error)
            except StopIteration as stop:
                return stop.value
            if request.kind == "look" and not looks:
                return None
            error = None
            try:
                answer = requests.answer(request)
            except Exception as failure:  # noqa: BLE001 - the protocol decides what becomes of it
                error = failure


@dataclass
class Requests:
    """The requests of one operation about one name. ``body`` is the content of a save, ``source`` what is known of the
    file that is copied.

    ``written`` is what is known of the file on the backend that the phase reads, once it was written there.
    """

    storage: MovingStorage
    name: str
    body: Any = None
    settings: FileSettings | None = None
    save_id: str | None = None
    source: FileStat | None = None
    written: FileStat | None = None

    def __post_init__(self) -> None:
        self.save_id = self.save_id or uuid.uuid4().hex
        self._versions = {self.source.etag: self.source} if self.source else {}

    def answer(self, request: Request) -> Any:
        """Send the request; return the answer that the protocol expects."""
        store = self.storage.store(request.side)
        if request.kind in ("stat", "look"):
            return self._seen(store)
        if request.kind == "delete":
            try:
                store.delete(self.name, if_match=request.if_match)
            except FileChangedError:
                return False
            return True
        if request.kind == "copy":
            return self._copied(store, self.storage.store("new" if request.side == "old" else "old"), request)
        self.body.seek(0)
        try:
            if request.kind == "create":
                stat = store.create(self.name, self.body, self.settings, save_id=self.save_id)
            else:
                stat = store.replace(
                    self.name, self.body, self.settings, if_match=request.if_match, save_id=self.save_id
                )
        except FileExistsError:
            if request.kind == "create":
                return None
            raise
        if request.side == READS[self.storage.phase][0]:
            self.written = stat
        return stat.etag

    def _seen(self, store: FileStore) -> Seen | None:
        try:
            found = store.stat(self.name)
        except (FileNotFoundError, IsADirectoryError):
            # On a file system a directory may have the name.
            return None
        self._versions[found.etag] = found
        return Seen(etag=found.etag, save=found.save_id, own=found.save_id == self.save_id)

    def _copied(self, target: FileStore, source: FileStore, request: Request) -> str | None:
        try:
            return target.copy_from(
                self.name,
                source,
                self.name,
                version=self._versions[request.if_match or ""],
                if_match=request.if_target_match,
            ).etag
        except (FileNotFoundError, FileExistsError, FileChangedError):
            return None


class _Written(File):  # type: ignore[type-arg]  # a generic in the stubs only
    """A file that is stored on both backends when it is closed, unless its block ends with an exception."""

    def __init__(self, storage: MovingStorage, name: str, mode: str) -> None:
        self._store = storage.create if "x" in mode else storage.replace
        self._bytes = tempfile.TemporaryFile()  # noqa: SIM115 - close() closes it
        text = "b" not in mode
        super().__init__(io.TextIOWrapper(self._bytes, "utf-8", write_through=True) if text else self._bytes, name)

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self._bytes.close()

    def close(self) -> None:
        """Store what was written."""
        if not self._bytes.closed:
            self.flush()
            with self._bytes:
                self._store(str(self.name), File(self._bytes, self.name))


class _Claims(Storage):
    """Has Django look for a name, and takes the first that is free: to ask whether it is free is to claim it."""

    def __init__(self, storage: MovingStorage, body: Any) -> None:
        self._storage = storage
        self._body = body
        self._deadline = time.monotonic() + storage.timeout
        self._tried = 0

    def get_alternative_name(self, file_root: str, file_ext: str) -> str:
        return self._storage.reading.get_alternative_name(file_root, file_ext)

    def is_name_available(self, name: str, max_length: int | None = None) -> bool:
        if max_length is not None and len(name) > max_length:
            return False
        try:
            self._storage.create(name.replace("\\", "/"), self._body)
        except FileExistsError as error:
            self._tried += 1
            if self._tried >= NAMES and time.monotonic() > self._deadline:
                message = f"No free name for {name!r} was found in {self._storage.timeout} seconds."
                raise FileExistsError(message) from error
            return False
        return True


class _Body(File):  # type: ignore[type-arg]  # a generic in the stubs only
    """Content that can be read as often as wanted: a backend that closes it leaves it open for the other one."""

    content_type: str | None = None

    def close(self) -> None:
        """Leave it open: ``_twice`` closes it."""


@contextmanager
def _twice(content: Any) -> Iterator[_Body]:
    """Give ``content`` so that it can be read for each backend."""
    if isinstance(content, _Body):
        yield content
        return
    chunks = (content if hasattr(content, "chunks") else File(content)).chunks()
    with tempfile.SpooledTemporaryFile(max_size=_MEMORY) as copy:
        for chunk in chunks:
            copy.write(chunk.encode() if isinstance(chunk, str) else chunk)
        body = _Body(copy, getattr(content, "name", None))
        body.content_type = getattr(content, "content_type", None)
        yield body
