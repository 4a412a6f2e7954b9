"""The first bytes of common file formats, to compare with the type that a file's name says."""

from __future__ import annotations

LENGTH = 64 * 1024
"""Bytes that are looked at."""

_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_OLE = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",)

_FORMATS: tuple[tuple[int, tuple[bytes, ...], str], ...] = (
    (0, _ZIP, "application/epub+zip application/java-archive application/zip"),
    (0, _OLE, "application/msword application/vnd.ms-excel application/vnd.ms-outlook application/vnd.ms-powerpoint"),
    (0, (b"\x1f\x8b",), "application/gzip"),
    (0, (b"{\\rtf",), "application/rtf"),
    (0, (b"Rar!\x1a\x07",), "application/vnd.rar"),
    (0, (b"SQLite format 3\0",), "application/vnd.sqlite3"),
    (0, (b"7z\xbc\xaf\x27\x1c",), "application/x-7z-compressed"),
    (0, (b"BZh",), "application/x-bzip2"),
    (257, (b"ustar",), "application/x-tar"),
    (0, (b"\xfd7zXZ\0",), "application/x-xz"),
    (0, (b"\x28\xb5\x2f\xfd",), "application/zstd"),
    (0, (b"OggS",), "application/ogg audio/ogg audio/opus video/ogg"),
    (0, (b"\x1a\x45\xdf\xa3",), "audio/webm video/matroska video/webm"),
    (4, (b"ftyp",), "audio/mp4 image/avif image/heic image/heif video/3gpp video/mp4"),
    (8, (b"AIFF", b"AIFC"), "audio/aiff"),
    (0, (b"fLaC", b"ID3"), "audio/flac"),
    (0, (b"MThd",), "audio/midi"),
    (8, (b"WAVE",), "audio/wav"),
    (0, (b"OTTO", b"\0\1\0\0"), "font/otf"),
    (0, (b"\0\1\0\0", b"true", b"ttcf"), "font/ttf"),
    (0, (b"wOFF",), "font/woff"),
    (0, (b"wOF2",), "font/woff2"),
    (0, (b"\x89PNG\r\n\x1a\n",), "image/apng image/png"),
    (0, (b"BM",), "image/bmp"),
    (0, (b"GIF87a", b"GIF89a"), "image/gif"),
    (0, (b"\xff\xd8\xff",), "image/jpeg"),
    (0, (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "image/tiff"),
    (0, (b"8BPS",), "image/vnd.adobe.photoshop"),
    (0, (b"\0\0\1\0", b"\0\0\2\0"), "image/vnd.microsoft.icon"),
    (8, (b"WEBP",), "image/webp"),
    (4, (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"), "video/quicktime"),
    (0, (b"FLV",), "video/x-flv"),
    (0, (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",), "video/x-ms-asf video/x-ms-wmv"),
    (8, (b"AVI ",), "video/x-msvideo"),
)
"""Offset, the bytes that may stand there, and the media types whose files have them."""

_MARKS = {media_type: (offset, marks) for offset, marks, types in _FORMATS for media_type in types.split()}
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
    if media_type in _MARKS:
        offset, marks = _MARKS[media_type]
        return head.startswith(marks, offset)
    if media_type in _TEXT or (media_type.startswith("text/") and not head.startswith((b"\xff\xfe", b"\xfe\xff"))):
        return b"\0" not in head
    return True
