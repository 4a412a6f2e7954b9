"""A9 and R3: the package's own table of media types."""

from __future__ import annotations

import mimetypes
import re
import subprocess
import sys
from pathlib import Path

import pytest

from storage_router import media_types
from storage_router.media_types import TYPES, content_type, extension


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a/photo.JPG", "image/jpeg"),
        ("site.css", "text/css"),
        ("app.mjs", "text/javascript"),
        ("app.js.map", "application/json"),
        ("font.woff2", "font/woff2"),
        ("letter.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("i.avif", "image/avif"),
        ("i.webp", "image/webp"),
        ("i.heic", "image/heic"),
        ("i.svgz", "image/svg+xml"),
        ("design.psd", "image/vnd.adobe.photoshop"),
        ("m.wasm", "application/wasm"),
        ("site.webmanifest", "application/manifest+json"),
        ("map.geojson", "application/geo+json"),
        ("README.md", "text/markdown"),
        ("c.yaml", "application/yaml"),
        ("c.toml", "application/toml"),
        ("t.parquet", "application/vnd.apache.parquet"),
        ("film.mkv", "video/matroska"),
        ("film.ts", "video/mp2t"),
        ("types/index.d.ts", "application/typescript"),
        ("scene.glb", "model/gltf-binary"),
        ("b.tar.gz", "application/gzip"),
        ("b.tgz", "application/gzip"),
        ("b.7z", "application/x-7z-compressed"),
        ("archive.v1.2.zip", "application/zip"),
        ("b.tar.zst", "application/zstd"),
    ],
)
def test_a_name_has_the_media_type_of_its_extension(name, media_type):
    # A9
    assert content_type(name) == media_type


@pytest.mark.parametrize(
    "name", ["README", "a.unheard-of", ".png", "a/.gitignore", "a.b/c", "a.", "..png", "png", ".tar.", "a.jpg/b"]
)
def test_a_name_without_a_known_extension_has_none(name):
    # A9
    assert content_type(name) is None


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("a.tar.gz", "tar.gz"),
        (".tar.gz", "gz"),
        ("x.D.TS", "d.ts"),
        ("d.ts", "ts"),
        ("a.b.ts", "ts"),
        ("a.b.c.tar.bz2", "tar.bz2"),
        ("a.osm.pbf", "osm.pbf"),
    ],
)
def test_the_longest_known_extension_counts(name, known):
    # R3
    assert extension(name) == known


def test_the_table_knows_every_extension_that_python_knows():
    """A9: nothing is lost by not asking ``mimetypes``."""
    python = mimetypes.MimeTypes(filenames=())
    extensions = {found for types in python.types_map for found in types}
    assert {found.removeprefix(".") for found in extensions} - TYPES.keys() == set()


def test_every_entry_is_a_media_type_and_a_plain_extension():
    for ending, media_type in TYPES.items():
        assert re.fullmatch(r"[a-z0-9_~-]+(\.[a-z0-9_~-]+)*", ending), ending
        assert re.fullmatch(
            r"(application|audio|chemical|font|image|message|model|text|video)/[a-z0-9.+_-]+", media_type
        )


def test_no_extension_stands_in_two_lines_and_the_lines_are_in_order():
    text = Path(media_types.__file__).with_suffix(".txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    endings = [ending for line in lines for ending in line.split()[1:]]
    assert len(endings) == len(set(endings)) == len(TYPES)
    assert lines == sorted(lines)


def test_the_hosts_own_files_do_not_matter(tmp_path):
    """A9: the table is the same whatever the host's MIME files say, and the module does not even look."""
    code = (
        "import sys\n"
        "import storage_router.media_types as m\n"
        "print(m.content_type('a.png'), 'mimetypes' in sys.modules)\n"
    )
    found = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == ["image/png", "False"]


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError, match="does not support item assignment"):
        TYPES["png"] = "text/plain"
