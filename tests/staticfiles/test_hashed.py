"""``static.hashed``: the class of the static storage, chosen by the document. S6."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

import storage_router
from storage_router import installed

from .projects import project, router

DOCUMENT = {"backends": {"media": {"type": "memory"}}, "default": "media"}


@pytest.mark.parametrize(
    ("static", "kind"),
    [
        ({}, "storage_router.StaticFilesStorage"),
        ({"hashed": False}, "storage_router.StaticFilesStorage"),
        ({"hashed": True}, "storage_router.ManifestStaticFilesStorage"),
    ],
)
def test_storages_chooses_the_class(static: dict, kind: str) -> None:
    assert storage_router.storages({**DOCUMENT, "static": static})["staticfiles"] == {"BACKEND": kind}


@pytest.mark.parametrize(("value", "kind"), [("true", "ManifestStaticFilesStorage"), ("0", "StaticFilesStorage")])
def test_a_variable_chooses_it(value: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_ROUTER__STATIC__HASHED", value)
    assert storage_router.storages(DOCUMENT)["staticfiles"] == {"BACKEND": f"storage_router.{kind}"}


@pytest.mark.parametrize("hashed", [True, False])
def test_a_class_that_does_not_agree_is_an_error_that_names_it(hashed: bool, source: Path) -> None:
    kind, other = "StaticFilesStorage", "ManifestStaticFilesStorage"
    if not hashed:
        kind, other = other, kind
    why = (
        rf"static\.hashed is {str(hashed).lower()}, and STORAGES\['staticfiles'\] is a {kind}, .*"
        rf"Name storage_router\.{other} in STORAGES, or remove static\.hashed\."
    )
    with project(source, router({"type": "memory"}, kind=kind, static={"hashed": hashed})) as here:
        with pytest.raises(ImproperlyConfigured, match=why):
            here.storage.url("a.css")
        found = [one for one in installed.problems(installed.entries()) if one.id.endswith("E021")]
        assert len(found) == 1
        assert found[0].message.startswith(f"static.hashed is {str(hashed).lower()}")
    with project(source, router({"type": "memory"}, kind=other, static={"hashed": hashed})) as here:
        assert here.storage.url("") is not None
