"""R3: globs."""

from __future__ import annotations

import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage_router.globs import Glob
from tests.kit.examples import examples
from tests.routing import reference

NAMES = st.lists(st.text("ab.x", min_size=1, max_size=4), min_size=1, max_size=4).map("/".join)


@examples(600)
@given(reference.GLOBS, st.lists(NAMES, min_size=1, max_size=8))
def test_a_glob_matches_what_the_rules_say(text, names):
    # R3
    glob = Glob(text)
    for name in names:
        assert glob.matches(name) is reference.glob_matches(text, name)


@examples(300)
@given(reference.GLOBS, NAMES)
def test_where_a_glob_may_match_is_never_denied(text, name):
    """R8: a directory is left out of a listing only if nothing in it can match."""
    glob = Glob(text)
    directories = ["/".join(name.split("/")[:count]) for count in range(name.count("/") + 1)]
    if reference.glob_matches(text, name):
        assert all(glob.may_match_below(f"{directory}/" if directory else "") for directory in directories)
        assert name.startswith(glob.start)
        assert name.endswith(glob.end)


@pytest.mark.parametrize(
    ("glob", "matching", "others"),
    [
        ("*.psd", ["a.psd", ".psd"], ["a/b.psd", "a.PSD", "a.psdx"]),
        ("**/*.psd", ["a.psd", "a/b/c.psd"], ["a.psd/b"]),
        ("**.psd", ["a.psd", "a/b.psd"], ["a.psb"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "ab/c"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb", "a/b/c"]),
        ("a**b", ["ab", "a/b", "axb", "a/x/b"], ["a/bc"]),
        ("invoices/20??/*.pdf", ["invoices/2024/x.pdf"], ["invoices/204/x.pdf", "invoices/2024/a/x.pdf"]),
        ("[a-c]*/x", ["a/x", "bz/x"], ["d/x", "A/x"]),
        ("[!a]", ["b", "!"], ["a", "ab"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[]a]", ["]", "a"], ["b"]),
        ("[!]]", ["a"], ["]"]),
        ("a[.-0]b", ["a.b", "a0b"], ["a/b"]),
        ("[[]1].jpg", ["[1].jpg"], ["1.jpg"]),
        ("[{]a,b}", ["{a,b}"], ["a", "b"]),
        ("a{b}", ["a{b}"], ["ab"]),
        ("a+(b).$^|d", ["a+(b).$^|d"], ["abd"]),
        ("**", ["a", "a/b"], []),
        ("**/*", ["a", "a/b"], []),
        ("**/**/a", ["a", "b/a"], ["ba"]),
        ("é?", ["é日"], ["é"]),
    ],
)
def test_globs_by_example(glob, matching, others):
    # R3
    found = Glob(glob)
    assert [name for name in matching + others if found.matches(name)] == matching


@pytest.mark.parametrize(
    ("glob", "message"),
    [
        ("a/[b", "the bracket [ is never closed: write [[] for a bracket itself"),
        ("[]", "brackets stand for at least one character, and never for a slash"),
        ("[z-a]", "brackets hold characters and ranges of them: bad character range z-a"),
        ("[/]", "brackets stand for at least one character, and never for a slash"),
        ("[!]", "brackets stand for at least one character, and never for a slash"),
        ("{a,b}.txt", "braces are not alternatives here: write a list of globs, and [{] for a brace itself"),
        (
            "private\\\\*",
            "names have / where others have a backslash, and it escapes nothing: write [*] for a star itself",
        ),
        ("a***", "there are * (inside a segment) and ** (across segments), no longer runs of stars"),
        ("/a", "names are relative and have no empty, '.' or '..' segments"),
        ("a/", "names are relative and have no empty, '.' or '..' segments"),
        ("a//b", "names are relative and have no empty, '.' or '..' segments"),
        ("", "names are relative and have no empty, '.' or '..' segments"),
    ],
)
def test_a_glob_that_would_mean_nothing_is_refused(glob, message):
    """Issue 4: nothing is silently wrong."""
    with pytest.raises(ValueError, match=r"^.+$") as error:
        Glob(glob)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("glob", "name"),
    [
        ("**/*a*a*a*a*a*a*b", "a" * 1024),
        ("**a**a**a**a**a**b", "a" * 1024),
        ("**/*a/**/*a/**/*a/**/*b", "aa/" * 253 + "a"),
        ("*a*b*c*d*e", "abcd" * 256),
        ("[a-z]*[a-z]*[a-z]*[a-z]*0", "a" * 1024),
        ("**-private/*", "-private" * 1000),
        ("**a*b", "a" * 8000),
        ("**/?*?*?*?/b", "a" * 8000),
    ],
)
def test_no_name_makes_a_glob_try_combinations(glob, name):
    """F3: uploads choose names, and a backtracking pattern would take years for these."""
    started = time.thread_time()
    assert not Glob(glob).matches(name)
    assert time.thread_time() - started < 1


def test_what_a_glob_remembers_has_an_end():
    """R13: an uploader may choose each character of a name anew."""
    glob = Glob("**a*b?c*d")
    for number in range(200):
        characters = "".join(chr(0x4E00 + number * 100 + offset) for offset in range(100))
        assert glob.matches(f"{characters}abxcxd")
    assert len(pickle.dumps(glob.matches)) < 2_000_000
