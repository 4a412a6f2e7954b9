"""What Django's own tests of static files look at, side by side with its storages, by both commands. S2, S3, S9.

Not here: files that are skipped because the stored one is younger. ``collectstatic`` compares contents.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.management.commands.collectstatic import Command as DjangosCommand
from django.core.management import CommandError, call_command
from django.templatetags.static import static

from tests.kit.azurite import Azurite

from .projects import azure, in_container, in_directory, only_static, project, router, write
from .test_every_class import COMMANDS, HASHED, run
from .test_manifest import manifest_of

TESTS = "tests.staticfiles.storages."

TREE = {
    "cached/absolute.css": b'@import url("/static/cached/styles.css"); a { b: url(/static/cached/img/relative.png) }',
    "cached/css/fragments.css": b'a { src: url("fonts/font.eot?#iefix") } '
    b'b { c: url(#default#VML) url("fonts/font.svg#x") }',
    "cached/css/fonts/font.eot": b"not really a font",
    "cached/css/fonts/font.svg": b"not really an svg",
    "cached/css/ignored.css": b'a { b: url("#foobar"), url("http:foobar"), url("https:foobar"), url("data:foobar"), '
    b'url("chrome:foobar"), url("//foobar"), url() }',
    "cached/css/window.css": b'a { b: url("img/window.png") }',
    "cached/css/img/window.png": b"",
    "cached/denorm.css": b'@import url("..//cached///styles.css");',
    "cached/img/relative.png": b"\x89PNG",
    "cached/import.css": b'@import "styles.css";',
    "cached/other.css": b"p { }",
    "cached/relative.css": b'@import url("../cached/styles.css"); @import "./../cached/styles.css"; '
    b'a { b: url("img/relative.png") }',
    "cached/source_map.css": b"*{b:c}\n/*# sourceMappingURL=source_map.css.map*/\n",
    "cached/source_map.css.map": b"{}",
    "cached/source_map.js": b"(function() {})();\n//# sourceMappingURL=source_map.js.map\n",
    "cached/source_map.js.map": b"{}",
    "cached/styles.css": b'@import url("other.css"); a { b: URL("img/relative.png") }',
    "cached/styles_insensitive.css": b'@IMPORT uRL("other.css");',
    "cached/url.css": b'@import url("https://www.djangoproject.com/m/styles.css");',
    "test/file with spaces.css": b"p {}",
    "test/%2F.txt": b"%2F in the name",
    "test/\u2297.txt": b"a sign",
    "test.txt": b"Can we find this file?",
}

PLAIN = [name for name in TREE if re.fullmatch(r"[\w./-]+", name, re.ASCII)]
"""Names whose links can be compared: Django's own unquotes the others."""

STORAGES = {
    "hashed": ("ManifestStaticFilesStorage", "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"),
    "a hash of the project's own": (f"{TESTS}Deploy", f"{TESTS}DeployOfDjango"),
    "no hash": (f"{TESTS}NoHashes", f"{TESTS}NoHashesOfDjango"),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write(tmp_path / "tree", TREE)
    return tmp_path / "tree"


def djangos(stored: Path, kind: str) -> dict[str, Any]:
    given = only_static(stored)
    given["staticfiles"]["BACKEND"] = kind
    return given


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize(("kind", "of_django"), STORAGES.values(), ids=STORAGES)
def test_what_is_stored_and_linked_is_the_same(
    kind: str, of_django: str, command, tree: Path, tmp_path: Path, azurite: Azurite, container: str
) -> None:
    with project(tree, djangos(tmp_path / "stored", of_django)) as here:
        here.collect_as_django()
        links = {name: static(name) for name in PLAIN}
    expected = in_directory(tmp_path / "stored")
    with project(tree, router(azure(azurite, container), kind=kind)) as here:
        for _ in range(2):
            run(here, command)
            found = in_container(azurite, container)
            assert manifest_of(found) == manifest_of(expected)
            for name in {*TREE, *manifest_of(found).values()}:
                assert found[name] == expected[name], name
        base = f"{azurite.account_url()}/{container}/"
        assert {name: static(name) for name in PLAIN} == {
            name: link.replace("/static/", base) for name, link in links.items()
        }


@pytest.mark.parametrize("given", HASHED.values(), ids=HASHED)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_files_that_import_each_other_are_djangos_error(given, command, source, azurite, container: str) -> None:
    write(source, {"css/one.css": b'@import "two.css";', "css/two.css": b'@import "one.css";'})
    with project(source, given(azurite, container)):
        err = io.StringIO()
        with pytest.raises((RuntimeError, CommandError), match=r"Max post-process passes exceeded\."):
            call_command(command if isinstance(command, str) else command(), interactive=False, stderr=err)
    assert "css/one.css, css/two.css" in err.getvalue()
    assert "failed!" in err.getvalue()


@pytest.mark.parametrize("given", HASHED.values(), ids=HASHED)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_clear_leaves_nothing_of_an_old_manifest(given, command, source: Path, azurite, container: str) -> None:
    write(source, {"cleared.txt": b"to be cleared"})
    with project(source, given(azurite, container)) as here:
        run(here, command)
        assert "cleared.txt" in here.storage.hashed_files
        (source / "cleared.txt").unlink()
        run(here, command, clear=True, verbosity=0)
        found = in_container(azurite, container)
        assert "cleared.txt" not in found
        assert "cleared.txt" not in here.storage.hashed_files
        assert "cleared.txt" not in manifest_of(found)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_change_after_collectstatic_waits_for_the_next(command, source: Path, azurite, container: str) -> None:
    with project(source, router(azure(azurite, container), kind="ManifestStaticFilesStorage")) as here:
        run(here, command)
        before = static("css/base.css")
        write(source, {"css/base.css": b"p { color: red }"})
        assert static("css/base.css") == before
        if command is not DjangosCommand:  # which looks at times
            run(here, command)
            assert static("css/base.css") != before


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_post_processing_may_have_nothing_to_do(command, source: Path, azurite: Azurite, container: str) -> None:
    with project(source, router(azure(azurite, container), kind=f"{TESTS}NothingToProcess")) as here:
        said = run(here, command)
        assert "post-processed" not in said.out
        assert "css/site.css" in in_container(azurite, container)


@pytest.mark.parametrize("given", HASHED.values(), ids=HASHED)
def test_findstatic_finds_sources(given, source: Path, azurite: Azurite, container: str) -> None:
    with project(source, given(azurite, container)):
        out = io.StringIO()
        call_command("findstatic", "css/base.css", all=False, verbosity=0, stdout=out)
    assert out.getvalue().strip() == str(source / "css/base.css")
