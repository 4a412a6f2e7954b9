"""What every Django storage promises, as tests that the author of a storage inherits (F4).

    class TestMyStorage(ModesContract, ConcurrencyContract, StorageContract):
        @pytest.fixture
        def storage(self):
            return MyStorage(...)

``storage`` must be empty, have no ``overwrite``, and may be used for one test only. ``StorageContract`` is what
Django documents and its own storages do; ``ModesContract`` adds the writing modes of Python's ``open()``;
``ConcurrencyContract`` adds writers at the same time. pytest is needed, nothing else; it explains failures of the
suite better after ``pytest.register_assert_rewrite("storage_router.testing.suite")`` in ``conftest.py``.
"""

from __future__ import annotations

import pytest
from django.core.files.storage import Storage

from .concurrency import ConcurrencyContract
from .files import FilesContract, ModesContract
from .questions import QuestionsContract
from .saving import SavingContract

__all__ = ["ConcurrencyContract", "ModesContract", "StorageContract"]


class StorageContract(SavingContract, QuestionsContract, FilesContract):
    """What Django documents of ``Storage``, and what its own storages do."""

    @pytest.fixture
    def storage(self) -> Storage:
        """Return the storage: new and empty. To be overridden."""
        raise NotImplementedError("Define a fixture 'storage' that returns a new, empty storage.")
