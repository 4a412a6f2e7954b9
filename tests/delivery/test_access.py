"""D2, T5, T9, T19, T20, T26: who may read, and what everybody else is told."""

from __future__ import annotations

import functools
from unittest import mock

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseForbidden

from . import site
from .conftest import TEXT, body


def test_authorize_is_asked_about_the_file_before_the_storage_is(any_site):
    refused = any_site.get("private/missing.txt", X_User="other")
    assert refused.status_code == 404
    (file,) = site.asked
    assert (file.name, file.alias, file.storage) == ("private/missing.txt", "files", "default")
    assert str(file.route) == 'routes[0] (prefix "private/")'


def test_an_async_function_may_decide(memory_site):
    memory_site.use(authorize="tests.delivery.site.may_read_async").save()
    assert body(memory_site.get()) == TEXT
    assert memory_site.get(X_User="other").status_code == 404


def coroutine_of(value):
    async def answer(request, file):
        return value

    return answer


YES = [lambda request, file: True, coroutine_of(True), functools.partial(coroutine_of(True))]
YES += [lambda request, file: coroutine_of(True)(request, file)]
NO = [lambda request, file: False, coroutine_of(False), lambda request, file: coroutine_of(False)(request, file)]
NEITHER = [None, 1, "yes", [1], mock.Mock(), HttpResponse("yes"), object()]


def decide_by(function):
    return mock.patch.object(site, "may_read", function)


@pytest.mark.parametrize("function", YES)
def test_true_lets_in(memory_site, function):
    memory_site.save()
    with decide_by(function):
        assert memory_site.get().status_code == 200


@pytest.mark.parametrize("function", NO)
def test_false_refuses(memory_site, function):
    memory_site.save()
    with decide_by(function):
        assert memory_site.get().status_code == 404


