"""The JSON Schemas, generated from the models: of the document, and of the options of ``AzureStorage`` (C9)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .azure.options import SECRETS, AzureOptions
from .backends import BACKEND_TYPES
from .document import RouterDocument
from .table import Table
from .units import NAME

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

# No address: an id has to stay the same wherever the project is hosted, and editors find the files by path.
_ID = "urn:django-storage-router:schema:{}"


def document_schema() -> dict[str, Any]:
    """Return the schema of ``storage_router.toml``, ``.yaml`` and ``.json``."""
    schema = _schema(RouterDocument, "storage_router", "The configuration of storage_router")
    backends = schema["properties"]["backends"]
    backends["propertyNames"] = {"pattern": f"^{NAME}$"}
    for kind, one in BACKEND_TYPES.items():
        model = _clean(one.model.model_json_schema())
        for option in one.of_tenants:
            if (pattern := model["properties"][option].get("pattern")) is not None:
                model["properties"][option]["pattern"] = rf"{pattern}|\{{tenant\}}"
        its_type = {"const": kind, "description": model["description"], "type": "string"}
        model |= {
            "properties": {"type": its_type, **model["properties"]},
            "required": ["type", *model.get("required", ())],
        }
        schema["$defs"] |= model.pop("$defs", {}) | {one.model.__name__: model}
    references = {kind: f"#/$defs/{one.model.__name__}" for kind, one in BACKEND_TYPES.items()}
    with_url = [one for one in BACKEND_TYPES.values() if one.scheme]
    backends["additionalProperties"] = {
        "anyOf": [
            {
                "discriminator": {"mapping": references, "propertyName": "type"},
                "oneOf": [{"$ref": reference} for reference in references.values()],
            },
            {
                "type": "string",
                "pattern": f"^({'|'.join(one.scheme for one in with_url)})://",
                "description": "The whole backend in one string.",
                "examples": [one.example for one in with_url],
            },
        ]
    }
    # Where a JSON file says which schema it follows.
    schema["properties"]["$schema"] = {"type": "string", "description": "The path of this schema, for editors."}
    return schema


def azure_storage_schema() -> dict[str, Any]:
    """Return the schema of the options of ``AzureStorage``, as in the OPTIONS of a STORAGES entry."""
    return _schema(AzureOptions, "azure_storage", "The options of storage_router.AzureStorage")


SCHEMAS = {
    "storage_router.schema.json": document_schema,
    "azure_storage.schema.json": azure_storage_schema,
}
"""File -> what builds its content."""


def write(directory: Path) -> None:
    """Write all schemas into ``directory``."""
    for name, build in SCHEMAS.items():
        (directory / name).write_text(_text(build()), encoding="utf-8")


def stale(directory: Path) -> list[str]:
    """Return the names of the schemas that are missing from ``directory`` or differ from the models."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in directory.glob("*.json")}
    return [name for name, build in SCHEMAS.items() if texts.get(name) != _text(build())]


def _text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _schema(model: type[Table], name: str, title: str) -> dict[str, Any]:
    return {"$schema": _DIALECT, "$id": _ID.format(name), "title": title, **_clean(model.model_json_schema())}


def _clean(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without pydantic's titles; secrets are write-only."""
    for part in (schema, *schema.get("$defs", {}).values()):
        part.pop("title", None)
        for option, setting in part.get("properties", {}).items():
            setting.pop("title", None)
            if option in SECRETS:
                # Besides the union with null, too: not every editor looks into it.
                setting["writeOnly"] = True
    return schema
