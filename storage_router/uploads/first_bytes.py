"""The first bytes of common file formats, to compare with the type that a file's name says."""

from __future__ import annotations

LENGTH = 64 * 1024
"""Bytes that are looked at."""

_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_OLE = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",)
_EBML = (b"\x1a\x45\xdf\xa3",)
_OGG = (b"OggS",)
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_SIGNATURES: dict[str, tuple[bytes, ...]] = {
    "application/gzip": (b"\x1f\x8b",),
    "application/java-archive": _ZIP,
    "application/msword": _OLE,
    "application/ogg": _OGG,
    "application/rtf": (b"{\\rtf",),
    "application/vnd.ms-excel": _OLE,
    "application/vnd.ms-outlook": _OLE,
    "application/vnd.ms-powerpoint": _OLE,
    "application/vnd.rar": (b"Rar!\x1a\x07",),
    "application/vnd.sqlite3": (b"SQLite format 3\0",),
    "application/x-7z-compressed": (b"7z\xbc\xaf\x27\x1c",),
    "application/x-bzip2": (b"BZh",),
    "application/x-xz": (b"\xfd7zXZ\0",),
    "application/zip": _ZIP,
    "application/epub+zip": _ZIP,
    "application/zstd": (b"\x28\xb5\x2f\xfd",),
    "audio/flac": (b"fLaC", b"ID3"),
    "audio/midi": (b"MThd",),
    "audio/mpeg": (b"ID3", b"\xff\xe0"),
    "audio/ogg": _OGG,
    "audio/opus": _OGG,
    "audio/webm": _EBML,
    "font/otf": (b"OTTO", b"\0\1\0\0"),
    "font/ttf": (b"\0\1\0\0", b"true", b"ttcf"),
    "font/woff": (b"wOFF",),
    "font/woff2": (b"wOF2",),
    "image/apng": (b"\x89PNG\r\n\x1a\n",),
    "image/bmp": (b"BM",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/tiff": _TIFF,
    "image/vnd.adobe.photoshop": (b"8BPS",),
    "image/vnd.microsoft.icon": (b"\0\0\1\0", b"\0\0\2\0"),
    "video/matroska": _EBML,
    "video/ogg": _OGG,
    "video/webm": _EBML,
    "video/x-flv": (b"FLV",),
    "video/x-ms-asf": (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",),
    "video/x-ms-wmv": (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",),
}
"""Media type to the beginnings that its files may have."""

_WITHIN: dict[str, tuple[int, tuple[bytes, ...]]] = {
    "application/x-tar": (257, (b"ustar",)),
    "audio/aiff": (8, (b"AIFF", b"AIFC")),
    "audio/mp4": (4, (b"ftyp",)),
    "audio/wav": (8, (b"WAVE",)),
    "image/avif": (4, (b"ftyp",)),
    "image/heic": (4, (b"ftyp",)),
    "image/heif": (4, (b"ftyp",)),
    "image/webp": (8, (b"WEBP",)),
    "video/3gpp": (4, (b"ftyp",)),
    "video/mp4": (4, (b"ftyp",)),
    "video/quicktime": (4, (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),
    "video/x-msvideo": (8, (b"AVI ",)),
}
"""The same for formats that are recognised by what stands at an offset."""

_ZIPPED = ("application/vnd.openxmlformats-", "application/vnd.oasis.opendocument.")
_TEXT = {"application/json", "application/yaml", "application/toml", "application/jsonl", "application/sql"}
_PDF_WITHIN = 1024  # viewers look for the header so far


def fits(media_type: str | None, head: bytes) -> bool:
    """Return whether a file that begins with ``head`` may be of ``media_type``. Unknown formats, and None, may be
    anything."""
    if media_type is None:
        return True
    if media_type == "application/pdf":
        return b"%PDF-" in head[:_PDF_WITHIN]
    if media_type.startswith(_ZIPPED):
        return head.startswith((*_ZIP, *_OLE, b"<?xml"))
    if media_type == "audio/mpeg":
        return head.startswith(b"ID3") or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0)
    if (beginnings := _SIGNATURES.get(media_type)) is not None:
        return head.startswith(beginnings)
    if (within := _WITHIN.get(media_type)) is not None:
        offset, marks = within
        return head[offset:].startswith(marks)
    if media_type in _TEXT or (media_type.startswith("text/") and not head.startswith((b"\xff\xfe", b"\xfe\xff"))):
        return b"\0" not in head
    return True
