"""The file that ``AzureStorage.open()`` returns: Django's ``File`` over Python's own buffers, text layer and temporary
files.
"""

from __future__ import annotations

import functools
import io
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from django.core.files.base import File

from storage_router import events
from storage_router.exceptions import BlobChangedError, BlobExistsError, BlobNotFoundError
from storage_router.files import FileSettings, FileStat

from .container import Blobs
from .protocol import Write
from .reader import BlobReader
from .upload import Upload, temporary_folder

_BUFFER = 128 * 2**10


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One mode: ``verb`` is one of ``r``, ``w``, ``x`` and ``a``; ``updating`` stands for ``+``, ``text`` for ``t``
    or no ``b``.
    """

    verb: str
    text: bool
    updating: bool

    @classmethod
    @functools.cache
    def parse(cls, mode: str) -> Mode:
        """Return the mode that ``mode`` spells. Raises ``ValueError`` in the words of Python's ``open()``."""
        letters = set(mode)
        if letters - set("rwxabt+") or len(letters) != len(mode):
            raise ValueError(f"invalid mode: {mode!r}")
        if {"b", "t"} <= letters:
            raise ValueError("can't have text and binary mode at once")
        verbs = letters & set("rwxa")
        if len(verbs) != 1:
            raise ValueError("must have exactly one of create/read/write/append mode")
        return cls(verb=verbs.pop(), text="b" not in letters, updating="+" in letters)

    @property
    def keeps(self) -> bool:
        """Whether what is written is added to the content that is there."""
        return self.verb in "ra"

    def __str__(self) -> str:
        return f"{self.verb}{'' if self.text else 'b'}{'+' if self.updating else ''}"


@dataclass(frozen=True, kw_only=True)
class Source:
    """The blob behind a file. ``name`` is what the caller calls it, ``settings`` computes what a new blob is stored
    with. ``opened`` is the event of the opening; later requests are operations of their own, by the same route.
    """

    blobs: Blobs
    blob: str
    name: str
    settings: Callable[[], FileSettings]
    opened: events.Event | None

    def operation(self, name: str) -> events.Operation:
        """Return a context manager for what is asked for an open file."""
        route = self.opened.route if self.opened is not None else None
        return events.operation(name, alias=self.blobs.alias, route=route, file=self.name)

    def reader(self) -> BlobReader:
        limit = self.blobs.options.max_memory_size
        return BlobReader(self._fetch, max_memory_size=limit, folder=temporary_folder())

    def _fetch(self, offset: int, length: int, *, if_match: str | None = None) -> tuple[bytes, FileStat | None]:
        with self.operation("read"):
            return self.blobs.read(self.blob, offset, length, if_match=if_match)


class Draft(tempfile.SpooledTemporaryFile[bytes]):
    """What is written to a file: in memory, beyond a limit on disk. Nothing here uploads, so a draft that is dropped
    leaves no trace.

    ``changed`` says whether anything was written or truncated, ``size`` how many bytes there were when it was closed.
    """

    changed = False
    size: int

    def __init__(self, mode: Mode, *, max_memory_size: int) -> None:
        self._mode_of_file = mode
        # A limit of 0 would mean that everything stays in memory.
        super().__init__(max_size=max(1, max_memory_size), dir=temporary_folder())

    def readable(self) -> bool:
        return self._mode_of_file.updating

    def write(self, data: Any) -> int:
        """Write at the position, or at the end where the mode appends, as the operating system does for its files."""
        if self._mode_of_file.verb == "a":
            self.seek(0, io.SEEK_END)
        self.changed = True
        return super().write(data)

    def truncate(self, size: int | None = None) -> int:
        end = self.tell() if size is None else size
        self.changed = True
        # On disk it is also lengthened, with zeros; in memory it is not.
        self.rollover()
        super().truncate(end)
        return end

    def close(self) -> None:
        if not self.closed:
            self.size = self.seek(0, io.SEEK_END)
        super().close()

    def __del__(self) -> None:
        # The file around it has warned already, if it was not closed.
        self.close()


