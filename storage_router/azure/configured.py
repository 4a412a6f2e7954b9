"""The part of ``AzureStorage`` that is about its options, and what of it is pickled."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

from storage_router.conf.azure.options import SECRETS, AzureOptions
from storage_router.conf.startup import is_reporting, register_check
from storage_router.exceptions import ConfigurationError
from storage_router.historical import DeconstructibleStorage

from . import merging
from .container import Blobs
from .urls import BlobUrls

_OPTIONS = frozenset(AzureOptions.model_fields)

# A location is a part of names, and goes by their rules each time.
_REBUILDING = _OPTIONS - {"location"}

_REMEMBERED = 32
"""Combinations of values that changing options had lately, such as one for each tenant."""


class _Setup:
    """Options, and what is made of them at its first use."""

    def __init__(self, options: AzureOptions, alias: str | None) -> None:
        self.options = options
        self.alias = alias

    def __reduce__(self) -> tuple[Any, ...]:
        return _Setup, (self.options, self.alias)

    @cached_property
    def blobs(self) -> Blobs:
        """The requests of the container."""
        return Blobs(self.options, alias=self.alias)

    @cached_property
    def urls(self) -> BlobUrls:
        """The URLs of its blobs."""
        return BlobUrls(self.options, alias=self.alias)


class _ChangingSetup:
    """The setup of a storage whose options change, made at each use. Others have theirs as an attribute, which costs
    ``url()`` nothing.
    """

    def __get__(self, storage: ConfiguredStorage, _: type[ConfiguredStorage]) -> _Setup:
        return storage._setup_now()


class ConfiguredStorage(DeconstructibleStorage):
    """A storage with ``AzureOptions``, the container's requests and its URLs; the files are ``AzureStorage``'s.

    Options are attributes, too. A subclass may compute one in a property, which is asked each time, or assign one in
    its constructor, before or after this one's.
    """

    alias: str | None

    _computed: ClassVar[tuple[str, ...]] = ()
    _changing: tuple[str, ...] = ()
    _setup = _ChangingSetup()
    _recent: tuple[tuple[Mapping[str, Any], _Setup], ...] = ()
    _invalid: ConfigurationError | None = None

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        of_class = {option: inspect.getattr_static(cls, option, None) for option in _REBUILDING}
        cls._computed = tuple(option for option, found in of_class.items() if isinstance(found, property))

    def __init__(self, **options: Any) -> None:
        defaults = self.get_default_settings()
        for name in defaults.keys() - _OPTIONS:
            # A subclass's own, which is none of ours.
            if name in options:
                setattr(self, name, options.pop(name))
            elif not hasattr(self, name):
                setattr(self, name, defaults[name])
        known = {option: value for option, value in defaults.items() if option in _OPTIONS}
        try:
            merged = merging.merged(self, options, known)
        except ConfigurationError as error:
            if not is_reporting():
                raise
            # Models, which may build a storage, are imported before checks run: it raises when it is used.
            register_check(error)
            self._invalid = error
            for option in _OPTIONS - set(SECRETS) - set(dir(type(self))):
                setattr(self, option, options.get(option, known.get(option, AzureOptions.model_fields[option].default)))
        else:
            self._configure(merged, alias=None, changing=self._computed)

    @classmethod
    def from_options(cls, options: AzureOptions, *, alias: str | None = None) -> Self:
        """Return a storage with just these options, whatever the settings and class attributes say."""
        storage = cls.__new__(cls)
        storage._configure(options, alias=alias)
        storage._has_arguments = True
        return storage

    def _configure(self, options: AzureOptions, *, alias: str | None, changing: tuple[str, ...] = ()) -> None:
        self.alias = alias
        for option in _OPTIONS - set(SECRETS):
            # A subclass may compute an option in a property, which takes no value.
            with suppress(AttributeError):
                setattr(self, option, getattr(options, option))
        self.account_name = options.resolved_account_name
        self._first_setup = _Setup(options, alias)
        self._changing = changing
        if not changing:
            vars(self)["_setup"] = self._first_setup

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in _REBUILDING and "_first_setup" in vars(self) and name not in self._changing:
            self._changing = (*self._changing, name)
            vars(self).pop("_setup", None)

    @property
    def options(self) -> AzureOptions:
        """The options as they are now. Raises ``ConfigurationError`` where one was given a wrong value since."""
        return self._setup.options

    def _setup_now(self) -> _Setup:
        if self._invalid is not None:
            raise ConfigurationError(self._invalid.problems)
        values = {option: getattr(self, option) for option in self._changing}
        for known, setup in self._recent:
            if known == values:
                return setup
        setup = _Setup(merging.changed(self, self._first_setup.options, values), self.alias)
        self._recent = ((values, setup), *self._recent[: _REMEMBERED - 1])
        return setup

    @property
    def _blobs(self) -> Blobs:
        return self._setup.blobs

    if TYPE_CHECKING:

        def __getattr__(self, option: str) -> Any: ...

    def get_default_settings(self) -> dict[str, Any]:
        """Return the options that the ``AZURE_*`` settings give.

        Subclasses may replace them, and add names of their own, which become attributes and arguments of the
        constructor.
        """
        return merging.from_settings()

    def __repr__(self) -> str:
        alias = f" {self.alias!r}" if self.alias else ""
        return f"<{type(self).__name__}{alias} {self.options.endpoint}/{self.options.azure_container}/{self._prefix}>"

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "_recent"}
