"""``manage.py storage_router config``: every value that was given and its source, secrets masked (C7, C8)."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.conf import settings
from pydantic import SecretStr

from storage_router.conf.azure.options import DJANGO_SETTINGS, AzureOptions
from storage_router.conf.layers import Origin
from storage_router.conf.loading import DEFAULT
from storage_router.conf.problems import Location, dotted
from storage_router.conf.table import Table
from storage_router.installed import Entry, used
from storage_router.router import RouterStorage

from .subcommand import JSON, STORAGE, Subcommand

MASK = "**********"
"""What stands for a secret."""

_HEADING = ("setting", "value", "source")

# Options of another package's storage, or of azure-core, may hold a secret under any name.
_FOREIGN = frozenset({"client_options", "options"})
_CREDENTIALS_IN_TEXT = re.compile(r"(?i)://[^/\s]*@|\bsig=|accountkey=|sharedaccess|password|secret")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One value. ``path`` leads to it in the document; ``value`` is JSON, masked where it may be a secret."""

    path: Location
    value: Any
    origin: Origin

    @property
    def source(self) -> str:
        """The place of the value; of a file its name only, because its keys are those of the settings."""
        if self.origin.source == "file":
            return self.origin.place.partition(": ")[0]
        return self.origin.place

    @property
    def text(self) -> str:
        """The value for people: texts as they are, null as ``-``, the rest as JSON."""
        if self.value is None:
            return "-"
        return self.value if isinstance(self.value, str) and self.value else json.dumps(self.value, ensure_ascii=False)


class Config(Subcommand):
    """Prints the settings of every storage that has some."""

    help = "Print the settings that were given and their sources, and what they come to; secrets are masked."
    arguments: ClassVar = {
        **STORAGE,
        "--all": {"action": "store_true", "help": "Print settings that were not given, too: the defaults."},
        **JSON,
    }

    def run(self) -> int:
        found = {entry: every for entry in self.entries if (every := list(_settings(entry)))}
        if self.options["storage"] and not found:
            raise self.nothing("has no settings of its own")
        if not self.options["all"]:
            found = {entry: [one for one in every if one.origin != DEFAULT] for entry, every in found.items()}
        if self.options["json"]:
            self.output.json({entry.name: _as_json(entry, given) for entry, given in found.items()})
        elif self.output.is_terminal:
            for entry, given in found.items():
                self._draw(entry, given)
        else:
            rows = []
            for entry, given in found.items():
                prefix = f"{entry.name}:" if len(found) > 1 else ""
                rows += [[prefix + dotted(one.path), one.text, one.source] for one in (*given, *_effective(entry))]
            self.output.table(_HEADING, rows)
        return 0

    def _draw(self, entry: Entry, given: Sequence[Setting]) -> None:
        """Print a table for each backend, and one for the rest of the entry."""
        every = sorted((*given, *_effective(entry)), key=lambda one: _group(one.path) or ("~",))
        for path, members in itertools.groupby(every, key=lambda one: _group(one.path)):
            self.output.heading(" ".join(filter(None, (entry.place, dotted(path)))))
            self.output.table(_HEADING, [[dotted(one.path[len(path) :]), one.text, one.source] for one in members])
        for problem in entry.problems:
            self.output.line()
            self.output.paragraph(f"warning: {problem.place}: {problem.message} ({problem.id})")
            self.output.paragraph(problem.hint, "    ")


def shown(value: Any, path: Sequence[str | int] = ()) -> Any:
    """Return ``value`` as JSON, or a mask: for secrets, and for what below ``options`` may be one."""
    if isinstance(value, SecretStr):
        return MASK
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, tuple | list | set | frozenset):
        return [shown(item, path) for item in value]
    if isinstance(value, Mapping):
        return {str(key): shown(item, (*path, str(key))) for key, item in value.items()}
    if isinstance(value, str | int | float):
        return MASK if not _FOREIGN.isdisjoint(path) or _CREDENTIALS_IN_TEXT.search(str(value)) else value
    # An object, such as a credential or a transport. Its repr may show anything.
    return f"<{type(value).__module__}.{type(value).__qualname__}>"


