"""Write the tables of docs/configuration.md from the models, or, with --check, say whether they are stale."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from storage_router.conf.azure.options import DJANGO_SETTINGS, AzureOptions
from storage_router.conf.backends import DjangoBackend, FilesystemBackend, MemoryBackend
from storage_router.conf.document import RouterDocument
from storage_router.conf.routes import RouteOptions
from storage_router.conf.sources import SOURCES
from storage_router.conf.static import StaticOptions
from storage_router.conf.telemetry import TelemetryOptions
from storage_router.conf.transactions import TransactionOptions
from storage_router.conf.uploads import UploadOptions, UploadPolicy

PAGE = Path(__file__).parent.parent / "docs" / "configuration.md"
_TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def _code(value: Any) -> str:
    text = value.get_secret_value() if isinstance(value, SecretStr) else json.dumps(value, ensure_ascii=False)
    return f"`{text}`".replace("|", "\\|")


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None or value in ((), {}, "") or isinstance(value, BaseModel):
        return ""
    return _code(value)


def _options(model: type[BaseModel], settings: bool = False) -> str:
    header = ["option", "default", "for example", "what it is", *(["setting"] if settings else [])]
    rows = [header, ["---"] * len(header)]
    for name, field in model.model_fields.items():
        if name == "type":
            continue
        examples = ", ".join(_code(example) for example in field.examples or ())
        row = [f"`{name}`", _default(field), examples, (field.description or "").replace("|", "\\|")]
        rows.append([*row, f"`{DJANGO_SETTINGS[name]}`"] if settings else row)
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _sources() -> str:
    return "".join(f"{number}. {source}\n" for number, (source, _) in enumerate(SOURCES, start=1))


TABLES = {
    "azure": lambda: _options(AzureOptions, settings=True),
    "filesystem": lambda: _options(FilesystemBackend),
    "memory": lambda: _options(MemoryBackend),
    "django": lambda: _options(DjangoBackend),
    "route": lambda: _options(RouteOptions),
    "document": lambda: _options(RouterDocument),
    "static": lambda: _options(StaticOptions),
    "transactions": lambda: _options(TransactionOptions),
    "telemetry": lambda: _options(TelemetryOptions),
    "uploads": lambda: _options(UploadOptions),
    "policy": lambda: _options(UploadPolicy),
    "sources": _sources,
}


def current(text: str) -> str:
    """Return ``text`` with every table as the models have it now."""
    return _TABLE.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}{found[3]}", text)


def main(arguments: list[str]) -> int:
    """Write or check the page; the exit status is 1 where it is stale."""
    text = PAGE.read_text(encoding="utf-8")
    if "--check" in arguments:
        if current(text) != text:
            print(f"{PAGE.name} is stale; run python tools/option_tables.py")
            return 1
        return 0
    PAGE.write_text(current(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
