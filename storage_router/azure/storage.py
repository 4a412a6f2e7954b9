"""``AzureStorage``: one container as a Django storage."""

from __future__ import annotations

import datetime as dt
import inspect
import itertools
import logging
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings as django_settings
from django.core.files.base import File
from django.core.files.storage import Storage
from django.core.files.utils import validate_file_name
from pydantic import SecretStr

from storage_router import events
from storage_router.conf.azure import rules
from storage_router.conf.azure.options import SECRETS, AzureOptions
from storage_router.conf.problems import is_reporting, problem, register_check, validated
from storage_router.exceptions import (
    BlobError,
    BlobExistsError,
    BlobNotFoundError,
    BlobPermissionError,
    ConfigurationError,
    InvalidNameError,
)
from storage_router.files import (
    Capabilities,
    Directory,
    FileSettings,
    FileSource,
    FileStat,
    FileStore,
    ListingPage,
    Reading,
    overrides,
)
from storage_router.names import (
    MAX_LENGTH,
    BlobName,
    CleanName,
    blob_name,
    check_blob_name,
    clean_directory,
    clean_name,
    is_clean,
    quoted,
    refuse_traversal,
)
from storage_router.references import DeconstructibleStorage

from .precedence import OPTIONS, changed, default_settings, merged, require_used
from .urls import BlobUrls

if TYPE_CHECKING:
    from .container import Blobs
    from .file import AzureFile
    from .protocol import Write
    from .upload import Upload

logger = logging.getLogger("storage_router")

_REBUILDING = OPTIONS - {"location"}
"""The options that requests and URLs depend on. A location is a part of names, and is validated with each of them."""

_REMEMBERED = 32
"""Combinations of values that changing options had lately, such as one for each tenant."""

_MOST_TAKEN = 10
"""Names that a save finds taken before it gives up, if ``timeout`` has passed, too."""

_LINK_SECS = 300
"""How long the service may take to begin with a copy."""

_DIRECTORY_ENDS = "/\\"
"""What ends the name of a directory, as does nothing at all: the empty string is in every string."""


class Setup:
    """Options, and what is made of them at its first use.

    What sends requests is imported with the first one: a process that only makes URLs starts without it.
    """

    def __init__(self, options: AzureOptions, alias: str | None) -> None:
        self.options = options
        self.alias = alias

    @cached_property
    def blobs(self) -> Blobs:
        from .container import Blobs

        return Blobs(self.options, alias=self.alias)

    @cached_property
    def urls(self) -> BlobUrls:
        return BlobUrls(self.options, alias=self.alias)


