"""What one can do with a storage, each with the state before, the result, and the states that it may leave behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.files.base import ContentFile

from storage_router import AzureStorage

from .conftest import LARGE, SMALL

Files = Mapping[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """``run`` turns ``before`` into ``after`` and returns ``result``. If it raises, ``between`` is possible, too."""

    name: str
    run: Callable[[AzureStorage], Any]
    result: Any
    before: Files = field(default_factory=dict)
    after: Files | None = None
    between: tuple[Files, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ends_in(self) -> Files:
        """The files after success."""
        return self.before if self.after is None else self.after

    @property
    def may_leave(self) -> tuple[Files, ...]:
        """The files after a failure: one of these."""
        return (self.before, self.ends_in, *self.between)

    def __str__(self) -> str:
        return self.name


def _save(content: bytes, name: str = "a/new.txt") -> Callable[[AzureStorage], Any]:
    return lambda storage: storage.save(name, ContentFile(content))


def _read(name: str) -> Callable[[AzureStorage], Any]:
    def run(storage: AzureStorage) -> bytes:
        with storage.open(name) as file:
            return bytes(file.read())

    return run


def _write(storage: AzureStorage, mode: str, content: bytes) -> None:
    with storage.open("a/file.txt", mode) as file:
        file.write(content)


OLD = b"old" * 5_000
TWO: Files = {"a/file.txt": SMALL, "a/b/other.txt": OLD}
MOVED: Files = {"a/moved.txt": SMALL, "a/b/other.txt": OLD}

OPERATIONS = (
    Operation(name="save-small", run=_save(SMALL), result="a/new.txt", after={"a/new.txt": SMALL}),
    Operation(name="save-empty", run=_save(b""), result="a/new.txt", after={"a/new.txt": b""}),
    Operation(name="save-large", run=_save(LARGE), result="a/new.txt", after={"a/new.txt": LARGE}),
    Operation(
        name="overwrite-small",
        before=TWO,
        run=_save(LARGE[:30_000], "a/file.txt"),
        result="a/file.txt",
        after={**TWO, "a/file.txt": LARGE[:30_000]},
        options={"overwrite_files": True},
    ),
    Operation(
        name="overwrite-large",
        before=TWO,
        run=_save(LARGE, "a/file.txt"),
        result="a/file.txt",
        after={**TWO, "a/file.txt": LARGE},
        options={"overwrite_files": True},
    ),
    Operation(
        name="replace",
        before=TWO,
        run=lambda storage: storage.replace("a/file.txt", ContentFile(b"new")).name,
        result="a/file.txt",
        after={**TWO, "a/file.txt": b"new"},
    ),
    Operation(
        name="append",
        before=TWO,
        run=lambda storage: _write(storage, "ab", b" and more"),
        result=None,
        after={**TWO, "a/file.txt": SMALL + b" and more"},
    ),
    Operation(
        name="rewrite",
        before=TWO,
        run=lambda storage: _write(storage, "wb", b"written"),
        result=None,
        after={**TWO, "a/file.txt": b"written"},
    ),
    Operation(name="read-small", before=TWO, run=_read("a/file.txt"), result=SMALL),
    Operation(name="read-large", before={"a/file.txt": LARGE}, run=_read("a/file.txt"), result=LARGE),
    Operation(
        name="delete",
        before=TWO,
        run=lambda storage: storage.delete("a/file.txt"),
        result=None,
        after={"a/b/other.txt": OLD},
    ),
    Operation(name="exists", before=TWO, run=lambda storage: storage.exists("a/file.txt"), result=True),
    Operation(name="exists-not", before=TWO, run=lambda storage: storage.exists("a/none.txt"), result=False),
    Operation(name="size", before=TWO, run=lambda storage: storage.size("a/file.txt"), result=len(SMALL)),
    Operation(name="stat", before=TWO, run=lambda storage: storage.stat("a/file.txt").size, result=len(SMALL)),
    Operation(name="listdir", before=TWO, run=lambda storage: storage.listdir("a"), result=(["b"], ["file.txt"])),
    Operation(
        name="walk",
        before=TWO,
        run=lambda storage: [stat.name for stat in storage.walk()],
        result=["a/b/other.txt", "a/file.txt"],
    ),
    Operation(
        name="copy",
        before=TWO,
        run=lambda storage: storage.copy("a/file.txt", "a/copy.txt"),
        result="a/copy.txt",
        after={**TWO, "a/copy.txt": SMALL},
    ),
    Operation(
        name="move",
        before=TWO,
        run=lambda storage: storage.move("a/file.txt", "a/moved.txt"),
        result="a/moved.txt",
        after=MOVED,
        between=({**TWO, **MOVED},),
    ),
)
