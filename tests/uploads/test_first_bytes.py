"""P2: the first bytes fit the type that the name says."""

from __future__ import annotations

import io
import runpy
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from storage_router import media_types
from storage_router.uploads.first_bytes import fits

DRAWING = runpy.run_path(str(Path(__file__).parent.parent.parent / "example/library/drawing.py"))


def picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, kind)
    return file.getvalue()


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", "<xml/>")
    return file.getvalue()


FILES = {
    "a.png": picture("PNG"),
    "a.jpg": picture("JPEG"),
    "a.gif": picture("GIF"),
    "a.bmp": picture("BMP"),
    "a.tiff": picture("TIFF"),
    "a.webp": picture("WEBP"),
    "a.ico": picture("ICO"),
    "a.pdf": DRAWING["pdf"](["A page"]),
    "a.zip": archive(),
    "a.docx": archive(),
    "a.mp4": b"\0\0\0\x20ftypisom",
    "a.mov": b"\0\0\0\x14ftypqt  ",
    "a.webm": b"\x1a\x45\xdf\xa3",
    "a.mp3": b"\xff\xfb\x90",
    "a.wav": b"RIFF\0\0\0\0WAVE",
    "a.txt": "Grüße".encode(),
    "a.csv": b"a;b\r\n",
    "a.json": b"{}",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_fits_its_own_type_and_no_other_with_a_signature(name):
    own = media_types.content_type(name)
    assert fits(own, FILES[name])
    alike = {
        name,
        *({"a.zip", "a.docx"} & {name} and {"a.zip", "a.docx"}),
        "a.mp4",
        "a.mov",
        "a.txt",
        "a.csv",
        "a.json",
    }
    for other in FILES.keys() - alike:
        assert not fits(media_types.content_type(other), FILES[name]), other


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.json"])
def test_a_program_is_no_text(name):
    assert not fits(media_types.content_type(name), b"MZ\x90\0\3")
    assert fits("text/plain", "Grüße".encode("utf-16"))


def test_what_nobody_knows_may_be_anything():
    assert fits(None, b"")
    assert fits("application/octet-stream", b"\0")
    assert not fits("image/png", b"")
