"""P2: nothing below a hidden prefix is found, except by those who ask for it."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile

from storage_router import RouterStorage
from storage_router.exceptions import NoRouteError

HIDDEN = "quarantine/0123"
CONFIG = {
    "backends": {"media": {"type": "memory", "base_url": "/media/"}, "waiting": {"type": "memory", "base_url": "/w/"}},
    "default": "media",
    "routes": [{"prefix": "quarantine/", "backend": "waiting"}],
    "uploads": {"policies": {"documents": {"authorize": "acme.files.may_upload"}}},
}


@pytest.fixture
def router():
    router = RouterStorage(**CONFIG)
    router.backends["waiting"].save(HIDDEN, ContentFile(b"not checked"))
    router.save("a.txt", ContentFile(b"a"))
    return router


@pytest.mark.parametrize(
    "use",
    [
        lambda router: router.open(HIDDEN),
        lambda router: router.open("quarantine//0123"),
        lambda router: router.save(HIDDEN, ContentFile(b"")),
        lambda router: router.delete(HIDDEN),
        lambda router: router.exists(HIDDEN),
        lambda router: router.size(HIDDEN),
        lambda router: router.url(HIDDEN),
        lambda router: router.url("quarantine/"),
        lambda router: router.get_modified_time(HIDDEN),
        lambda router: router.get_available_name(HIDDEN),
        lambda router: router.generate_filename(HIDDEN),
        lambda router: router.stat(HIDDEN),
        lambda router: router.explain(HIDDEN),
    ],
)
def test_every_method_refuses_a_name_below_a_hidden_prefix(router, use):
    with pytest.raises(NoRouteError, match="is below a prefix that is kept for uploads"):
        use(router)
    assert router.backends["waiting"].exists(HIDDEN)


def test_listings_leave_hidden_names_out(router):
    assert router.listdir("") == ([], ["a.txt"])
    assert [stat.name for stat in router.walk("")] == ["a.txt"]
    assert list(router.walk("quarantine")) == []
    assert router.listdir("quarantine") == ([], [])
    assert not router.exists("quarantine/")


def test_who_asks_for_it_finds_a_hidden_name(router):
    assert router.table.match(HIDDEN, hidden=True).alias == "waiting"


def test_without_uploads_nothing_is_hidden():
    router = RouterStorage(**{**CONFIG, "uploads": None})
    assert router.explain(HIDDEN).alias == "waiting"