@pytest.mark.parametrize("value", NEITHER, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_everything_else_is_an_error_and_lets_nobody_in(memory_site, caplog, value, kind):
    memory_site.save()
    with decide_by(coroutine_of(value) if kind == "coroutine" else lambda request, file: value):
        assert memory_site.get().status_code == 500
    assert "Return True, False or a response that refuses" in caplog.text


def test_an_exception_is_an_error_and_lets_nobody_in(memory_site, caplog):
    memory_site.save()
    with decide_by(mock.Mock(side_effect=ZeroDivisionError)):
        assert memory_site.get().status_code == 500


@pytest.mark.parametrize("kind", [PermissionDenied, Http404])
def test_djangos_exceptions_for_it_refuse_as_false_does(memory_site, kind):
    memory_site.save()
    with decide_by(mock.Mock(side_effect=kind)):
        refused_like_a_missing_file(memory_site, "/files/f/private/a.txt")
        assert memory_site.get().headers["X-Content-Type-Options"] == "nosniff"
        assert memory_site.get(X_User=None).status_code == 401


def test_a_response_of_authorize_is_sent_and_not_stored(memory_site):
    memory_site.save()
    with decide_by(lambda request, file: HttpResponseForbidden("pay first", headers={"Cache-Control": "public"})):
        response = memory_site.get()
    assert (response.status_code, response.content) == (403, b"pay first")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("headers", [{"Sec_Fetch_Mode": "navigate"}, {"Accept": "text/html,*/*"}], ids=str)
def test_a_stranger_who_navigates_is_led_to_the_login(memory_site, headers):
    response = memory_site.get("private/a b.txt", X_User=None, **headers)
    assert response.status_code == 302
    assert response.headers["Location"] == "/accounts/login/?next=/files/f/private/a%2520b.txt"
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Accept": "image/*"}, {"Sec_Fetch_Mode": "no-cors", "Accept": "text/html"}, {"Sec_Fetch_Mode": "cors"}],
)
def test_a_stranger_who_does_not_navigate_gets_401(memory_site, headers):
    response = memory_site.get(X_User=None, **headers)
    assert (response.status_code, response.headers["Cache-Control"]) == (401, "no-store")
    assert "WWW-Authenticate" in response.headers


def test_a_head_request_is_not_led_to_the_login(memory_site):
    url = memory_site.storage.url("private/a.txt")
    assert memory_site.ask("head", url, X_User=None, Accept="text/html").status_code == 401


def test_the_login_leads_back_to_this_site_only(memory_site):
    memory_site.use(settings={"ROOT_URLCONF": "storage_router.urls"})
    response = memory_site.ask("get", "//f/private/a.txt", X_User=None, Accept="text/html", Host="evil.example")
    assert "//" not in response.headers.get("Location", "").partition("next=")[2]


def test_without_a_user_nobody_is_signed_in(memory_site):
    memory_site.use(settings={"MIDDLEWARE": []}).save()
    assert memory_site.get().status_code == 200
    assert memory_site.get(X_User="other").status_code == 401


def refused_like_a_missing_file(some_site, url: str) -> None:
    for method in ("get", "head"):
        missing = some_site.ask(method, "/files/f/private/missing.txt")
        response = some_site.ask(method, url)
        assert (response.status_code, body(response)) == (404, body(missing))
        assert dict(response.headers) == dict(missing.headers)
        assert response.headers["Cache-Control"] == "no-store"


HOSTILE = ["private/%2e%2e/x", "private/%00", "private/a.txt/", "/private/a.txt", "private//a.txt", "", "private"]
HOSTILE += ["private/", "%2Fetc/passwd", "private/%0A", "private/a%5Cb", "private/./a.txt", "C:/x", "private/%7F"]
HOSTILE += ["private/%ED%A0%80", "private/" + "a/" * 300 + "b", "private/a.", "private/%252e%252e/x"]
HOSTILE += ["private/x" + "y" * 2000, "private/a.txt/below-a-file"]


@pytest.mark.parametrize("path", HOSTILE)
def test_what_is_no_name_is_a_missing_file(any_site, path, caplog):
    any_site.save()
    any_site.save("private/directory/a.txt")
    refused_like_a_missing_file(any_site, f"/files/f/{path}")
    refused_like_a_missing_file(any_site, "/files/f/private/directory")
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_the_view_is_no_door_to_other_routes(any_site):
    others = {"linked": {"type": "memory"}, "static": {"type": "memory"}}
    routes = [{"prefix": "linked/", "backend": "linked"}, {"prefix": "static/", "backend": "static"}]
    any_site.use(others=others)
    delivery = any_site.storage.configuration.document.routes[0].model_dump(exclude_unset=True)
    any_site.use(others=others, document={"routes": [delivery, *routes]})
    for name in ("linked/a.txt", "static/a.txt", "b.txt"):
        any_site.save(name)
        site.asked.clear()
        refused_like_a_missing_file(any_site, f"/files/f/{name}")
    for alias in ("default", "staticfiles", "nowhere", "os", "tests.delivery.site"):
        refused_like_a_missing_file(any_site, f"/files/s/{alias}/private/a.txt")


def test_each_router_has_an_address_of_its_own(memory_site):
    def router(authorize):
        route = {"prefix": "other/", "backend": "ram", "delivery": "stream", "authorize": authorize}
        options = {"backends": {"ram": {"type": "memory"}}, "default": "ram", "routes": [route]}
        return {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}

    storages = {"default": router("tests.delivery.site.may_read"), "other": router("tests.delivery.site.nobody_may")}
    memory_site.use(settings={"STORAGES": storages})
    memory_site.save("other/x.txt")
    assert memory_site.storage.url("other/x.txt") == "/files/f/other/x.txt"
    assert body(memory_site.get("other/x.txt")) == TEXT
    from django.core.files.storage import storages as built

    assert built["other"].url("other/x.txt") == "/files/s/other/other/x.txt"
    with mock.patch.object(site, "nobody_may", return_value=False, create=True):
        assert memory_site.ask("get", "/files/s/other/other/x.txt").status_code == 404


@pytest.mark.parametrize("destination", ["script", "style", "worker", "sharedworker", "serviceworker", "audioworklet"])
def test_a_page_cannot_run_or_apply_a_file(memory_site, destination):
    memory_site.save("private/x.js")
    assert memory_site.get("private/x.js").status_code == 200
    assert memory_site.get("private/x.js", Sec_Fetch_Dest=destination).status_code == 404
    assert memory_site.get("private/x.js", Service_Worker="script").status_code == 404
