"""What a legal name is, for every method of every storage.

The rules are those of Django's own storages plus what Azure needs: the SDK's HTTP client folds dot segments, so with a
token credential ``../secret/key`` would reach another container. Names are therefore refused here, before anyone acts
on them.
"""

from __future__ import annotations

import re

from .exceptions import InvalidNameError

MAX_LENGTH = 1024
"""Characters in a blob's name.
https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata"""

MAX_SEGMENTS = 254
"""Path segments in a blob's name; same source."""

# Control characters (Unicode category Cc), and lone surrogates, which no encoding can send.
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DRIVE = re.compile(r"\A[A-Za-z]:")
_DOTS_OR_EMPTY = re.compile(r"(?:\A|/)\.{0,2}(?:/|\Z)")


def clean_name(name: object) -> str:
    r"""Return ``name`` as every storage of this package sees it: a string, with ``/`` for ``\``.

    Raises ``InvalidNameError`` (a ``SuspiciousFileOperation``) for the empty name, None, bytes, an empty, ``.`` or
    ``..`` segment, a leading or trailing slash, a control character, a lone surrogate, or a drive letter.
    """
    if type(name) is str:
        text = name
    elif name is None or isinstance(name, bytes | bytearray):
        raise InvalidNameError(f"Could not derive file name from '{name!r}'")
    else:
        text = str(name)
    if "\\" in text:
        text = text.replace("\\", "/")
    # Every name passes here, some a thousand times a page: string tests first, the dot rule only where there is a dot.
    # What is printable holds neither control characters nor surrogates, and str knows that faster than the pattern.
    if not text or (not text.isprintable() and _UNSENDABLE.search(text)) or (text[1:2] == ":" and _DRIVE.match(text)):
        raise _refusal(text)
    if (text[0] in "./" or text[-1] == "/" or "//" in text or "/." in text) and _DOTS_OR_EMPTY.search(text):
        raise _refusal(text)
    return text


def clean_directory(path: object) -> str:
    r"""Return ``path`` without a trailing slash, ``""`` for the root; otherwise the rules of ``clean_name``."""
    if path is None or isinstance(path, bytes | bytearray):
        return clean_name(path)
    text = str(path).replace("\\", "/")
    if not text:
        return ""
    return clean_name(text.removesuffix("/") if text != "/" else text)


def check_blob_name(name: str) -> None:
    """Raise ``InvalidNameError`` if Azure would not store a blob under ``name``, cleaned and with its location."""
    length = len(name)
    if length > MAX_LENGTH:
        raise InvalidNameError(
            f"A blob's name has at most {MAX_LENGTH} characters; this one has {length}: {name[:60]!r}…"
        )
    # Counted only where there is room for so many.
    if length > MAX_SEGMENTS and (segments := name.count("/") + 1) > MAX_SEGMENTS:
        raise InvalidNameError(
            f"A blob's name has at most {MAX_SEGMENTS} path segments; this one has {segments}: {name[:60]!r}…"
        )
    if name[-1:] == "." or "./" in name:
        raise InvalidNameError(f"No segment of a blob's name may end in a dot: {name!r}")


def _refusal(name: str) -> InvalidNameError:
    """Say what is wrong with ``name``, in Django's words where Django has some."""
    if not name:
        return InvalidNameError(f"Could not derive file name from '{name}'")
    if _UNSENDABLE.search(name):
        return InvalidNameError(f"A file name may not hold control characters or lone surrogates: {name!r}")
    if _DRIVE.match(name) or name.startswith("/") or ".." in name.split("/"):
        return InvalidNameError(f"Detected path traversal attempt in '{name}'")
    return InvalidNameError(f"A file name may not hold empty or '.' segments: {name!r}")
