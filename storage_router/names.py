"""Names of files: which are legal, for every method of every storage.

The rules are those of Django's own storages plus what Azure needs: HTTP clients fold dot segments, so with a token
credential ``../secret/key`` would reach another container. Such names are refused here, before anything is done with
them.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from .exceptions import InvalidNameError

MAX_LENGTH = 1024
"""Characters in a blob's name.
https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata"""

MAX_SEGMENTS = 254
"""Path segments in a blob's name; same source."""

TRASH = ".storage_router_trash"
"""The directory of a backend, below its location, to which ``orphans`` moves files. No route leads there."""

TENANT = "{tenant}"
"""What stands for the tenant in a prefix, in ``azure_container``, ``location`` and ``base_url``."""

SAMPLE_TENANT = "sample"
"""The value with which names that hold ``{tenant}`` are validated at startup."""

# Compiled at their first use: most names need none of them.
# Control characters (Unicode category Cc), and lone surrogates, which no encoding can send.
_UNSENDABLE = r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]"
_DRIVE = r"[A-Za-z]:(?:/|\Z)"
_DOTS_OR_EMPTY = r"(?:\A|/)\.{0,2}(?:/|\Z)"
_TENANT = r"[a-z0-9_-]{1,63}"
_needs_no_quoting = re.compile(r"[A-Za-z0-9_.~/-]*").fullmatch
_NO_FILE = frozenset({"", ".", ".."})


class CleanName(str):
    """A name that ``clean_name`` has accepted. It is not checked again.

    It stays inside the package: return ``str(name)`` to callers, because database drivers and serializers may look at
    the exact type.
    """

    __slots__ = ()


class BlobName(str):
    """The name of a blob. ``file`` is what its storage calls it, which leaves out the location: results and errors have
    that name."""

    __slots__ = ("file",)
    file: str


def file_of(blob: str) -> str:
    """Return what the storage of a blob calls it: the blob's own name where nobody has said."""
    return blob.file if isinstance(blob, BlobName) else blob


def clean_name(name: object) -> CleanName:
    r"""Return ``name`` as every storage of this package sees it: ``/`` for ``\``, and one slash for several.

    Raises ``InvalidNameError`` (a ``SuspiciousFileOperation``) for the empty name, None, bytes, a ``.`` or ``..``
    segment, a leading or trailing slash, a control character, a lone surrogate, or a drive (``C:/``).
    """
    return name if type(name) is CleanName else CleanName(_cleaned(name))


def blob_name(prefix: str, name: object) -> str:
    """Return the name of a file's blob: below ``prefix``, a location with its slash. Raises ``InvalidNameError``."""
    blob = prefix + (name if type(name) is CleanName else _cleaned(name))
    check_blob_name(blob)
    return blob


def _cleaned(name: object) -> str:
    # Every name passes here, some a thousand times a page: string tests first, patterns only where they can match.
    text = name if type(name) is str and "\\" not in name and "//" not in name else _with_single_slashes(name)
    # What is printable holds neither control characters nor surrogates.
    if (
        not text
        or (not text.isprintable() and re.search(_UNSENDABLE, text))
        or (":" in text and re.match(_DRIVE, text))
    ):
        raise _refusal(text)
    if (text[0] in "./" or text[-1] == "/" or "/." in text) and re.search(_DOTS_OR_EMPTY, text):
        raise _refusal(text)
    return text


def clean_directory(path: object) -> str:
    r"""Return ``path`` without a trailing slash, ``""`` for the root; otherwise the rules of ``clean_name``."""
    text = _with_single_slashes(path)
    if not text:
        return ""
    return str(clean_name(text.removesuffix("/") if text != "/" else text))


def is_clean(name: str) -> bool:
    """Return whether ``clean_name`` accepts ``name`` and leaves it as it is: other programs store blobs as ``a//b``."""
    try:
        return clean_name(name) == name
    except InvalidNameError:
        return False


def normalized(name: object) -> CleanName:
    """Return the name of an upload as ``Storage.generate_filename`` normalizes it, without control characters.

    Raises ``InvalidNameError`` for ``..`` and absolute names.
    """
    text = re.sub(_UNSENDABLE, "", _with_single_slashes(name))
    refuse_traversal(text)
    return clean_name("/".join(segment for segment in text.split("/") if segment != "."))


def quoted(name: str) -> str:
    """Return ``name`` as a part of a URL."""
    return name if _needs_no_quoting(name) else quote(name, safe="/~")


def refuse_traversal(name: object) -> None:
    """Raise ``InvalidNameError`` as ``Storage.get_available_name`` does, which names only the part that is wrong."""
    directory, _, file_name = str(name).replace("\\", "/").rpartition("/")
    if ".." in directory.split("/"):
        raise InvalidNameError(f"Detected path traversal attempt in '{directory}'")
    if file_name in _NO_FILE:
        raise InvalidNameError(f"Could not derive file name from '{file_name}'")


def valid_tenant(value: object) -> str:
    """Return ``value`` as a tenant. Raises ``InvalidNameError``."""
    text = str(value)
    if not re.fullmatch(_TENANT, text):
        raise InvalidNameError(
            f"{text[:80]!r} cannot be a tenant: it has 1 to 63 of the characters a-z, 0-9, - and _. "
            "Use the tenant's id."
        )
    return text


def check_blob_name(name: str) -> None:
    """Raise ``InvalidNameError`` if Azure would not store a blob under ``name``, cleaned and with its location."""
    length = len(name)
    if length > MAX_LENGTH:
        raise InvalidNameError(
            f"A blob's name has at most {MAX_LENGTH} characters; this one has {length}: {name[:60]!r}…"
        )
    # Segments are counted only where there is room for so many.
    if length > MAX_SEGMENTS and (segments := name.count("/") + 1) > MAX_SEGMENTS:
        raise InvalidNameError(
            f"A blob's name has at most {MAX_SEGMENTS} path segments; this one has {segments}: {name[:60]!r}…"
        )
    if name[-1:] == "." or "./" in name:
        raise InvalidNameError(f"No segment of a blob's name may end in a dot: {name!r}")


def _with_single_slashes(name: object) -> str:
    if name is None or isinstance(name, bytes | bytearray):
        raise InvalidNameError(f"Could not derive file name from '{name!r}'")
    text = name if type(name) is str else str(name)
    if "\\" in text:
        text = text.replace("\\", "/")
    return re.sub("//+", "/", text) if "//" in text else text


def _refusal(name: str) -> InvalidNameError:
    """Say what is wrong with ``name``, in the words of Django's ``validate_file_name`` where they apply."""
    if not name:
        return InvalidNameError(f"Could not derive file name from '{name}'")
    if re.search(_UNSENDABLE, name):
        return InvalidNameError(f"A file name must not contain control characters or lone surrogates: {name!r}")
    if re.match(_DRIVE, name) or name.startswith("/") or ".." in name.split("/"):
        return InvalidNameError(f"Detected path traversal attempt in '{name}'")
    return InvalidNameError(f"A file name must not contain '.' segments or end in a slash: {name!r}")