class AzureFile(File):  # type: ignore[type-arg]
    """A file on Azure. It can be opened again after ``close()``.

    Text is UTF-8; in mode ``r`` line ends are translated as ``open()`` does, written text is stored as it is on
    every system.
    """

    file: Any

    def __init__(self, mode: str, source: Source) -> None:
        self._source = source
        super().__init__(None, source.name)
        self._begin(Mode.parse(mode))

    def _begin(self, mode: Mode) -> None:
        self._mode = mode
        self.mode = str(mode)
        self._handled = sys.exception()
        raw: Any
        buffer: Any
        if mode.verb == "r" and not mode.updating:
            raw = self._source.reader()
            buffer = io.BufferedReader(raw, max(1, min(_BUFFER, raw.size)))
        else:
            raw = Draft(mode, max_memory_size=self._source.blobs.options.max_memory_size)
            self._original = self._found(mode, raw)
            # A file that is new, or opened to be replaced, is stored even if nothing is written to it.
            raw.changed = self._original is None or mode.verb == "w"
            buffer = io.BufferedRandom(raw) if mode.updating else io.BufferedWriter(raw)
        self._raw = raw
        newline = "\n" if mode.verb != "r" else None
        self.file = io.TextIOWrapper(buffer, encoding="utf-8", newline=newline) if mode.text else buffer

    def _found(self, mode: Mode, draft: Draft) -> FileStat | None:
        """Return what is known of the blob that is there, if any, having copied it to ``draft`` where the mode keeps
        it.
        """
        try:
            found = None
            if mode.keeps:
                with self._source.reader() as reader:
                    shutil.copyfileobj(reader, draft, 2**20)
                    found = reader.stat
            if found is None:
                found = self._source.blobs.head(self._source.blob)
                if mode.keeps and found.size:
                    # It was empty, and has been filled since.
                    return self._found(mode, draft)
        except BlobNotFoundError:
            if mode.verb == "r":
                raise
            return None
        if mode.verb == "x":
            message = "There is a blob of this name already."
            raise self._source.blobs.error(BlobExistsError, message, self._source.blob)
        if mode.verb == "r":
            draft.seek(0)
        return found

    def _store(self, draft: Draft) -> None:
        source, original = self._source, self._original
        settings = source.settings()
        if original is not None and self._mode.keeps:
            # What was read tells neither tags nor tier.
            tags, tier = settings.tags, settings.access_tier
            settings = original.settings()._replace(content_md5=None, tags=tags, access_tier=tier)
        if_match = original.etag if original is not None else None
        upload = Upload(source.blobs, File(draft, source.name))
        with source.operation("save"), upload:
            try:
                upload.put(source.blob, settings, Write(if_match=if_match))
            except BlobExistsError as error:
                if self._mode.verb == "x":
                    raise
                message = "Somebody else created the blob in between."
                raise source.blobs.error(BlobChangedError, message, source.blob) from error

    @property
    def size(self) -> int:
        """Bytes: of the blob where it is read, of what was written so far where it is written. No request is made."""
        raw = self._raw
        if isinstance(raw, BlobReader) or raw.closed:
            return int(raw.size)
        self.file.flush()
        position = raw.tell()
        end = raw.seek(0, os.SEEK_END)
        raw.seek(position)
        return int(end)

    # FileProxyMixin has no read1, which io.TextIOWrapper and zipfile prefer where there is one.
    read1 = property(lambda self: self.file.read1)

    def write(self, data: Any) -> int:
        self._handled = sys.exception()
        if isinstance(data, str) and not self._mode.text:
            data = data.encode()
        return int(self.file.write(data))

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def open(self, mode: str | None = None) -> Self:  # type: ignore[override]
        """Go back to the beginning; open the blob again if the file is closed or another mode is asked for."""
        wanted = self._mode if mode is None else Mode.parse(mode)
        if self.closed or wanted != self._mode:
            self.close()
            self._begin(wanted)
        else:
            self.seek(0)
        return self

    def close(self) -> None:
        """Close the file. What was written is uploaded now, whole, or raises and leaves the blob as it was.

        Nothing is uploaded where an exception is being handled that was not when the file was opened or last written:
        Django's files around this one call ``close()`` when such an exception leaves their ``with`` block.

        Raises ``BlobExistsError`` (mode ``x``) or ``BlobChangedError`` if somebody else wrote the blob in between.
        """
        if self.closed:
            return
        try:
            error = sys.exception()
            if isinstance(self._raw, Draft) and (error is None or error is self._handled):
                self.file.flush()
                if self._raw.changed:
                    self._store(self._raw)
        finally:
            self.discard()

    def discard(self) -> None:
        """Close the file and drop what was written."""
        self._handled = None
        self.file.close()

    @property
    def closed(self) -> bool:
        """Whether the file is closed. Asking costs no request."""
        return bool(self.file.closed)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def __del__(self) -> None:
        if isinstance(self.__dict__.get("_raw"), Draft) and not self.closed:
            warnings.warn(f"{self!r} was not closed: nothing was stored.", ResourceWarning, source=self, stacklevel=2)
