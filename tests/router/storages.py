"""Storages as other packages write them, to stand behind a route."""

from __future__ import annotations

import hashlib
import io
import json
import time
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage

from storage_router import AzureStorage


class WriteOnlyStorage(InMemoryStorage):
    """A dropbox: it cannot list."""

    def listdir(self, path):
        raise NotImplementedError("subclasses of Storage must provide a listdir() method")


class TimelessStorage(InMemoryStorage):
    """It tells no times, which Django leaves to a storage."""

    def get_modified_time(self, name):
        raise NotImplementedError("subclasses of Storage must provide a get_modified_time() method")


class BrokenStorage(Storage):
    """It cannot be built where it is."""

    def __init__(self):
        raise RuntimeError("no service here")


class StrictStorage(InMemoryStorage):
    """It gives names of its own, as a storage behind a content-addressed service does."""

    def get_valid_name(self, name):
        return name.upper()

    def get_alternative_name(self, file_root, file_ext):
        return f"{file_root}-again{file_ext}"


class RenamingStorage(InMemoryStorage):
    """Whatever is saved ends up under ``renamed``."""

    renamed = "elsewhere/renamed.bin"

    def _save(self, name, content):
        return super()._save(self.renamed, content)


class RenamingElsewhereStorage(Storage):
    """The same on another machine, whose clock says nothing here."""

    def _save(self, name, content):
        return RenamingStorage.renamed

    def exists(self, name):
        return False


class ContentAddressedStorage(InMemoryStorage):
    """It names files by their content, and stores each content once."""

    def _save(self, name, content):
        stored = hashlib.sha256(content.read()).hexdigest()
        content.seek(0)
        return stored if self.exists(stored) else super()._save(stored, content)


class OneNameStorage(FileSystemStorage):
    """It overwrites, and has one name for everything."""

    def __init__(self, location):
        super().__init__(location, allow_overwrite=True)

    def get_available_name(self, name, max_length=None):
        return "latest.bin"


class OneNameAzureStorage(AzureStorage):
    """The same on Azure."""

    overwrite_files = True

    def get_available_name(self, name, max_length=None):
        return "latest.bin"


class Choosy:
    """No storage at all."""


class Refusing(Storage):
    """It does not like its options, and says so, with their values."""

    def __init__(self, *, password, region=None):
        if region == "nowhere":
            raise ImproperlyConfigured("there is no such region")
        raise ImproperlyConfigured(f"cannot log in with {password}")


class Quoting(Storage):
    """It repeats what it was given, as messages do: escaped, encoded or cut."""

    def __init__(self, *, secret, how):
        raise ValueError({"repr": repr, "json": json.dumps, "bytes": repr_of_bytes, "port": port_of}[how](secret))


def repr_of_bytes(secret):
    return repr(str(secret).encode())


def port_of(url):
    return urlsplit(url).port


BUILT = []


class Counted(InMemoryStorage):
    """It counts how often it is built."""

    def __init__(self):
        super().__init__()
        # Long enough for other threads to want the storage, too.
        time.sleep(0.1)
        BUILT.append(self)


class ByNameFile(File):
    """It reads and stores by its name, when it is used, as the files of FTP and Dropbox storages do."""

    def __init__(self, name, storage, mode):
        self.name = name
        self.file = io.BytesIO()
        self._storage = storage
        self._mode = mode
        self._is_read = False

    @property
    def size(self):
        return self._storage.size(self.name)

    def read(self, count=-1):
        if not self._is_read:
            self.file = io.BytesIO(self._storage.read(self.name))
            self._is_read = True
        return self.file.read(count)

    def write(self, content):
        return self.file.write(content)

    def close(self):
        if "w" in self._mode and not self.closed:
            self._storage.save(self.name, ContentFile(self.file.getvalue()))
        super().close()


class ByNameStorage(InMemoryStorage):
    """A storage of such files."""

    def read(self, name):
        with super()._open(name) as file:
            return file.read()

    def size(self, name):
        return len(self.read(name))

    def _open(self, name, mode="rb"):
        return ByNameFile(name, self, mode)


class PlainStorage(InMemoryStorage):
    """Its files are Python's, not Django's."""

    def _open(self, name, mode="rb"):
        return io.BytesIO(super()._open(name).read())