class AzureStorage(DeconstructibleStorage):
    """Files in one container, below ``location``. Thread-safe; building one makes no request and loads nothing of
    the SDK.

    Options come from the constructor, else from attributes of a subclass, else from
    ``get_default_settings()``. Each but the secrets is an attribute of the instance. A subclass may compute one in a
    property, which is asked each time, or assign one in its constructor, before or after this one's. ``alias`` is the
    backend's name in a router's configuration, None outside of one.

    Raises ``ConfigurationError`` with every problem. The methods raise ``BlobError`` and its kinds, which are Python's
    own errors for files, and ``InvalidNameError`` for names, before any request.
    """

    _import_path = "storage_router.AzureStorage"

    alias: str | None = None

    is_attachment: Callable[[str, str], bool] | None = None
    """Tells, from a file's name and media type, whether it is stored with ``Content-Disposition: attachment``."""

    unused_hooks: ClassVar[tuple[str, ...]] = ()
    """Hooks of django-storages, and attributes that look like misspelt options, that a subclass has on purpose."""

    # What a class overrides is decided once.
    _computed: ClassVar[tuple[str, ...]] = ()
    _stores_itself: ClassVar[bool] = False
    _names_itself: ClassVar[bool] = False

    _setup: Setup | None = None
    _changing: tuple[str, ...] = ()
    _recent: tuple[tuple[Mapping[str, Any], Setup], ...] = ()
    _invalid: ConfigurationError | None = None
    # The last location and the prefix that it makes: a location is almost always the same, but may be a property.
    _known_prefix: tuple[str, str] = ("", "")

    if TYPE_CHECKING:

        def __getattr__(self, option: str) -> Any: ...

    # Options

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        of_class = {option: inspect.getattr_static(cls, option, None) for option in OPTIONS}
        cls._computed = tuple(option for option, found in of_class.items() if isinstance(found, property))
        cls._stores_itself = overrides(cls, AzureStorage, "_save")
        cls._names_itself = overrides(cls, AzureStorage, "exists", "is_name_available", "get_available_name")

    def __init__(self, **options: Any) -> None:
        defaults = self.get_default_settings()
        for name in defaults.keys() - OPTIONS:
            # A setting that only the subclass has.
            if name in options:
                setattr(self, name, options.pop(name))
            elif not hasattr(self, name):
                setattr(self, name, defaults[name])
        try:
            require_used(type(self), AzureStorage, defaults)
            found = merged(self, options, defaults)
        except ConfigurationError as error:
            if not is_reporting():
                # The variables of these frames, and two of this one, have secrets in clear.
                traceback.clear_frames(error.__traceback__)
                options = defaults = {}
                raise
            # Models, which may build a storage, are imported before checks run: it raises when it is used.
            register_check(error)
            self._invalid = error
            for option in OPTIONS - set(SECRETS) - set(dir(type(self))):
                setattr(self, option, options.get(option, defaults.get(option)))
        else:
            self._configure(found, alias=None)
            self._changing = tuple(option for option in self._computed if option in _REBUILDING)

    @classmethod
    def from_options(cls, options: AzureOptions, *, alias: str | None = None) -> Self:
        """Return a storage with just these options, whatever the settings and class attributes say."""
        storage = cls.__new__(cls)
        storage._configure(options, alias=alias)
        storage._has_arguments = True
        return storage

    def _configure(self, options: AzureOptions, *, alias: str | None) -> None:
        self.alias = alias
        for option in OPTIONS - set(SECRETS):
            # A subclass may compute an option in a property, which takes no value.
            with suppress(AttributeError):
                setattr(self, option, getattr(options, option))
        self.account_name = options.resolved_account_name
        self._options = options
        self._setup = Setup(options, alias)

    def get_default_settings(self) -> dict[str, Any]:
        """Return each option with the value of its ``AZURE_*`` setting, else with its default.

        Subclasses may replace them, and add names of their own, which become attributes and arguments of the
        constructor.
        """
        return default_settings()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in _REBUILDING and self._setup is not None and name not in self._changing:
            self._changing = (*self._changing, name)

    @property
    def options(self) -> AzureOptions:
        """The options as they are now. Raises ``ConfigurationError`` where one was given a wrong value since."""
        return self._now().options

    def _now(self) -> Setup:
        setup = self._setup
        if setup is None:
            raise ConfigurationError(self._invalid.problems if self._invalid else ())
        if not self._changing:
            return setup
        values = {option: getattr(self, option) for option in self._changing}
        for known, found in self._recent:
            if known == values:
                return found
        try:
            found = Setup(changed(self, setup.options, values), self.alias)
        except ConfigurationError as error:
            # An assigned secret is in them in clear.
            traceback.clear_frames(error.__traceback__)
            values = {}
            raise
        self._recent = ((values, found), *self._recent[: _REMEMBERED - 1])
        return found

    def _is_changed(self) -> bool:
        """Return whether options were assigned after the storage was built."""
        if self._setup is None:
            return False
        moved = "location" not in self._computed and self.location != self._options.location
        if not moved and all(option in self._computed for option in self._changing):
            return False
        if self._has_arguments:
            return True
        # The constructor of a subclass may assign options after it called ours.
        fresh = type(self)()
        return bool(fresh.options != self.options or fresh.location != self.location)

    def __repr__(self) -> str:
        try:
            alias = f" {self.alias!r}" if self.alias else ""
            place = f"{self.options.endpoint}/{self.options.azure_container}/{self._prefix}"
        except (AttributeError, ConfigurationError):
            # Error reports show storages whose options were refused, too.
            return f"<{type(self).__name__}, not configured>"
        return f"<{type(self).__name__}{alias} {place}>"

    # Copies and pickles

    def __getstate__(self) -> dict[str, Any]:
        # What a copy or a pickle makes of its options is its own, and so is its alias: it has none.
        return {
            key: value for key, value in super().__getstate__().items() if key not in ("alias", "_setup", "_recent")
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if "_options" in state:
            self._setup = Setup(self._options, None)

    # Names

    @property
    def _prefix(self) -> str:
        location, prefix = self._known_prefix
        if self.location != location:
            location = self.location
            if not isinstance(location, str):
                # Such as None from a property that knows of no tenant: not the root, where everybody's files are.
                message = f"the value ({type(location).__name__}) is not a directory in a container"
                found = problem("E003", f"{type(self).__name__}.location", message, "Return a string; '' is the root.")
                raise ConfigurationError([found])
            cleaned = clean_directory(location.strip("/"))
            prefix = f"{cleaned}/" if cleaned else ""
            self._known_prefix = (location, prefix)
        return prefix

    def blob_name(self, name: str | None) -> str:
        """Return the name of the file's blob in the container. Raises ``InvalidNameError``."""
        return blob_name(self._prefix, name)

    def _blob(self, name: object) -> BlobName:
        cleaned = clean_name(name)
        blob = BlobName(blob_name(self._prefix, cleaned))
        blob.file = str(cleaned)
        return blob

    @property
    def _blobs(self) -> Blobs:
        return self._now().blobs

    def _directory(self, path: str) -> str:
        cleaned = clean_directory(path)
        if not cleaned:
            return self._prefix
        check_blob_name(f"{self._prefix}{cleaned}")
        return f"{self._prefix}{cleaned}/"

    @events.observed
    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """Return a name that is free now, with at most ``max_length`` characters. ``save`` does without asking."""
        refuse_traversal(name)
        cleaned = clean_name(name)
        return str(super().get_available_name(str(cleaned), max_length=self._longest(cleaned, max_length)))

    @events.observed
    def is_name_available(self, name: str, max_length: int | None = None) -> bool:
        """Return whether ``save`` would take the name: it is short enough, and free or may be overwritten."""
        if max_length and len(name) > max_length:
            return False
        if self._now().options.overwrite_files:
            return True
        # A directory may have the name of a file; a subclass that overrides exists() decides itself.
        exists = self.exists if overrides(type(self), AzureStorage, "exists") else self._is_file
        return not exists(name)

    def get_alternative_name(self, file_root: str, file_ext: str) -> str:
        """Return another name for a file whose name is taken, or the same name where files are overwritten."""
        if self._now().options.overwrite_files:
            return f"{file_root}{file_ext}"
        return str(super().get_alternative_name(file_root, file_ext))

    def _longest(self, name: CleanName, max_length: int | None) -> int:
        """Return how long a name may get. One that is too long itself is cut only where the caller sets a length."""
        limit = MAX_LENGTH - len(self._prefix)
        return min(max_length, limit) if max_length else max(limit, len(name))

    def _names_by_hooks(self, name: str, max_length: int | None = None) -> Iterator[CleanName]:
        while True:
            yield clean_name(self.get_available_name(name, max_length=max_length))

    # Django's storage interface

    @events.observed
    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        """Store ``content`` under ``name`` or, if that is taken, a free name like it; return the name.

        Small content is one request. Content is read from its beginning, where it can be.
        """
        if self._stores_itself:
            return str(super().save(name, content, max_length=max_length))
        if name is None:
            name = content.name
        if self._names_itself:
            validate_file_name(name, allow_relative_path=True)
            return self._store(self._names_by_hooks(str(name), max_length), content)
        try:
            cleaned = clean_name(name)
        except InvalidNameError:
            # Django's words for what Django refuses, too. Its check takes as long as a signature.
            validate_file_name(name, allow_relative_path=True)
            raise
        longest = self._longest(cleaned, max_length)
        return self._store(_candidates(cleaned, longest, self.get_alternative_name), content)

    def _save(self, name: str, content: Any) -> str:
        return self._store(itertools.chain((clean_name(name),), self._names_by_hooks(name)), content)

    def _store(self, names: Iterator[CleanName], content: Any) -> str:
        """Store ``content`` under the first of ``names`` that is free."""
        from .protocol import Write

        options = self._now().options
        if not hasattr(content, "chunks"):
            content = File(content)
        name = next(names)
        # Before the content is read.
        blob = self._blob(name)
        give_up = time.monotonic() + options.timeout
        with self._upload(content) as upload:
            for taken in itertools.count(1):
                try:
                    stored_with = self.blob_settings(blob.file, content)
                    upload.put(blob, stored_with, Write(overwrite=options.overwrite_files))
                except BlobExistsError:
                    if options.overwrite_files or (taken >= _MOST_TAKEN and time.monotonic() >= give_up):
                        raise
                    following = next(names)
                    if following == name:
                        raise
                    name, blob = following, self._blob(following)
                else:
                    break
        return blob.file

    def _upload(self, content: Any) -> Upload:
        from .upload import Upload

        setup = self._now()
        copied = None
        source: FileSource | None = getattr(content, "file_source", None)
        if source is not None and isinstance(source.store, AzureStorage):
            store = source.store
            # A SAS of the storage's own may read more than this blob, and readers of copies may see it.
            if store.options.endpoint == setup.options.endpoint and store._can_sign():
                copied = store._link(source.name, source.size), source
        return Upload(setup.blobs, content, copied=copied)

    @events.observed
    def _open(self, name: str, mode: str = "rb") -> AzureFile:
        from .file import AzureFile, Source

        blob = self._blob(name)
        source = Source(
            blobs=self._blobs,
            blob=blob,
            name=str(name),
            settings=partial(self.blob_settings, blob.file),
            opened=events.current(),
        )
        return AzureFile(mode, source)

    @events.observed
    def delete(self, name: str, *, if_match: str | None = None) -> None:
        """Delete the file. One that does not exist is no error."""
        if not name:
            raise ValueError("The name must be given to delete().")
        self._blobs.delete(self._blob(name), if_match=if_match)

    @events.observed
    def exists(self, name: str) -> bool:
        """Return whether there is such a file, or a directory: that takes a second request. ``""`` is the root; a name
        that ends in a slash is a directory's.

        There is no directory where the service refuses to list it.
        """
        if name == "":
            return True
        if not str(name).endswith(("/", "\\")) and self._is_file(name):
            return True
        try:
            return next(self._blobs.list(self._directory(name), page_size=1), None) is not None
        except BlobPermissionError:
            return False

    def _is_file(self, name: str) -> bool:
        try:
            self.stat(name)
        except BlobNotFoundError:
            return False
        return True

    @events.observed
    def listdir(self, path: str = "") -> tuple[list[str], list[str]]:
        """Return the names of the directories and of the files directly below ``path``."""
        prefix = self._directory(path)
        directories: dict[str, None] = {}
        files: list[str] = []
        for entry in self._blobs.list(prefix, delimiter="/"):
            name = entry.name[len(prefix) :]
            # The entire name: "a:" alone would be taken for a drive.
            if not name or not _is_reachable(entry.name[len(self._prefix) :]):
                continue
            if isinstance(entry, Directory):
                directories[name] = None
            else:
                files.append(name)
        return list(directories), files

    @events.observed
    def size(self, name: str) -> int:
        return self.stat(name).size

    def url(
        self,
        name: str | None,
        expire: float | dt.timedelta | None = None,
        parameters: Mapping[str, str | None] | None = None,
        mode: str = "r",
    ) -> str:
        """Return the file's URL: public, or signed where ``expire`` or ``expiration_secs`` say for how many seconds.

        ``parameters`` are response headers of a signed URL, ``mode`` is its permission (``r``, ``w``, ``c``, ``d``
        …). A name that ends in a slash, and ``""``, is a directory, whose URL is never signed.
        """
        setup = self._now()
        if name is None or str(name)[-1:] in _DIRECTORY_ENDS:
            return setup.urls.public_url(self._directory(name or ""))
        expire = setup.options.expiration_secs if expire is None else expire
        try:
            return setup.urls.url(name, prefix=self._prefix, expire=expire, parameters=parameters, permission=mode)
        except BlobError as error:
            error.filename = name
            raise

    def public_url(self, name: str) -> str:
        """Return the file's URL without a signature. No request is made."""
        return self._now().urls.public_url(self.blob_name(name))

    @events.observed
    def get_modified_time(self, name: str) -> dt.datetime:
        """Return when the file was stored: aware in UTC with ``USE_TZ``, else naive in the system's zone."""
        return _for_django(self.stat(name).modified)

    @events.observed
    def get_created_time(self, name: str) -> dt.datetime:
        """Return when a file of this name was first stored; as ``get_modified_time``."""
        stat = self.stat(name)
        return _for_django(stat.created or stat.modified)

    def get_accessed_time(self, name: str) -> dt.datetime:
        raise NotImplementedError("Azure Blob Storage does not tell when a blob was last read.")

    # What is stored with a file

    def get_object_parameters(self, name: str) -> dict[str, Any]:  # noqa: ARG002 - for subclasses
        """Return what to store with a file besides its bytes: ``object_parameters``, unless a subclass overrides this.

        Content settings by name, and ``metadata``, ``tags`` and ``access_tier``. ``name`` is the storage's name for
        the file.
        """
        return dict(self._now().options.object_parameters)

    def blob_settings(self, name: str, content: Any = None) -> FileSettings:
        """Return what ``content`` would be stored with under ``name`` besides its bytes.

        What ``get_object_parameters`` returns wins over the options. Where neither has a content type, the name decides
        by the package's own table, then the upload, then ``default_content_type``. No Content-Encoding is guessed: a
        ``.gz`` file is read as it was saved.

        Raises ``ValueError`` for a parameter that Azure does not know or cannot store.
        """
        from storage_router import media_types
        from storage_router.conf.azure.parameters import BlobParameters

        options, parameters = self._now().options, self.get_object_parameters(name)
        try:
            given = validated(BlobParameters, parameters).model_dump(exclude_unset=True) if parameters else {}
        except ConfigurationError as error:
            wrong = "; ".join(f"{one.place}: {one.message}" for one in error.problems)
            raise ValueError(f"get_object_parameters({name!r}): {wrong}") from None
        found: dict[str, Any] = {"cache_control": options.cache_control, "metadata": options.metadata}
        found |= {"tags": options.tags, "access_tier": options.access_tier} | given
        content_type = found.get("content_type") or media_types.content_type(name) or _uploaded_type(content)
        found["content_type"] = content_type or options.default_content_type
        if self.is_attachment is not None and self.is_attachment(name, found["content_type"]):
            found["content_disposition"] = "attachment"
        return FileSettings(**found)

    # Beyond Django's interface: storage_router.files.FileStore, copy and move

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            parallel=True, conditional=True, lists=True, settings=True, signs=self._can_sign(), copies=True
        )

    def _can_sign(self) -> bool:
        return self._now().options.authentication.kind in ("account_key", "token")

    @events.observed
    def stat(self, name: str) -> FileStat:
        return self._blobs.head(self._blob(name))

    def walk(self, path: str = "", *, start: str = "") -> Iterator[FileStat]:
        """Return an iterator over every file below ``path``, at any depth, in constant memory. Names are full."""
        entries = self._walk(self._blobs, self._directory(path), self._prefix, start)
        return events.steps(entries, "walk", alias=self.alias, file=path)

    @staticmethod
    def _walk(blobs: Blobs, directory: str, prefix: str, start: str) -> Iterator[FileStat]:
        first = prefix + start
        if first <= directory:
            first = ""
        elif not first.startswith(directory):
            # All of the directory comes before it.
            return
        for entry in blobs.list(directory, start_from=first):
            if isinstance(entry, FileStat) and _is_reachable(name := entry.name[len(prefix) :]):
                yield entry.named(name) if prefix else entry

    @events.observed
    def page(self, path: str = "", *, limit: int = 100, marker: str = "") -> ListingPage:
        """Return up to ``limit`` entries directly below ``path``, from the service's ``marker`` on; one request."""
        found = self._blobs.page(self._directory(path), limit=limit, marker=marker)
        skipped = len(self._prefix)
        named = [entry._replace(name=entry.name[skipped:]) for entry in found.entries]
        return found._replace(entries=tuple(entry for entry in named if _is_reachable(entry.name)))

    @events.observed
    def tags_of(self, name: str) -> dict[str, str]:
        """Return the tags of the file. They need a permission of their own."""
        return self._blobs.tags(self._blob(name))

    @events.observed
    def read(
        self,
        name: str,
        start: int = 0,
        length: int | None = None,
        *,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Reading:
        """Return the bytes from ``start`` on, ``length`` of them at most; one request, which stays open for them. There
        are none, and it is no error, where ``start`` is at or beyond the end: that takes a second request.

        Raises ``BlobChangedError`` where the blob's ETag is another than ``if_match``, and ``FileNotModifiedError``
        where it is still ``if_none_match``.
        """
        return self._blobs.stream(self._blob(name), start, length, if_match=if_match, if_none_match=if_none_match)

    @events.observed
    def create(
        self, name: str, content: Any, settings: FileSettings | None = None, *, save_id: str | None = None
    ) -> FileStat:
        """Store ``content`` under exactly this name. Raises ``BlobExistsError`` where the name is taken."""
        from .protocol import Write

        return self._put(name, content, settings, Write(save_id=save_id))

    @events.observed
    def replace(
        self,
        name: str,
        content: Any,
        settings: FileSettings | None = None,
        *,
        if_match: str | None = None,
        save_id: str | None = None,
    ) -> FileStat:
        """Store ``content`` under exactly this name, or only in place of that ETag (``BlobChangedError``)."""
        from .protocol import Write

        write = Write(overwrite=if_match is None, if_match=if_match, save_id=save_id)
        return self._put(name, content, settings, write)

    def _put(self, name: str, content: Any, settings: FileSettings | None, write: Write) -> FileStat:
        blob = self._blob(name)
        if not hasattr(content, "chunks"):
            content = File(content)
        with self._upload(content) as upload:
            return upload.put(blob, settings or self.blob_settings(blob.file, content), write)

    @events.observed
    def copy_from(
        self,
        name: str,
        source: FileStore,
        source_name: str,
        *,
        version: FileStat | None = None,
        if_match: str | None = None,
        overwrite: bool = False,
    ) -> FileStat:
        """Copy a file of another store to ``name``: on the server where the source is on Azure and its storage can
        sign a link or is public, otherwise through here.

        Headers, metadata, tags, an access tier that was set and ``save_id`` are the source's; a source that keeps none,
        such as a directory, gives the copy those of a new file. A file whose tags may not be read or written is copied
        without them. Without ``overwrite`` or ``if_match`` a taken name is ``BlobExistsError``; a source with another
        ETag than that of ``version`` is ``FileChangedError``.
        """
        from .protocol import Write

        blob = self._blob(name)
        write = Write(overwrite=overwrite and if_match is None, if_match=if_match)

        def attempt(*, tagged: bool) -> FileStat:
            if isinstance(source, AzureStorage) and (source is self or source.options.authentication.kind != "sas"):
                known = version or source.stat(source_name)
                tags: Mapping[str, str] = source.tags_of(source_name) if tagged and known.tag_count else {}
                link = self.blob_name(source_name) if source is self else source._link(source_name, known.size)
                stored = self._blobs.copy(blob, link, known, tags, write)
                if stored is not None:
                    return stored
            with source.read(source_name, if_match=version.etag if version else None) as reading:
                stat, settings = reading.stat, None
                if source.capabilities.settings:
                    tags = source.tags_of(source_name) if tagged and stat.tag_count else {}
                    settings = stat.settings()._replace(tags=tags)
                return self._put(name, reading.file(), settings, write._replace(save_id=stat.save_id))

        try:
            return attempt(tagged=True)
        except BlobPermissionError:
            # Many roles may read and write blobs, but not tags. If it was something else, this says so.
            found = attempt(tagged=False)
        logger.warning("%s was copied without its tags: a credential may not read or write tags.", name)
        return found

    def _link(self, name: str, size: int) -> SecretStr:
        """Return a URL by which the service may read a file to copy it: never this storage's own SAS.

        Azure shows it to those who read the copy, so it ends soon.
        """
        if not self._can_sign():
            return SecretStr(self._now().urls.api + quoted(self.blob_name(name)))
        from .container import COPIED_PER_SECOND

        return SecretStr(self.sign(name, _LINK_SECS + size // COPIED_PER_SECOND))

    def sign(
        self,
        name: str,
        seconds: float,
        parameters: Mapping[str, str | None] | None = None,
        *,
        custom_domain: bool = False,
    ) -> str:
        """Return a link for reading the file that ends after ``seconds``, without a window, with ``parameters`` as the
        response headers: at the service itself, or at ``custom_domain``.

        Raises ``NotImplementedError`` for a SAS and for anonymous access.
        """
        if not self._can_sign():
            raise NotImplementedError(f"{self!r} has no credential that can sign URLs.")
        return self._now().urls.sign(self._blob(name), seconds, parameters, custom_domain=custom_domain)

    # Uploads by others: storage_router.files.DirectStore

    def ticket(self, name: str, seconds: float) -> str:
        return self._now().urls.ticket(self._blob(name), seconds)

    @events.observed
    def staged(self, name: str) -> list[str]:
        return list(self._blobs.uncommitted(self._blob(name)))

    @events.observed
    def uploaded(self, name: str) -> FileStat:
        return self._blobs.uploaded(self._blob(name))

    @events.observed
    def discard(self, name: str) -> None:
        self._blobs.discard(self._blob(name))

    def leftovers(self, path: str = "") -> Iterator[str]:
        length = len(self._prefix)
        names = (name[length:] for name in self._blobs.leftovers(self._directory(path)))
        return events.steps(names, "leftovers", alias=self.alias, file=path)

    @events.observed
    def copy(self, src: str, dst: str) -> str:
        """Copy a file within the container, on the server; return ``dst``. Raises ``BlobExistsError`` if ``dst`` is
        taken.

        With ``overwrite_files`` the copy replaces it.
        """
        self._copy(src, dst)
        return str(clean_name(dst))

    @events.observed
    def move(self, src: str, dst: str) -> str:
        """Copy a file on the server, then delete the original; otherwise as ``copy``.

        Raises ``BlobChangedError`` if the original was overwritten after it was copied: both files are there then.
        """
        copied = self._copy(src, dst)
        if clean_name(src) != clean_name(dst):
            # Not by delete(), which a subclass may override as Django has it, without a condition.
            self._blobs.delete(self._blob(src), if_match=copied.etag)
        return str(clean_name(dst))

    def _copy(self, src: str, dst: str) -> FileStat:
        self.blob_name(dst)  # before any request
        # With the id of the original, a second copy would pass for the first one.
        found = self.stat(src)._replace(save_id=None)
        self.copy_from(dst, self, src, version=found, overwrite=self._now().options.overwrite_files)
        return found


def _uploaded_type(content: Any) -> str | None:
    """Return the content type that an upload came with, if it can be sent: a browser chose it."""
    for source in (content, getattr(content, "file", None)):
        claimed = getattr(source, "content_type", None)
        if claimed and isinstance(claimed, str):
            try:
                return rules.media_type(claimed)
            except ValueError:
                return None
    return None


class _Untaken(Storage):
    """Django's ``get_available_name`` over the names that are known to be taken, instead of over requests."""

    def __init__(self, taken: set[str], alternative: Callable[[str, str], str]) -> None:
        self._taken = taken
        self._alternative = alternative

    def exists(self, name: str) -> bool:
        return name in self._taken

    def get_alternative_name(self, file_root: str, file_ext: str) -> str:
        return self._alternative(file_root, file_ext)


def _candidates(name: CleanName, longest: int, alternative: Callable[[str, str], str]) -> Iterator[CleanName]:
    """Yield names for a file, ``name`` or what is left of it first. Ask for the next one only when the last is taken.

    Raises Django's ``SuspiciousFileOperation`` when ``longest`` leaves no room for another name.
    """
    taken: set[str] = set()
    if len(name) <= longest:
        yield name
        taken.add(name)
    untaken = _Untaken(taken, alternative)
    while True:
        candidate = clean_name(untaken.get_available_name(str(name), max_length=longest))
        yield candidate
        taken.add(candidate)


def _is_reachable(name: str) -> bool:
    """Return whether a storage accepts ``name``: other programs store blobs as ``a//b``, ``a/`` and ``a.``."""
    try:
        check_blob_name(name)
    except InvalidNameError:
        return False
    return is_clean(name)


def _for_django(moment: dt.datetime | None) -> dt.datetime:
    assert moment is not None  # only other storages may not know
    zone = dt.UTC if django_settings.USE_TZ else None
    return dt.datetime.fromtimestamp(moment.timestamp(), tz=zone)
