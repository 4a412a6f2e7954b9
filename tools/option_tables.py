"""Write the generated parts of docs/ from the code, or, with --check, say whether they are stale.

A part stands between ``<!-- generated: name -->`` and ``<!-- end -->``. Each option, method and name gets a heading.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import Storage
from pydantic import BaseModel, SecretStr

import storage_router
import storage_router.testing
import storage_router.uploads
from storage_router import AzureStorage, RouterStorage
from storage_router.conf.azure.options import DJANGO_SETTINGS, AzureOptions
from storage_router.conf.django_backends import DjangoBackend, FilesystemBackend
from storage_router.conf.document import (
    RouterDocument,
    StaticOptions,
    TelemetryOptions,
    TenancyOptions,
    TransactionOptions,
)
from storage_router.conf.routes import RouteOptions
from storage_router.conf.sources import SOURCES
from storage_router.conf.table import Table
from storage_router.conf.uploads import UploadOptions, UploadPolicy
from storage_router.files import Capabilities, DirectStore, FileSettings, FileStat

DOCS = Path(__file__).parent.parent / "docs"
PAGES = [DOCS / "azure-storage.md", DOCS / "configuration.md", DOCS / "reference.md"]
PACKAGES = (storage_router, storage_router.uploads, storage_router.testing)
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
# Settings whose names are too general for a link: ``routes: prefix``.
_QUALIFIED = {
    RouteOptions: "routes",
    StaticOptions: "static",
    TelemetryOptions: "telemetry",
    TransactionOptions: "transactions",
    UploadOptions: "uploads",
    UploadPolicy: "policy",
    FilesystemBackend: "filesystem",
}


def _code(value: Any) -> str:
    text = value.get_secret_value() if isinstance(value, SecretStr) else json.dumps(value, ensure_ascii=False)
    return f"`{text}`"


def _default(field: Any) -> str:
    if field.is_required():
        return "Required."
    value = field.default
    if value is None or value in ((), {}, "") or isinstance(value, BaseModel):
        return ""
    return f"Default: {_code(value)}."


def _options(model: type[Table], with_settings: bool = False) -> str:
    qualifier = f"{_QUALIFIED[model]}: " if model in _QUALIFIED else ""
    found = ["\n"]
    for name, (description, examples) in model.documentation().items():
        field = model.model_fields[name]
        # ``true`` where the default is ``false`` tells nobody anything, and the guides show tables.
        told = [one for one in examples if one != field.default and one is not True]
        if model in (RouterDocument, UploadOptions):
            told = [one for one in told if isinstance(one, str | int)]
        facts = [
            _default(field),
            f"Setting: `{DJANGO_SETTINGS[name]}`." if with_settings else "",
            f"Example: {', '.join(map(_code, told[:2]))}." if told else "",
        ]
        found.append(f"### {qualifier}{name}\n\n{description}\n\n{' '.join(filter(None, facts))}".rstrip() + "\n\n")
    return "".join(found)


def _text(documented: Any, paragraphs: int | None = None) -> str:
    """What the docstring says, its code marked up as in these pages."""
    text = "\n\n".join((inspect.getdoc(documented) or "").split("\n\n")[:paragraphs])
    return text.replace("``", "`")


def _signature(function: Callable[..., Any]) -> str:
    signature = inspect.signature(function)
    parameters = [one.replace(annotation=one.empty) for name, one in signature.parameters.items() if name != "self"]
    shown = signature.replace(parameters=parameters, return_annotation=signature.empty)
    returned = signature.return_annotation
    return f"{shown}{'' if returned in (signature.empty, 'None', None) else f' -> {returned}'}"


def _brief(text: str) -> str:
    """The first paragraph, and what is raised: the pages explain the rest once, where people look for it."""
    first, *others = text.split("\n\n")
    return "\n\n".join([first, *(other for other in others if other.startswith("Raises"))])


def _methods(kind: type, documented: type, *also: str) -> str:
    """Each public method and property that the class defines and ``documented`` has not, and those of ``also``. What
    serves uploads only is left out.
    """
    found = ["\n"]
    for name, member in sorted(vars(kind).items()):
        text = _text(member) or (_text(getattr(DirectStore, name)) if hasattr(DirectStore, name) else "")
        if name.startswith("_") or isinstance(member, classmethod) or not text or name in vars(DirectStore):
            continue
        if hasattr(documented, name) and name not in also:
            continue
        if isinstance(member, property):
            found.append(f"### {name}\n\n{_brief(text)}\n\n")
        elif inspect.isfunction(member):
            found.append(f"### {name}()\n\n`{name}{_signature(member)}`\n\n{_brief(text)}\n\n")
    return "".join(found)


def _names(*documented: tuple[str, Any]) -> str:
    found = ["\n"]
    for name, value in documented:
        called = not inspect.isclass(value) and callable(value)
        signature = f"`{name}{_signature(value)}`\n\n" if called else ""
        fields = getattr(value, "_fields", ())
        if dataclasses.is_dataclass(value):
            fields = tuple(field.name for field in dataclasses.fields(value))
        named = f"Fields: {', '.join(f'`{field}`' for field in fields)}.\n\n" if fields else ""
        found.append(f"### {name}{'()' if called else ''}\n\n{signature}{_text(value, 1)}\n\n{named}")
    return "".join(found)


def _public(package: Any) -> Iterator[tuple[str, Any]]:
    yield from ((f"{package.__name__}.{name}", getattr(package, name)) for name in package.__all__)


def _sources() -> str:
    return "".join(f"{number}. {source}\n" for number, (source, _) in enumerate(SOURCES, start=1))


PARTS: dict[str, Callable[[], str]] = {
    "azure": lambda: _options(AzureOptions, with_settings=True),
    "filesystem": lambda: _options(FilesystemBackend),
    "django": lambda: _options(DjangoBackend),
    "route": lambda: _options(RouteOptions),
    "document": lambda: _options(RouterDocument),
    "static": lambda: _options(StaticOptions),
    "tenancy": lambda: _options(TenancyOptions),
    "transactions": lambda: _options(TransactionOptions),
    "telemetry": lambda: _options(TelemetryOptions),
    "uploads": lambda: _options(UploadOptions),
    "policy": lambda: _options(UploadPolicy),
    "azure_methods": lambda: _methods(AzureStorage, Storage, "exists", "save", "url"),
    "router_methods": lambda: _methods(RouterStorage, AzureStorage, "delete", "save", "url"),
    "names": lambda: _names(*(one for package in PACKAGES for one in _public(package))),
    "files": lambda: _names(
        *((f"storage_router.files.{kind.__name__}", kind) for kind in (FileStat, FileSettings, Capabilities))
    ),
    "sources": _sources,
}


if not settings.configured:
    settings.configure()  # REST framework asks for it at import


def current(text: str) -> str:
    """Return ``text`` with every generated part as the code has it now."""
    return _PART.sub(lambda found: f"{found[1]}{PARTS[found[2]]()}{found[3]}", text)


def main(arguments: list[str]) -> int:
    """Write or check the pages; the exit status is 1 where one is stale."""
    stale = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if current(text) != text:
            stale.append(page.name)
            if "--check" not in arguments:
                page.write_text(current(text), encoding="utf-8")
    if "--check" in arguments:
        for name in stale:
            print(f"{name} is stale; run python tools/option_tables.py")
        return int(bool(stale))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
