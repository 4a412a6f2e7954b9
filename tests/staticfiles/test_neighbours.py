"""Packages that static files are used with: django-pipeline, django-compressor, WhiteNoise. R9, S2, S5."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
from django.templatetags.static import static
from django.test import Client

from tests.kit.azurite import Azurite

from .projects import azure, in_container, in_directory, only_static, project, router, write
from .test_every_class import alone
from .test_manifest import manifest_of

TESTS = "tests.staticfiles.storages."
PIPELINE = {
    "CSS_COMPRESSOR": None,
    "JS_COMPRESSOR": None,
    "STYLESHEETS": {"all": {"source_filenames": ["css/base.css", "css/m*.css"], "output_filename": "css/all.css"}},
    "JAVASCRIPT": {"all": {"source_filenames": ["js/draw.js"], "output_filename": "js/all.js"}},
}


@pytest.fixture
def pipeline_settings(tmp_path: Path):
    """Settings of django-pipeline, which reads them when they change."""
    return {
        "PIPELINE": {**PIPELINE, "PIPELINE_ROOT": str(tmp_path / "root")},
        "STATICFILES_FINDERS": [
            "django.contrib.staticfiles.finders.FileSystemFinder",
            "pipeline.finders.PipelineFinder",
        ],
    }


KINDS = {
    "ours": ("Pipeline", "PipelineOfDjango"),
    "gzip": ("Zipped", "ZippedOfDjango"),
    "a container": ("PipelineOverAzure", "PipelineOfDjango"),
}


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # django-pipeline's GZIPMixin closes nothing
@pytest.mark.parametrize(("kind", "djangos"), KINDS.values(), ids=KINDS)
def test_django_pipeline_packs_what_it_packs_over_djangos_own(
    kind: str, djangos: str, source: Path, tmp_path: Path, azurite: Azurite, container: str, pipeline_settings
) -> None:
    """Over three releases, so that nothing of an old one is packed."""
    expected = tmp_path / "expected"
    given = only_static(expected)
    given["staticfiles"]["BACKEND"] = TESTS + djangos
    ours = (alone(TESTS + kind) if "Azure" in kind else lambda *args: router(azure(*args), kind=TESTS + kind))(
        azurite, container
    )
    for release in range(3):
        write(source, {"css/base.css": b"p {}\n", "css/more.css": b"a { margin: %dpx }\n" % release})
        for path in source.rglob("*"):
            os.utime(path, (2**31, 2**31))  # Django looks at times
        with project(source, given, **pipeline_settings) as here:
            here.collect_as_django(verbosity=0)
        with project(source, ours, **pipeline_settings) as here:
            here.collect(verbosity=0)
            found, reference = in_container(azurite, container), in_directory(expected)
            assert manifest_of(found) == manifest_of(reference)
            packed = manifest_of(found)["css/all.css"]
            assert b"margin: %dpx" % release in found[packed]
            for name in {*manifest_of(found), *manifest_of(found).values()}:
                assert found[name] == reference[name], name
            assert static("css/all.css").endswith(packed)
    zipped = {name for name in reference if name.endswith((".css.gz", ".js.gz"))}
    assert bool(zipped) == (kind == "Zipped")
    current = {*manifest_of(found), *manifest_of(found).values()}
    for name in zipped:
        if name.removesuffix(".gz") in current:
            assert gzip.decompress(found[name]) == gzip.decompress(reference[name])
    assert not any("_" in name for name in found), "nothing is stored under a second name"


COMPRESSOR = """
import json, pathlib, sys
import django
from django.conf import settings
from django.core.management import call_command

templates, entries = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2])
settings.configure(
    INSTALLED_APPS=["storage_router", "django.contrib.staticfiles", "compressor"],
    STATIC_URL="/static/", STATIC_ROOT=str(templates / "root"), STORAGES=entries,
    STATICFILES_FINDERS=["compressor.finders.CompressorFinder"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [str(templates)],
                "APP_DIRS": True}],
    COMPRESS_OFFLINE=True, COMPRESS_STORAGE_ALIAS="staticfiles", COMPRESS_FILTERS={"css": [], "js": []},
    COMPRESS_OFFLINE_MANIFEST_STORAGE_ALIAS="staticfiles",
)
django.setup()
css = "<style>p { margin: %spx }</style>" % sys.argv[3]
templates.joinpath("page.html").write_text("{% load compress %}{% compress css %}" + css + "{% endcompress %}")
call_command("compress", verbosity=0, force=True)
"""


def test_a_second_compress_of_django_compressor_is_the_one_that_is_read(tmp_path: Path, azurite, container) -> None:
    """S5: its offline manifest is overwritten, and has no second name. In a process: it keeps its settings for ever."""
    entries = router(azure(azurite, container))
    for release in range(2):
        given = [str(tmp_path), json.dumps(entries), str(release)]
        subprocess.run([sys.executable, "-c", COMPRESSOR, *given], check=True)
    found = in_container(azurite, container)
    manifests = [name for name in found if "manifest" in name]
    assert manifests == ["manifest.json"]
    (html,) = json.loads(found["manifest.json"]).values()
    (second,) = (name for name, content in found.items() if b"margin: 1px" in content)
    assert second in html


def test_whitenoise_serves_development_from_the_sources(source: Path, azurite: Azurite, container: str) -> None:
    """With the finders; the container is not asked."""
    settings = {
        "INSTALLED_APPS": ["whitenoise.runserver_nostatic", "storage_router", "django.contrib.staticfiles"],
        "MIDDLEWARE": ["whitenoise.middleware.WhiteNoiseMiddleware"],
        "ROOT_URLCONF": "tests.settings",
        "WHITENOISE_USE_FINDERS": True,
        "WHITENOISE_AUTOREFRESH": True,
        "DEBUG": True,
    }
    with project(source, router(azure(azurite, container)), **settings):
        answer = Client().get("/static/css/base.css")
        assert answer.status_code == 200
        assert b"".join(answer.streaming_content).startswith(b"p { margin: 0 }")
    assert in_container(azurite, container) == {}


def test_tests_can_set_and_delete_what_the_manifest_says(source: Path, azurite: Azurite, container: str) -> None:
    """R9: ``mock.patch`` does both."""
    with project(source, router(azure(azurite, container), kind="ManifestStaticFilesStorage")) as here:
        here.collect(verbosity=0)
        before = static("css/site.css")
        with patch.object(here.storage, "hashed_files", {"css/site.css": "css/site.patched.css"}):
            assert static("css/site.css").endswith("css/site.patched.css")
        assert static("css/site.css") == before
        with patch.object(type(here.storage), "hashed_files", {"css/site.css": "css/site.class.css"}):
            del here.storage.hashed_files
            assert static("css/site.css").endswith("css/site.class.css")
        assert static("css/site.css") == before
        here.storage.hashed_files = {}
        with pytest.raises(ValueError, match="Missing staticfiles manifest entry"):
            static("css/site.css")
