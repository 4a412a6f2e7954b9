"""C1: a new type of backend is one entry in the registry; all else follows from it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import ClassVar, Literal

import jsonschema
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages
from django.core.management import call_command
from django.test import override_settings
from pydantic import Field

from storage_router import RouterStorage
from storage_router.conf import schema
from storage_router.conf.backends import BACKEND_TYPES, BackendType, Place
from storage_router.conf.table import Table
from storage_router.exceptions import ConfigurationError
from storage_router.files import file_store


class ToyStorage(FileSystemStorage):
    """A directory with a colour."""

    def __init__(self, box: str, color: str) -> None:
        super().__init__(location=box, base_url=f"/{color}/")
        self.color = color


class ToyBackend(Table):
    """A box of toys."""

    type: ClassVar = "toy"
    box: str = Field(description="The directory.")
    color: Literal["red", "blue"] = "red"


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    monkeypatch.setitem(
        BACKEND_TYPES,
        "toy",
        BackendType(
            model=ToyBackend,
            scheme="toy",
            example="toy:///srv/toys?color=blue",
            from_url=lambda address: {"box": address},
            builder=lambda alias, options, locate: ToyStorage(options.box, options.color),
            place=lambda options: Place(text=f"box {options.box}", store=("box",), segments=Path(options.box).parts),
        ),
    )


def problems(**backends) -> list[tuple[str, str, str]]:
    with pytest.raises(ConfigurationError) as caught:
        RouterStorage(backends=backends)
    return [(problem.place, problem.message, problem.hint) for problem in caught.value.problems]


def test_its_options_are_validated():
    assert problems(toys={"type": "toy", "bix": "/srv", "color": "green"}) == [
        (
            'OPTIONS["backends"]["toys"]["box"]',
            "'box' is missing",
            "Add it there, or set the variable STORAGE_ROUTER__BACKENDS__TOYS__BOX.",
        ),
        (
            'OPTIONS["backends"]["toys"]["color"]',
            "'green' is not one of the allowed values",
            "Allowed: blue, red.",
        ),
        ('OPTIONS["backends"]["toys"]["bix"]', "there is no setting 'bix'", "Did you mean 'box'?"),
    ]
    assert problems(toys={"type": "tooy", "box": "/srv"})[0][2] == "Did you mean 'toy'?"


def test_it_has_a_url(monkeypatch, tmp_path):
    monkeypatch.setenv("STORAGE_ROUTER__BACKENDS__TOYS", f"toy://{tmp_path}?color=blue")
    monkeypatch.setenv("STORAGE_ROUTER__DEFAULT", "toys")
    router = RouterStorage()
    assert router.backends["toys"].color == "blue"
    assert problems(toys="tooy:///srv")[0][2].endswith(", toy:///srv/toys?color=blue.")


def test_it_is_in_the_schema():
    validator = jsonschema.Draft202012Validator(schema.document_schema())
    assert validator.is_valid({"backends": {"toys": {"type": "toy", "box": "/srv"}, "more": "toy:///srv"}})
    assert not validator.is_valid({"backends": {"toys": {"type": "toy", "box": "/srv", "color": "green"}}})
    assert not validator.is_valid({"backends": {"toys": "tooy:///srv"}})


def test_two_on_the_same_place_are_a_warning(tmp_path):
    boxes = {"one": {"type": "toy", "box": str(tmp_path)}, "two": {"type": "toy", "box": str(tmp_path / "two")}}
    router = RouterStorage(backends=boxes, default="one", routes=[{"prefix": "two", "backend": "two"}])
    (warning,) = router.configuration.warnings
    assert warning.message == "the backends 'one' and 'two' are on the same box, and their locations overlap"


def run(*arguments: str) -> str:
    stream = io.StringIO()
    call_command("storage_router", *arguments, stdout=stream)
    return stream.getvalue()


def test_walk_collectstatic_and_the_commands_work(tmp_path):
    (tmp_path / "source/css").mkdir(parents=True)
    for number in range(20):
        (tmp_path / f"source/css/{number}.css").write_text(f"/* {number} */")
    options = {
        "backends": {"toys": {"type": "toy", "box": str(tmp_path / "box"), "color": "blue"}, "ram": "memory://"},
        "routes": [{"prefix": "static", "backend": "toys"}],
        "default": "ram",
    }
    with override_settings(
        STORAGES={
            "default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options},
            "staticfiles": {"BACKEND": "storage_router.StaticFilesStorage"},
        },
        STATICFILES_DIRS=[tmp_path / "source"],
        STATICFILES_FINDERS=["django.contrib.staticfiles.finders.FileSystemFinder"],
        STATIC_URL="/static/",
    ):
        storages["default"].save("static/first.txt", ContentFile(b"x"))
        toys = storages["default"].backends["toys"]
        assert file_store(toys).capabilities.parallel
        call_command("collectstatic", interactive=False, verbosity=0)
        expected = ["static/first.txt", *sorted(f"static/css/{number}.css" for number in range(20))]
        assert sorted(found.name for found in file_store(storages["default"]).walk("static")) == sorted(expected)
        assert f"box {tmp_path}/box" in run("routes")
        settings = json.loads(run("config", "--all", "--json"))["default"]["settings"]
        assert {"path": ["backends", "toys", "color"], "value": "blue"}.items() <= {
            "path": next(it for it in settings if it["path"] == ["backends", "toys", "color"])["path"],
            "value": next(it for it in settings if it["path"] == ["backends", "toys", "color"])["value"],
        }.items()
        findings = json.loads(run("doctor", "--json"))
        assert "failed" not in json.dumps(findings).lower().replace('"failed": 0', "")
