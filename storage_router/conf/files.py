"""The configuration file: TOML, YAML or JSON, by its suffix."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from storage_router.exceptions import Problem

from .merging import Layer
from .report import Location, problem

DEFAULT_FILE = "storage_router.toml"
"""Read from the working directory where no file is named."""

SUFFIXES = (".toml", ".yaml", ".yml", ".json")


def layer(path: Path, name: str) -> Layer:
    """Return what the file at ``path`` says, and its problems; ``name`` is how messages call it."""

    def place(location: Location) -> str:
        inner = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")
        return f"{name}: {inner}" if inner else name

    tree, found = _read(path, name)
    # Editors find the schema by this key in JSON files.
    tree.pop("$schema", None)
    return Layer(source="file", tree=tree, place=place, problems=[found] if found is not None else [])


def _read(path: Path, name: str) -> tuple[dict[str, Any], Problem | None]:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        hint = f"The suffix tells the format: {', '.join(SUFFIXES)}."
        return {}, problem("E009", name, "the file is neither TOML, YAML nor JSON", hint)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}, problem("E009", name, "the file does not exist", f"It was looked for at {path}.")
    except UnicodeDecodeError:
        return {}, problem("E009", name, "the file is not UTF-8", "Save it as UTF-8.")
    except OSError as error:
        return {}, problem("E009", name, f"the file cannot be read: {error.strerror}", f"It is {path}.")
    try:
        tree = _PARSERS[suffix](text)
        _refuse_what_toml_cannot_say(tree, ())
    except RecursionError:
        return {}, problem("E009", name, "the file cannot be parsed: it nests too deeply", "Nothing of it was read.")
    except _ParseError as error:
        hint = f"{_FORMATS[suffix]} Nothing of the file was read."
        return {}, problem("E009", name, f"the file cannot be parsed: {error}", hint)
    except ModuleNotFoundError:
        return {}, problem(
            "E013", name, "PyYAML is not installed", "pip install 'django-storage-router[yaml]', or use TOML."
        )
    if not isinstance(tree, dict):
        return {}, problem("E009", name, "the file holds no table of settings", "It begins with keys such as backends.")
    return tree, None


class _ParseError(Exception):
    """What is wrong and where; never the text itself, which may hold keys."""


def _refuse_what_toml_cannot_say(value: Any, above: tuple[int, ...]) -> None:
    """In YAML an alias may stand for the very table or list that it is in, and keys such as ``no`` are no texts."""
    if not isinstance(value, dict | list):
        return
    if id(value) in above:
        raise _ParseError("a table or list contains itself")
    for key in value if isinstance(value, dict) else ():
        if not isinstance(key, str):
            raise _ParseError(f"the key that YAML reads as {key} is not a text: write it in quotes")
    for item in value.values() if isinstance(value, dict) else value:
        _refuse_what_toml_cannot_say(item, (*above, id(value)))


def _toml(text: str) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        saying, _, where = str(error).rpartition(" (at ")
        # Some messages quote what was found; the place is enough to find it.
        raise _ParseError(f"{saying.partition(':')[0]} (at {where}" if where else str(error)) from None


def _json(text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) < len(pairs):
            names = [key for key, _ in pairs]
            repeated = next(key for key in names if names.count(key) > 1)
            raise _ParseError(f"the key {repeated!r} is there twice in one object")
        return table

    try:
        return json.loads(text, object_pairs_hook=unique) if text.strip() else {}
    except json.JSONDecodeError as error:
        raise _ParseError(f"{error.msg} (at line {error.lineno}, column {error.colno})") from None


def _yaml(text: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML lets the last of two equal keys win in silence; here they are an error."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
            seen: set[str] = set()
            for key, _ in node.value:
                name = str(key.value)
                if name in seen:
                    raise _ParseError(f"the key {name!r} is there twice (at line {key.start_mark.line + 1})")
                seen.add(name)
            return super().construct_mapping(node, deep)

    try:
        tree = yaml.load(text, Loader)  # noqa: S506 - a subclass of SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (at line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
        raise _ParseError(f"it is not YAML{where}") from None
    except yaml.YAMLError:
        raise _ParseError("it holds characters that YAML does not allow") from None
    return {} if tree is None else tree


_PARSERS = {".toml": _toml, ".yaml": _yaml, ".yml": _yaml, ".json": _json}

_FORMATS = {
    ".toml": (
        'Texts are in quotes (default = "media"); a backend\'s keys stand below [backends.media], which is there once; '
        "each route stands below a [[routes]] of its own: https://toml.io"
    ),
    ".yaml": (
        "Keys end in a colon and a space, tables are indented by spaces, and texts with signs in them are in quotes: "
        "https://yaml.org"
    ),
    ".json": "Keys and texts are in double quotes, and no comma follows the last of them: https://www.json.org",
}
_FORMATS[".yml"] = _FORMATS[".yaml"]
