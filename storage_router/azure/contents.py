"""What is given to save, as bytes, as often as they are needed.

Content comes as Django's storages get it: files, uploads, text, streams that cannot seek, and anything with
``chunks()``.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any

from django.core.files.base import File
from django.core.files.uploadedfile import InMemoryUploadedFile

from .blocks import BLOCK


class Content:
    """One content; ``close()`` it. What cannot be read twice is kept in a temporary file in ``folder`` meanwhile.

    ``whole`` is all of it where that is at most ``small`` bytes, else None. ``announced`` is how many bytes larger
    content says it has, 0 where it does not say; it may be wrong.
    """

    def __init__(self, source: Any, *, small: int, folder: str | None) -> None:
        self.whole: bytes | None = None
        self._source = source
        self._folder = folder
        self._copy: IO[bytes] | None = None
        plain = _is_plain(source)
        self._replayable = plain and _rewound(source)
        self._pieces = _pieces(source, plain=plain)
        self._head: list[bytes] = []
        self._started = False
        length = 0
        for piece in self._pieces:
            self._head.append(piece)
            length += len(piece)
            if length > small:
                break
        else:
            self.whole = b"".join(self._head)
        self.announced = _announced_size(source) if self.whole is None and self._replayable else 0

    def again(self) -> Iterator[bytes]:
        """Yield the content from its beginning, the first time and every other."""
        if self._started:
            source = self._source if self._copy is None else self._copy
            source.seek(0)
            return _pieces(source, plain=True)
        self._started = True
        pieces = itertools.chain(_emptied(self._head), self._pieces)
        if self._replayable:
            return pieces
        self._copy = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed by close()
        return _copied(pieces, self._copy)

    def close(self) -> None:
        """Give up the temporary file."""
        if self._copy is not None:
            self._copy.close()


def _pieces(content: Any, *, plain: bool) -> Iterator[bytes]:
    """Yield what ``content`` holds, text as UTF-8: what ``chunks()`` gives, or larger pieces where that is
    ``plain``.
    """
    pieces: Iterable[Any] = _reads(content) if plain else content.chunks()
    for piece in pieces:
        if isinstance(piece, str):
            yield piece.encode()
        else:
            yield piece if isinstance(piece, bytes) else bytes(piece)


def _reads(file: Any) -> Iterator[Any]:
    while piece := file.read(BLOCK):
        yield piece


def _is_plain(content: Any) -> bool:
    """Whether ``chunks()`` is Django's own: it reads the file from its beginning to its end, and so may we."""
    chunks = getattr(type(content), "chunks", None)
    return chunks is File.chunks or chunks is InMemoryUploadedFile.chunks


def _rewound(content: Any) -> bool:
    """Go to the beginning of ``content`` and return True, or return False for a stream, which is read from where it
    is.
    """
    # FileProxyMixin calls a file seekable that merely does not say that it is not.
    with contextlib.suppress(AttributeError, io.UnsupportedOperation):
        if content.seekable():
            content.seek(0)
            return True
    return False


def _announced_size(content: Any) -> float:
    """Return the bytes that ``content`` says it has, 0 if it does not. It may be wrong: of a gzip file it is."""
    with contextlib.suppress(AttributeError, OSError, TypeError, ValueError):
        return float(content.size)
    return 0


def _copied(pieces: Iterable[bytes], copy: IO[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        copy.write(piece)
        yield piece


def _emptied(pieces: list[bytes]) -> Iterator[bytes]:
    while pieces:
        yield pieces.pop(0)
