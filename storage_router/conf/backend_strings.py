"""A whole backend in one text (C3): ``azure://acmefiles/media?expiration_secs=300``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from .nesting import parsed
from .report import complaint, nearest

_FORMS = (
    "The forms are azure://account/container[/location]?option=value, file:///directory?base_url=/media/, "
    "memory:// and django://dotted.path.Storage?option=value."
)


# Neither JSON's exponents nor Python's Infinity: who writes 1e5 for an option of another package means a text.
_SCALAR = re.compile(r"true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?")


def parse(text: str) -> dict[str, Any]:
    """Return the settings of the backend that ``text`` describes. Raises a complaint, which never quotes the text.

    A JSON object is taken as it is. Otherwise the text is a URL; its parts are percent-decoded and a plus is a plus, so
    that base64 can be pasted.
    """
    text = text.strip()
    if text.startswith("{"):
        return _json(text)
    scheme, separator, rest = text.partition("://")
    reader = _READERS.get(scheme.lower())
    if not separator or reader is None:
        near = nearest(scheme, _READERS) if separator and scheme.isalnum() else None
        raise complaint("the text describes no backend", f"Did you mean {near!r}? {_FORMS}" if near else _FORMS)
    address, _, query = rest.partition("?")
    options = _options(query)
    return reader(address, options)


def loosely(text: str) -> Any:
    """Return what ``text`` means where nothing tells the type: what JSON reads from it, else the text."""
    stripped = text.strip()
    if stripped[:1] in ("[", "{", '"') or _SCALAR.fullmatch(stripped):
        try:
            return parsed(stripped)
        except ValueError:
            return text
    return text


def _json(text: str) -> dict[str, Any]:
    try:
        decoded = parsed(text)
    except ValueError:
        decoded = None
    if not isinstance(decoded, dict):
        raise complaint("the text begins like a JSON object and is none", _FORMS)
    return decoded


def _options(query: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for pair in filter(None, query.split("&")):
        name, equals, value = pair.partition("=")
        name = unquote(name).strip()
        if not equals or not name.isidentifier():
            raise complaint(
                "an option in the text has no form 'name=value'",
                "Options are separated by '&'; write '%26' for an ampersand in a value, as in a SAS.",
            )
        if name in options:
            raise complaint(f"the text has the option {name!r} twice", "Leave one of them.")
        options[name] = unquote(value)
    return options


def _with(options: dict[str, Any], **settings: str | None) -> dict[str, Any]:
    for name, value in settings.items():
        if value is None:
            continue
        if name in options:
            raise complaint(f"the text says {name} twice: before and after the '?'", "Leave one of them.")
        options[name] = value
    return options


def _azure(address: str, options: dict[str, Any]) -> dict[str, Any]:
    if "@" in address:
        raise complaint(
            "the text has '@' in front of the account", "Keys are options: azure://account/container?account_key=..."
        )
    account, _, path = address.partition("/")
    container, _, location = path.strip("/").partition("/")
    if not container:
        raise complaint("the text names no container", "It has the form azure://account/container.")
    # Without an account, as in azure:///media?connection_string=..., an option tells it.
    return _with(
        options,
        type="azure",
        account_name=unquote(account) or None,
        azure_container=unquote(container),
        location=unquote(location) or None,
    )


def _file(address: str, options: dict[str, Any]) -> dict[str, Any]:
    if address and not address.startswith("/"):
        raise complaint(
            "the text has no absolute path", "Three slashes: file:///srv/media. Without a path MEDIA_ROOT is used."
        )
    path = unquote(address)
    is_windows = path[2:3] == ":" and path[1:2].isalpha()
    return _with(options, type="filesystem", location=(path[1:] if is_windows else path) or None)


def _memory(address: str, options: dict[str, Any]) -> dict[str, Any]:
    if address:
        raise complaint("memory:// is followed by something that it does not have", "Options come after '?'.")
    return _with(options, type="memory")


def _django(address: str, options: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "django",
        "backend": unquote(address).strip("/"),
        "options": {name: loosely(value) for name, value in options.items()},
    }


_READERS: dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]] = {
    "azure": _azure,
    "file": _file,
    "memory": _memory,
    "django": _django,
}
