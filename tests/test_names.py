"""R10 and A8: which names are legal, and what is said about the others."""

from __future__ import annotations

import pathlib
import re

import pytest
from django.core.exceptions import SuspiciousFileOperation
from hypothesis import example, given
from hypothesis import strategies as st

from storage_router.exceptions import InvalidNameError
from storage_router.names import (
    MAX_LENGTH,
    MAX_SEGMENTS,
    check_blob_name,
    clean_directory,
    clean_name,
    is_clean,
    normalized,
)

LEGAL = [
    "a",
    "a/b.txt",
    ".htaccess",
    ".well-known/acme-challenge/x",
    "a/.hidden",
    "a/..b",
    "a/...",
    "...",
    "..a/b",
    "a b/ c ",
    "100%.txt",
    "a#b?c=d&e",
    "日本/ファイル.txt",
    "a\u00a0b\u200b",
    "photo:1.jpg",
    "Q: answers.pdf",
    "c:x",
    "ab:c",
    "x/C:/y",
    "~",
    "-",
]

REFUSED = [
    ("", "Could not derive file name from ''"),
    ("/", "Detected path traversal attempt in '/'"),
    ("/a", "Detected path traversal attempt in '/a'"),
    ("//a", "Detected path traversal attempt in '/a'"),
    ("\\a", "Detected path traversal attempt in '/a'"),
    ("..", "Detected path traversal attempt in '..'"),
    ("../a", "Detected path traversal attempt in '../a'"),
    ("public/../private/x", "Detected path traversal attempt in 'public/../private/x'"),
    ("public\\..\\private", "Detected path traversal attempt in 'public/../private'"),
    ("a/..", "Detected path traversal attempt in 'a/..'"),
    ("C:/x", "Detected path traversal attempt in 'C:/x'"),
    ("c:\\x", "Detected path traversal attempt in 'c:/x'"),
    ("C:", "Detected path traversal attempt in 'C:'"),
    (".", "A file name must not contain '.' segments or end in a slash: '.'"),
    ("./a", "A file name must not contain '.' segments or end in a slash: './a'"),
    ("a/./b", "A file name must not contain '.' segments or end in a slash: 'a/./b'"),
    ("a/.", "A file name must not contain '.' segments or end in a slash: 'a/.'"),
    ("a/", "A file name must not contain '.' segments or end in a slash: 'a/'"),
    ("a\nb", "A file name must not contain control characters or lone surrogates: 'a\\nb'"),
    ("a\x00", "A file name must not contain control characters or lone surrogates: 'a\\x00'"),
    ("a\x7f", "A file name must not contain control characters or lone surrogates: 'a\\x7f'"),
    ("a\x85b", "A file name must not contain control characters or lone surrogates: 'a\\x85b'"),
    ("a\ud800", "A file name must not contain control characters or lone surrogates: 'a\\ud800'"),
    (None, "Could not derive file name from 'None'"),
    (b"a", "Could not derive file name from 'b'a''"),
]


@pytest.mark.parametrize("name", LEGAL)
def test_a_legal_name_is_left_as_it_is(name):
    """A8: legal names are never rewritten."""
    assert clean_name(name) == name


@pytest.mark.parametrize(("name", "message"), REFUSED, ids=repr)
def test_a_name_that_is_none_is_refused_in_djangos_words(name, message):
    """R10: refused with ``SuspiciousFileOperation``, before anything else happens."""
    with pytest.raises(SuspiciousFileOperation) as refusal:
        clean_name(name)
    assert str(refusal.value) == message
    assert type(refusal.value) is InvalidNameError


def test_a_backslash_counts_as_a_slash():
    """R10: as in Django."""
    assert clean_name("a\\b\\c.txt") == "a/b/c.txt"
    assert clean_directory("a\\b\\") == "a/b"


def test_repeated_slashes_count_as_one():
    """R10: as in Django; apps build such names of a directory and a file."""
    assert clean_name("a//b\\\\c///d.txt") == "a/b/c/d.txt"
    assert clean_directory("a//b//") == "a/b"


def test_a_path_object_is_a_name():
    assert clean_name(pathlib.PurePosixPath("a/b.txt")) == "a/b.txt"


