"""WhiteNoise serves the static files from this machine, the router the media: some projects prefer it."""

from __future__ import annotations

from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.http import HttpResponse
from django.templatetags.static import static
from django.test import RequestFactory
from whitenoise.middleware import WhiteNoiseMiddleware

from tests.kit.azurite import Azurite

from .projects import FILES, azure, in_container, in_directory, project


def test_whitenoise_serves_static_files_while_the_router_serves_media(
    source: Path, tmp_path: Path, azurite: Azurite, container: str
) -> None:
    """S4: its storage compresses what was collected, so everything has to be copied before it post-processes."""
    stored = tmp_path / "stored"
    given = {
        "default": {
            "BACKEND": "storage_router.RouterStorage",
            "OPTIONS": {"backends": {"media": azure(azurite, container)}, "default": "media"},
        },
        "staticfiles": {
            "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage",
            "OPTIONS": {"location": str(stored)},
        },
    }
    with project(source, given, STATIC_ROOT=str(stored)) as here:
        said = here.collect().lines
        assert said[0].startswith(f"{len(FILES) - 2} static files copied to '{stored}', ")
        assert "post-processed" in said[0]
        assert "staticfiles.json" in in_directory(stored)
        address = static("css/site.css")
        answer = WhiteNoiseMiddleware(lambda request: HttpResponse(status=404))(RequestFactory().get(address))
        assert answer.status_code == 200
        assert b"body" in b"".join(answer.streaming_content)
        answer.close()
        assert f"{len(FILES) - 2} unmodified" in here.collect().lines[0]
        storages["default"].save("report.txt", ContentFile(b"media"))
        assert in_container(azurite, container) == {"report.txt": b"media"}
