"""``manage.py storage_router config``: every value and the source it came from, secrets masked (C8)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from django.core.management.base import CommandError, CommandParser

from storage_router.conf.merging import Origin
from storage_router.installed import Entry
from storage_router.management.output import Output
from storage_router.management.settings_view import Setting, authentications, dotted, settings_of

from . import selection

HELP = "Print every setting, its value and the source it came from; secrets are masked."
_HEADING = ("setting", "value", "source")
_DERIVED = Origin(source="derived", place="derived from the above")


def add_arguments(parser: CommandParser) -> None:
    """Add the arguments."""
    selection.add_arguments(parser)
    parser.add_argument("--given", action="store_true", help="Leave out what no source gave: it has its default.")
    parser.add_argument("--json", action="store_true", help="Print JSON.")


def run(output: Output, options: Mapping[str, Any]) -> int:
    """Print the settings of every entry of ``STORAGES`` that has some."""
    entries = selection.sound_entries(options)
    if options["storage"] and not options["json"] and not settings_of(entries[0]):
        message = f"STORAGES[{options['storage']!r}] has no settings of its own: {selection.whose(entries[0])}"
        raise CommandError(message, returncode=selection.UNUSABLE)
    found = [
        (entry, [setting for setting in settings_of(entry) if setting.is_given or not options["given"]])
        for entry in entries
    ]
    found = [(entry, settings) for entry, settings in found if settings]
    if options["json"]:
        output.json({entry.name: _as_json(entry, settings) for entry, settings in found})
    elif output.is_terminal:
        for entry, settings in found:
            _draw(output, entry, settings)
    else:
        rows = [
            [f"{_prefix(entry, len(found))}{setting.name}", text(setting.value), setting.source]
            for entry, settings in found
            for setting in (*settings, *_derived(entry))
        ]
        output.table(_HEADING, rows)
    return 0


def text(value: Any) -> str:
    """Return a value as people read it: texts as they are, nothing as ``-``, the rest as JSON."""
    if value is None:
        return "-"
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _as_json(entry: Entry, settings: Iterable[Setting]) -> dict[str, Any]:
    return {
        "settings": [
            {"path": it.path, "value": it.value, "source": it.origin.source, "place": it.origin.place}
            for it in settings
        ],
        "authentication": {dotted(path[1:]) or entry.name: facts for path, facts in authentications(entry).items()},
        "warnings": [
            {"id": problem.id, "place": problem.place, "message": problem.message, "hint": problem.hint}
            for problem in entry.problems
        ],
    }


def _draw(output: Output, entry: Entry, settings: Iterable[Setting]) -> None:
    """Print a table for each backend, and one for everything else of its kind."""
    derived = {setting.path[:-1]: setting for setting in _derived(entry)}
    for path, group in groupby(settings, key=lambda setting: _group(setting.path)):
        members = list(group)
        members += [derived[path]] if path in derived else []
        rows = [[dotted(it.path[len(path) :]), text(it.value), it.source] for it in members]
        faint = {number for number, it in enumerate(members) if not it.is_given}
        title = f"STORAGES[{entry.name!r}]" + (f" {dotted(path)}" if path else "")
        output.table(_HEADING, rows, title=title, faint=faint)
    for problem in entry.problems:
        output.line()
        output.line(f"warning: {problem.place}: {problem.message} ({problem.id})")
        output.line(f"    {problem.hint}")


def _group(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    return path[:2] if path[0] in ("backends", "routes") and len(path) > 2 else ()


def _derived(entry: Entry) -> list[Setting]:
    """Return, for each Azure backend, which of its options authenticates (O1)."""
    return [
        Setting(
            path=(*path, "authentication"),
            value=(f"{facts['option']} {facts['credential']}" if facts["credential"] else facts["option"])
            + (f" (not used: {', '.join(facts['unused'])})" if facts["unused"] else ""),
            origin=_DERIVED,
        )
        for path, facts in authentications(entry).items()
    ]


def _prefix(entry: Entry, entries: int) -> str:
    return f"{entry.name}:" if entries > 1 else ""
