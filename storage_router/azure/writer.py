"""The bytes of a file that is being written: in memory, beyond ``max_memory_size`` on disk, uploaded at ``close()``."""

from __future__ import annotations

import io
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Buffer


class Draft(io.RawIOBase):
    """A file that is not stored yet. Nothing here uploads: a draft that is dropped or collected leaves no trace.

    ``changed`` says whether anything was written or cut. ``spool`` gives the bytes to whoever stores them. The
    draft keeps ``max_memory_size`` bytes in memory, more of them in a temporary file in ``folder``. Once it is
    ``discarded`` it takes and drops what is still in the buffers above it, so that they close without an error.
    ``size`` is how many bytes there were when it was closed.
    """

    def __init__(self, *, reads: bool, appends: bool, max_memory_size: int, folder: str | None = None) -> None:
        self._reads = reads
        self._appends = appends
        self.changed = False
        self.discarded = False
        self.size = 0
        # A limit of 0 would mean that everything stays in memory.
        limit = max(1, max_memory_size)
        self.spool = tempfile.SpooledTemporaryFile(max_size=limit, dir=folder)  # noqa: SIM115 - closed by close()

    def readable(self) -> bool:
        return self._reads

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.spool.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.spool.seek(offset, whence)

    def readinto(self, buffer: Buffer, /) -> int:
        return self.spool.readinto(buffer)

    def write(self, data: Buffer, /) -> int:
        """Write at the position, or at the end where the mode appends, as the operating system does for its files."""
        if self.discarded:
            return memoryview(data).nbytes
        if self._appends:
            self.spool.seek(0, io.SEEK_END)
        self.changed = True
        return self.spool.write(data)

    def truncate(self, size: int | None = None) -> int:
        """Cut, or lengthen with zeros, to ``size`` bytes or the position."""
        self.changed = True
        end = self.tell() if size is None else size
        self.spool.truncate(end)
        position = self.tell()
        if (missing := end - self.spool.seek(0, io.SEEK_END)) > 0:
            # In memory nothing is lengthened: BytesIO only cuts.
            self.spool.write(bytes(missing))
        self.spool.seek(position)
        return end

    def close(self) -> None:
        if not (self.closed or self.spool.closed):
            self.size = self.spool.seek(0, io.SEEK_END)
        super().close()
        self.spool.close()
