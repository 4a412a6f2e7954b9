"""The file that ``AzureStorage.open()`` returns: Django's ``File`` over Python's own buffers and text layer."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any, Self

from django.core.files.base import File

from . import reading, writing
from .modes import Mode


@dataclass(frozen=True, kw_only=True)
class Opened:
    """One opening of a blob: what is read, or what is written and how it is stored at the end."""

    raw: reading.BlobReader | writing.Draft
    store: Callable[[writing.Draft], None] | None = None


class AzureFile(File):  # type: ignore[type-arg]
    """A file on Azure. ``opener`` opens it in a mode, now and whenever it is opened again after ``close()``.

    Text is UTF-8; in mode ``r`` line ends are translated as ``open()`` does, written text is stored as it is on
    every system.
    """

    file: Any

    def __init__(self, name: str, mode: str, opener: Callable[[Mode], Opened]) -> None:
        self._opener = opener
        super().__init__(None, name)
        self._begin(Mode.parse(mode))

    def _begin(self, mode: Mode) -> None:
        self._mode = mode
        self._opened = opened = self._opener(mode)
        self.mode = str(mode)
        buffer: Any
        if isinstance(opened.raw, reading.BlobReader):
            buffer = reading.buffered(opened.raw)
        else:
            buffer = writing.buffered(opened.raw, mode)
        newline = "\n" if mode.verb != "r" else None
        self.file = io.TextIOWrapper(buffer, encoding="utf-8", newline=newline) if mode.text else buffer

    @property
    def size(self) -> int:
        """Bytes: of the blob where it is read, of what was written so far where it is written. Costs no request, after
        ``close()`` neither.
        """
        raw = self._opened.raw
        if isinstance(raw, reading.BlobReader) or raw.closed:
            return raw.size
        self.file.flush()
        position = raw.tell()
        end = raw.seek(0, os.SEEK_END)
        raw.seek(position)
        return end

    # FileProxyMixin has no read1, which io.TextIOWrapper and zipfile prefer where there is one.
    read1 = property(lambda self: self.file.read1)

    def write(self, data: Any) -> int:
        """Write ``data``; text in a binary mode is stored as UTF-8."""
        if isinstance(data, str) and not self._mode.text:
            data = data.encode()
        return int(self.file.write(data))

    def writelines(self, lines: Any) -> None:
        """Write each of ``lines``."""
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

        Raises ``BlobExistsError`` (mode ``x``) or ``BlobChangedError`` if somebody else wrote the blob in between.
        """
        if self.closed:
            return
        if _left_with_an_error(sys._getframe(1)):
            self.discard()
            return
        raw, store = self._opened.raw, self._opened.store
        try:
            if store is not None and isinstance(raw, writing.Draft):
                self.file.flush()
                if raw.changed:
                    store(raw)
        finally:
            self.discard()

    def discard(self) -> None:
        """Close the file and forget what was written."""
        raw = self._opened.raw
        if isinstance(raw, writing.Draft):
            raw.discarded = True
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
        opened = self.__dict__.get("_opened")
        if opened is not None and opened.store is not None and not self.closed:
            warnings.warn(f"{self!r} was not closed: nothing was stored.", ResourceWarning, source=self, stacklevel=2)


def _left_with_an_error(frame: FrameType | None) -> bool:
    """Whether ``close()`` was called because an exception left the ``with`` block of a Django ``File`` around this
    one.

    ``with instance.document.open("wb")`` leaves through ``File.__exit__``, which calls ``close()`` whether the
    block failed or not and does not say so. Half a file must not be stored, so the callers are asked, as far up as
    they are Django's.
    """
    while frame is not None and isinstance(frame.f_locals.get("self"), File):
        if frame.f_code is File.__exit__.__code__:
            return frame.f_locals["exc_type"] is not None
        frame = frame.f_back
    return False
