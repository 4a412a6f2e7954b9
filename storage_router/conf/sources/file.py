"""The configuration file: TOML, YAML or JSON, by its suffix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage_router.conf.layers import Layer
from storage_router.conf.problems import Invalid, Location, dotted, invalid, problem, reported
from storage_router.conf.units import unique_keys
from storage_router.exceptions import Problem

if TYPE_CHECKING:
    import yaml

SOURCE = "file"

_KEY_TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")

_MOST_YAML_NODES = 100_000
"""How many values a YAML file may have, each alias counted with all that it stands for (F8)."""


def _unreadable(message: str, hint: str = "") -> Invalid:
    """Return why a file cannot be read or parsed; never the text itself, which may hold keys."""
    return invalid(message, hint, id="E009")


def _unparsed(message: str) -> Invalid:
    return _unreadable(f"the file cannot be parsed: {message}")


def read(path: Path, name: str, named_by: str) -> Layer:
    """Return the layer of the file at ``path``; ``name`` is what messages call it, ``named_by`` the variable, or ""."""

    def place(location: Location) -> str:
        return f"{name}: {dotted(location)}" if location else name

    tree: dict[str, Any] = {}
    problems: list[Problem] = []
    try:
        tree = _parsed(path, named_by)
    except Invalid as error:
        problems.append(reported(error, name))
    except ModuleNotFoundError:
        hint = "pip install 'django-storage-router[yaml]', or use TOML."
        problems.append(problem("E013", name, "PyYAML is not installed", hint))
    # Editors find the schema by this key in JSON files.
    tree.pop("$schema", None)
    return Layer(source=SOURCE, tree=tree, place=place, problems=problems)


def read_text(path: Path, named_by: str = "") -> str:
    """Return the text of a file in UTF-8; ``named_by`` is the variable that names it."""
    return decoded(read_bytes(path, named_by))


def read_bytes(path: Path, named_by: str = "") -> bytes:
    """Return what is in a file; ``named_by`` is the variable that names it."""
    try:
        return path.read_bytes()
    except OSError as error:
        what = f"the file that {named_by} names" if named_by else "the file"
        raise _unreadable(f"{what} cannot be read: {error.strerror}", f"It is {path}.") from None


def decoded(data: bytes) -> str:
    """Return the text of a file in UTF-8. A zero byte tells UTF-16, as Windows PowerShell's ``>`` writes it."""
    if b"\0" in data:
        raise _unreadable(
            "the file is not UTF-8 but, as it looks, UTF-16",
            "Save it as UTF-8; in PowerShell: … | Out-File -Encoding utf8.",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _unreadable("the file is not UTF-8", "Save it as UTF-8.") from None


def _parsed(path: Path, named_by: str) -> dict[str, Any]:
    parse = _PARSERS.get(path.suffix.lower())
    if parse is None:
        hint = f"The suffix tells the format: {', '.join(_PARSERS)}."
        raise _unreadable("the file is neither TOML, YAML nor JSON", hint)
    text = read_text(path, named_by)
    try:
        tree = parse(text)
    except Invalid:
        raise
    except (RecursionError, ValueError):
        raise _unparsed("it nests too deeply, or has a number or date that makes no sense") from None
    if not isinstance(tree, dict):
        raise _unreadable("the file holds no table of settings", "It begins with keys such as backends.")
    return tree


def _toml(text: str) -> Any:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, _, where = str(error).rpartition(" (at ")
        # Some messages quote what was found; the place is enough to find it.
        raise _unparsed(f"{message.partition(':')[0]} (at {where}" if where else str(error)) from None


def _json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=unique_keys) if text.strip() else {}
    except Invalid as error:
        raise _unparsed(error.message()) from None
    except json.JSONDecodeError as error:
        raise _unparsed(f"{error.msg} (at line {error.lineno}, column {error.colno})") from None


def _yaml(text: str) -> Any:
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return {}
        _count(node, {})
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (at line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
        raise _unparsed(f"it is not YAML{where}") from None
    except yaml.YAMLError:
        raise _unparsed("it holds characters that YAML does not allow") from None


def _count(node: yaml.Node, counts: dict[int, int]) -> int:
    """Return how many values a node has, each alias counted with all that it stands for; refuse keys that are repeated,
    or that YAML does not take for strings.
    """
    if not isinstance(node.value, list):
        return 1
    if (known := counts.get(id(node))) is not None:
        return known
    # What contains itself has no end.
    counts[id(node)] = _MOST_YAML_NODES
    keys = [child[0] for child in node.value if isinstance(child, tuple)]
    for key in keys:
        if key.tag not in _KEY_TAGS:
            line = key.start_mark.line + 1
            raise _unparsed(f"the key at line {line} is no string for YAML (as no, on, 1 and dates): put it in quotes")
    if len({key.value for key in keys}) < len(keys):
        raise _unparsed(f"a key is there twice in the table at line {node.start_mark.line + 1}")
    counts[id(node)] = total = 1 + sum(
        _count(child[1] if isinstance(child, tuple) else child, counts) for child in node.value
    )
    if total > _MOST_YAML_NODES:
        raise _unparsed(f"with its aliases it has more than {_MOST_YAML_NODES:,} values")
    return total


_PARSERS = {".toml": _toml, ".yaml": _yaml, ".yml": _yaml, ".json": _json}