def test_a_clean_name_is_not_cleaned_again():
    """H2: a name is cleaned once in a save."""
    name = clean_name("a//b.txt")
    assert clean_name(name) is name
    assert type(str(name)) is str


@pytest.mark.parametrize(("name", "clean"), [("a/b", True), ("a//b", False), ("a\\b", False), ("a/", False)])
def test_a_name_that_another_program_stored_is_clean_if_it_would_be_left_as_it_is(name, clean):
    assert is_clean(name) is clean


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("./docs/a.txt", "docs/a.txt"),
        ("docs//a.txt", "docs/a.txt"),
        ("docs/./a.txt", "docs/a.txt"),
        ("docs\\tab\there.txt", "docs/tabhere.txt"),
        ("a\x00/\ud800/b", "a/b"),
        ("Q: answers.pdf", "Q: answers.pdf"),
    ],
)
def test_the_name_of_an_upload_is_normalized(name, normal):
    """R10: as ``generate_filename`` of Django's storages does."""
    assert normalized(name) == normal


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/tmp/..", "Could not derive file name from '..'"),
        ("\\tmp\\.", "Could not derive file name from '.'"),
        ("", "Could not derive file name from ''"),
        ("a/", "Could not derive file name from ''"),
        ("tmp\\..\\path", "Detected path traversal attempt in 'tmp/..'"),
        ("/a", "Detected path traversal attempt in '/a'"),
        ("C:\\a", "Detected path traversal attempt in 'C:/a'"),
    ],
)
def test_the_name_of_an_upload_that_leads_elsewhere_is_refused_in_djangos_words(name, message):
    # R10
    with pytest.raises(InvalidNameError) as refusal:
        normalized(name)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("path", "directory"), [("", ""), ("a", "a"), ("a/", "a"), ("a/b/", "a/b"), (".well-known/", ".well-known")]
)
def test_a_directory_may_end_in_a_slash_and_the_empty_one_is_the_root(path, directory):
    """R10: the empty name is the root, a directory may end in a slash."""
    assert clean_directory(path) == directory


@pytest.mark.parametrize("path", ["/", "//", "../", "a/../", "a/./", "\x00/", "C:/", None, b"a"])
def test_a_directory_keeps_to_the_rules_of_names(path):
    # R10
    with pytest.raises(InvalidNameError):
        clean_directory(path)


@given(st.text(st.sampled_from("ab./\\:\n\x7f\ud800é"), max_size=12))
@example("a:")
@example("b:\\:")
@example("é:")
def test_what_passes_has_no_segment_that_means_something_else(name):
    """R10, F3: read plainly, segment by segment."""
    plain = re.sub("/+", "/", name.replace("\\", "/"))
    bad_character = any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in plain)
    drive = plain[:2] in ("a:", "b:") and plain[2:3] in ("", "/")
    legal = not bad_character and not drive and all(part not in ("", ".", "..") for part in plain.split("/"))
    if legal:
        assert clean_name(name) == plain
    else:
        with pytest.raises(InvalidNameError):
            clean_name(name)


def test_a_blobs_name_is_as_long_as_azure_allows_and_no_longer():
    """A8: 1 to 1,024 characters."""
    check_blob_name("é" * MAX_LENGTH)
    with pytest.raises(InvalidNameError, match=r"A blob's name has at most 1024 characters; this one has 1025: 'éé"):
        check_blob_name("é" * (MAX_LENGTH + 1))


def test_a_blobs_name_has_as_many_segments_as_azure_allows_and_no_more():
    """A8: at most 254 segments."""
    check_blob_name("/".join("a" * MAX_SEGMENTS))
    with pytest.raises(InvalidNameError, match=r"at most 254 path segments; this one has 255"):
        check_blob_name("/".join("a" * (MAX_SEGMENTS + 1)))


@pytest.mark.parametrize("name", ["a.", "a./b", "a/b..", "..."])
def test_no_segment_of_a_blobs_name_ends_in_a_dot(name):
    # A8
    with pytest.raises(InvalidNameError) as refusal:
        check_blob_name(name)
    assert str(refusal.value) == f"No segment of a blob's name may end in a dot: {name!r}"
