"""Deletions that wait for the commit: ``[transactions] deletes = "on_commit"`` (X1).

A pending deletion is a callback of Django's ``transaction.on_commit()``. It is looked up where Django keeps it, so
nothing has to be undone when a transaction or a savepoint is rolled back.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.core.files.storage import Storage
from django.db import connections, transaction

from .exceptions import FileChangedError
from .files import file_store
from .router import RouterStorage
from .routing import RouteTable

logger = logging.getLogger("storage_router")


@dataclass(eq=False)
class Deletion:
    """A file that is deleted when the transaction commits, unless it was replaced meanwhile."""

    storage: Storage
    name: str
    etag: str | None
    is_pending: bool = True

    def __call__(self) -> None:
        """Delete the file. Errors are logged: the transaction is committed, and nobody could handle them."""
        if not self.is_pending:
            return
        self.is_pending = False
        try:
            if self.etag is None:
                self.storage.delete(self.name)
            else:
                file_store(self.storage).delete(self.name, if_match=self.etag)
        except FileChangedError:
            logger.info("%s was replaced before the transaction was committed, and is kept.", self.name)
        except Exception:
            logger.exception("%s could not be deleted after the transaction was committed.", self.name)


class PendingDeletes:
    """The deletions that wait for the commit of the current transaction of one database."""

    def __init__(self, database: str) -> None:
        self.database = database
        self._only: dict[str, RouterStorage] = {}

    def add(self, storage: Storage, name: str) -> bool:
        """Have the file deleted when the transaction commits. Return False outside of an ``atomic`` block.

        Makes one request where the storage knows ETags: a file that is written later is not deleted.
        """
        if not connections[self.database].in_atomic_block:
            return False
        if not self.has(storage, name):
            store, etag = file_store(storage), None
            if store.capabilities.conditional:
                try:
                    etag = store.stat(name).etag
                except FileNotFoundError:
                    return True
                except IsADirectoryError:
                    # An empty one can be deleted, too.
                    pass
            transaction.on_commit(Deletion(storage, str(name), etag), using=self.database, robust=True)
        return True

    def has(self, storage: Storage, name: str) -> bool:
        """Return whether the file is to be deleted when the transaction commits."""
        return bool(self._of(storage, name))

    def cancel(self, storage: Storage, name: str) -> None:
        """Keep the file, because it is being replaced."""
        for deletion in self._of(storage, name):
            deletion.is_pending = False

    def only_backend(self, router: RouterStorage, alias: str) -> RouterStorage:
        """Return one backend as a storage that deletes on commit, too: the router, with no other way to go."""
        if alias not in self._only:
            found = RouterStorage.__new__(RouterStorage)
            table = RouteTable((), alias, tenants=router.backends.tenancy)
            vars(found).update(vars(router), table=table)
            self._only[alias] = found
        return self._only[alias]

    def _of(self, storage: Storage, name: str) -> list[Deletion]:
        connection = connections[self.database]
        if not connection.in_atomic_block:
            return []
        deletions = [found[1] for found in connection.run_on_commit if isinstance(found[1], Deletion)]
        return [one for one in deletions if one.is_pending and one.storage is storage and one.name == name]