def _group(path: Location) -> Location:
    return path[:2] if path[0] == "backends" and len(path) > 2 else ()


def _as_json(entry: Entry, given: Sequence[Setting]) -> dict[str, Any]:
    return {
        "settings": [
            {"path": one.path, "value": one.value, "source": one.origin.source, "place": one.origin.place}
            for one in given
        ],
        "effective": {
            dotted(path[1:]) or entry.name: {"endpoint": options.endpoint, "authentication": _authentication(options)}
            for path, options in _azure_options(entry)
        },
        "warnings": [
            {"id": problem.id, "place": problem.place, "message": problem.message, "hint": problem.hint}
            for problem in entry.problems
        ],
    }


def _effective(entry: Entry) -> Iterator[Setting]:
    """Yield the endpoint and the way to authenticate of each Azure backend (O1)."""
    origin = Origin(source="effective", place="effective")
    for path, options in _azure_options(entry):
        facts = _authentication(options)
        text = " ".join(filter(None, (facts["option"], facts["credential"])))
        if facts["unused"]:
            text += f" (not used: {', '.join(facts['unused'])})"
        yield Setting(path=(*path, "endpoint"), value=options.endpoint, origin=origin)
        yield Setting(path=(*path, "authentication"), value=text, origin=origin)


def _azure_options(entry: Entry) -> Iterator[tuple[Location, AzureOptions]]:
    for one in used([entry]):
        if isinstance(one.options, AzureOptions):
            yield (("backends", one.alias) if one.alias else ()), one.options


def _authentication(options: AzureOptions) -> dict[str, Any]:
    given = options.authentication
    return {
        "option": given.option,
        "credential": getattr(given, "name", None),
        "kind": given.kind,
        "unused": list(options.unused),
    }


def _settings(entry: Entry) -> Iterator[Setting]:
    """Yield every setting of a router or of a storage with options."""
    if isinstance(entry.storage, RouterStorage):
        configuration = entry.storage.configuration
        for path, value, is_given in _values(configuration.document, ()):
            yield Setting(path=path, value=value, origin=configuration.origin(path) if is_given else DEFAULT)
        return
    if (options := getattr(entry.storage, "options", None)) is not None:
        for path, value, _ in _values(options, ()):
            yield Setting(path=path, value=value, origin=_origin_of_option(entry, options, str(path[0])))


def _values(value: Any, path: Location, *, is_given: bool = True) -> Iterator[tuple[Location, Any, bool]]:
    """Yield path, masked value and whether it was given of everything in a model, in the order of its fields."""
    if isinstance(value, Table):
        if path and value.type:
            yield (*path, "type"), value.type, is_given
        for name in type(value).model_fields:
            inner = is_given and name in value.model_fields_set
            yield from _values(getattr(value, name), (*path, name), is_given=inner)
    elif isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _values(item, (*path, str(key)), is_given=is_given)
    elif isinstance(value, tuple | list) and any(isinstance(item, Table) for item in value):
        for index, item in enumerate(value):
            yield from _values(item, (*path, index), is_given=is_given)
    else:
        yield path, shown(value, path), is_given


def _origin_of_option(entry: Entry, options: Table, option: str) -> Origin:
    storage: Any = entry.storage
    kind = type(storage).__name__
    if option not in options.model_fields_set:
        return DEFAULT
    if option in settings.STORAGES.get(entry.name, {}).get("OPTIONS", {}):
        return Origin(source="code", place=f"{entry.place}['OPTIONS'][{option!r}]")
    defaults = storage.get_default_settings() if hasattr(storage, "get_default_settings") else {}
    # The constructor of a subclass may have assigned it, too.
    unset = type(options).model_fields[option].default
    if hasattr(type(storage), option) or defaults.get(option, unset) == unset:
        return Origin(source="class attribute", place=f"{kind}.{option}")
    setting = DJANGO_SETTINGS[option]
    if hasattr(settings, setting) and getattr(settings, setting) == defaults[option]:
        return Origin(source="Django setting", place=setting)
    return Origin(source="class attribute", place=f"{kind}.get_default_settings()")
