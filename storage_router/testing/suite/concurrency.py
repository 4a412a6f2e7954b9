"""Writers and readers at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from django.core.files.base import ContentFile
from django.core.files.storage import Storage

from .contents import MIXED, below, content_of


class ConcurrencyContract:
    """Writers of one name at the same time, each in its own thread."""

    def test_every_writer_gets_a_file_of_its_own(self, storage: Storage) -> None:
        """Nobody overwrites anybody, and nobody fails because of another."""
        contents = [b"%d " % index * 1000 for index in range(40)]
        with ThreadPoolExecutor(8) as pool:
            names = list(pool.map(lambda content: storage.save("dir/a.txt", ContentFile(content)), contents))
        assert len(set(names)) == 40
        assert [content_of(storage, name) for name in names] == contents
        assert below(storage) == set(names)

    def test_a_file_is_never_seen_half_written(self, storage: Storage) -> None:
        """A reader finds no file, or a whole one."""
        content = MIXED * 330
        with ThreadPoolExecutor(2) as pool:
            written = [pool.submit(storage.save, f"{index}.bin", ContentFile(content)) for index in range(2)]
            while not all(future.done() for future in written):
                for index in range(2):
                    if storage.exists(f"{index}.bin"):
                        assert content_of(storage, f"{index}.bin") == content
            assert sorted(future.result() for future in written) == [f"{index}.bin" for index in range(2)]
