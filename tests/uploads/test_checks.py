"""T12: what is wrong with direct uploads is said before the first request."""

from __future__ import annotations

import pytest
from django.core import checks

from .conftest import POLICIES, Site, azure

ROUTE = {"prefix": "quarantine/", "backend": "waiting"}


class Nowhere:
    """An account that no request is made to."""

    @staticmethod
    def account_url():
        return "https://devstoreaccount1.blob.core.windows.net"

    @staticmethod
    def create_container():
        return f"container{id(object())}"


@pytest.fixture
def uploads():
    found = Site(Nowhere)
    yield found
    found.stop()


def ids():
    return sorted(
        message.id.rpartition(".")[2]
        for message in checks.run_checks(tags=["storage_router"])
        if message.id[15:].startswith(("E05", "W05"))
    )


def backends(**waiting):
    return {"media": azure(Nowhere, "media"), "waiting": azure(Nowhere, "waiting", **waiting)}


def test_a_good_configuration_has_no_problem(uploads):
    uploads.use(backends=backends())
    assert ids() == []


def test_routes_with_views_and_moves_are_checked_beside_a_quarantine(uploads):
    private = {"prefix": "private/", "backend": "media", "delivery": "stream", "authorize": "tests.uploads.site.nobody"}
    moving = {"prefix": "docs/", "backend": "media", "moving_from": "old", "phase": "mirror"}
    uploads.use(backends={**backends(), "old": azure(Nowhere, "old")}, routes=[ROUTE, private, moving])
    assert ids() == []


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"routes": []}, ["E050"]),
        ({"routes": [{"prefix": ["quarantine/", "other/"], "backend": "waiting"}]}, ["E050"]),
        ({"routes": [{"glob": "*/x", "backend": "media"}, ROUTE]}, ["E050"]),
        ({"uploads": {"policies": POLICIES, "quarantine": "elsewhere/"}}, ["E050"]),
        ({"routes": [ROUTE, {"prefix": "docs/", "backend": "waiting"}]}, ["E051"]),
        ({"routes": [{**ROUTE, "backend": "media"}]}, ["E051"]),
        ({"backends": backends(custom_domain="cdn.acme.example")}, ["W051"]),
        ({"backends": {**backends(), "waiting": {"type": "memory"}}}, ["W050"]),
        ({"uploads": {"policies": {"a": {"authorize": "tests.uploads.site.nobody"}}}}, ["E052"]),
        ({"uploads": {"policies": {"a": {**POLICIES["avatars"], "checks": ["tests.nothing.at_all"]}}}}, ["E052"]),
        ({"uploads": {"policies": {}}, "routes": []}, []),
    ],
    ids=lambda value: None,
)
def test_each_problem_is_found(uploads, document, found):
    uploads.use(**{"backends": backends(), **document})
    assert ids() == found


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"MIDDLEWARE": ["tests.uploads.site.who"]}, ["E053"]),
        ({"ROOT_URLCONF": "tests.delivery.nothing_included"}, ["E054"]),
    ],
)
def test_the_settings_are_compared(uploads, settings, found):
    uploads.use(backends=backends(), settings=settings)
    assert ids() == found
