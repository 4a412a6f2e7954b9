"""D3, semantics 5: the file through Django, with conditions and ranges, the same for every type of backend."""

from __future__ import annotations

import asyncio

import django
import pytest
from django.test import AsyncClient

from .conftest import READER, TEXT, body


def test_the_whole_file(any_site):
    any_site.save()
    response = any_site.get()
    assert (response.status_code, body(response)) == (200, TEXT)
    headers = response.headers
    assert headers["Content-Length"] == "1000"
    assert headers["Content-Type"] == "text/plain"
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Content-Encoding"] == "identity"
    assert headers["Cache-Control"] == "private, no-cache"
    assert headers["Vary"] == "Cookie, Authorization"
    assert headers["ETag"].startswith('"')
    assert headers["Last-Modified"].endswith("GMT")
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_an_empty_file(any_site):
    any_site.save("private/empty.txt", b"")
    response = any_site.get("private/empty.txt")
    assert (response.status_code, body(response), response.headers["Content-Length"]) == (200, b"", "0")


def test_head_is_the_head_of_get(any_site):
    any_site.save()
    whole, head = any_site.get(), any_site.ask("head", any_site.storage.url("private/a.txt"), Range="bytes=0-4")
    assert (head.status_code, body(head)) == (200, b"")
    assert dict(head.headers) == dict(whole.headers)


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-4", 0, 5),
        ("bytes=5-", 5, 1000),
        ("bytes=990-2000", 990, 1000),
        ("bytes=-5", 995, 1000),
        ("bytes=-5000", 0, 1000),
        ("BYTES=999-999", 999, 1000),
    ],
)
def test_one_range(any_site, header, start, end):
    any_site.save()
    response = any_site.get(Range=header)
    assert (response.status_code, body(response)) == (206, TEXT[start:end])
    assert response.headers["Content-Range"] == f"bytes {start}-{end - 1}/1000"
    assert response.headers["Content-Length"] == str(end - start)


@pytest.mark.parametrize(
    "header", ["bytes=0-1,5-6", "bytes=abc", "bytes=5-2", "bytes=-", "lines=0-1", "bytes=٣-", "bytes=1"]
)
def test_what_is_not_one_range_is_the_whole_file(any_site, header):
    any_site.save()
    response = any_site.get(Range=header)
    assert (response.status_code, body(response)) == (200, TEXT)


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=5000-6000", "bytes=-0", "bytes=" + "9" * 18 + "-"])
def test_a_range_beyond_the_end_cannot_be_satisfied(any_site, header):
    any_site.save()
    response = any_site.get(Range=header)
    assert (response.status_code, body(response)) == (416, b"")
    assert response.headers["Content-Range"] == "bytes */1000"


def test_what_the_browser_has_is_not_sent_again(any_site):
    any_site.save()
    first = any_site.get()
    for condition in (
        {"If_None_Match": first.headers["ETag"]},
        {"If_None_Match": f'"other", {first.headers["ETag"]}'},
        {"If_None_Match": "*"},
        {"If_Modified_Since": first.headers["Last-Modified"]},
        {"If_None_Match": first.headers["ETag"], "Range": "bytes=0-4"},
    ):
        again = any_site.get(**condition)
        assert (again.status_code, body(again)) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
        assert again.headers["Cache-Control"] == "private, no-cache"
        assert again.headers["X-Content-Type-Options"] == "nosniff"
    assert any_site.get(If_None_Match='"other"').status_code == 200
    assert any_site.get(If_Match='"other"').status_code == 412


def test_a_download_is_resumed_over_the_same_file_and_begins_again_over_another(any_site):
    any_site.save()
    etag = any_site.get().headers["ETag"]
    resumed = any_site.get(Range="bytes=500-", If_Range=etag)
    assert (resumed.status_code, body(resumed)) == (206, TEXT[500:])
    any_site.storage.delete("private/a.txt")
    any_site.save(content=b"other")
    for header in ("bytes=2-", "bytes=-2"):
        begun = any_site.get(Range=header, If_Range=etag)
        assert (begun.status_code, body(begun)) == (200, b"other")


@pytest.mark.parametrize("version", ['W/"weak"', "Wed, 21 Oct 2015 07:28:00 GMT", "bogus"])
def test_a_date_or_a_weak_etag_does_not_tell_that_the_bytes_are_the_same(any_site, version):
    any_site.save()
    response = any_site.get(Range="bytes=5-", If_Range=version)
    assert (response.status_code, body(response)) == (200, TEXT)


def test_methods_other_than_get_and_head_are_not_allowed(memory_site):
    memory_site.save()
    for method in ("post", "put", "delete", "options", "patch"):
        response = memory_site.ask(method, memory_site.storage.url("private/a.txt"))
        assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_permission_that_is_taken_away_is_gone_at_the_next_request(any_site):
    any_site.save()
    etag = any_site.get().headers["ETag"]
    assert any_site.get(X_User="other", If_None_Match=etag).status_code == 404
    assert any_site.get(If_None_Match=etag).status_code == 304


def test_an_async_server_gets_the_same(any_site):
    any_site.save()

    async def get(**headers):
        response = await AsyncClient().get(any_site.storage.url("private/a.txt"), headers={**READER, **headers})
        if response.streaming:
            content = b"".join([piece async for piece in response.streaming_content])
            response.close()
            return response.status_code, content
        return response.status_code, response.content

    assert asyncio.run(get()) == (200, TEXT)
    assert asyncio.run(get(Range="bytes=5-9")) == (206, TEXT[5:10])
    assert asyncio.run(get(**{"If-None-Match": "*"})) == (304, b"")
    assert asyncio.run(get(**{"X-User": "other"}))[0] == 404


MIDDLEWARES = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.common.CommonMiddleware",
    "tests.delivery.site.who",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    *(["django.middleware.csp.ContentSecurityPolicyMiddleware"] if django.VERSION >= (6, 0) else []),
]


@pytest.mark.parametrize(
    "request_headers",
    [
        {},
        {"Range": "bytes=0-499"},
        {"Range": "bytes=-1"},
        {"If_None_Match": "*"},
        {"If_Match": '"x"'},
        {"X_User": "other"},
    ],
    ids=str,
)
def test_djangos_middlewares_change_nothing(any_site, request_headers):
    any_site.save()
    request_headers |= {"Accept_Encoding": "gzip"}
    plain = any_site.get(**request_headers)
    expected = (plain.status_code, body(plain))
    kept = ("Content-Type", "Content-Range", "Content-Security-Policy", "ETag", "Cache-Control")
    headers = {key: plain.headers.get(key) for key in kept}
    if plain.status_code not in (200, 206):
        # The site's own policy may be added to pages that are no files.
        headers.pop("Content-Security-Policy")
    any_site.use(settings={"MIDDLEWARE": MIDDLEWARES, "SECURE_CSP": {"default-src": ["'self'"]}})
    if any_site.backend["type"] == "memory":
        any_site.save()
        headers.pop("ETag")
    behind = any_site.get(**request_headers)
    assert (behind.status_code, body(behind)) == expected
    assert {key: behind.headers.get(key) for key in headers} == headers
    assert behind.headers.get("Content-Encoding") in (None, "identity")


def test_no_more_files_are_streamed_at_a_time_than_is_set(any_site):
    any_site.use(document={"stream_connections": 2})
    any_site.save()
    readers = [any_site.get(), any_site.get()]
    third = any_site.get()
    assert (third.status_code, third.headers["Retry-After"]) == (503, "5")
    # What needs no body is answered.
    assert any_site.ask("head", any_site.storage.url("private/a.txt")).status_code == 200
    readers[0].close()
    fourth = any_site.get()
    assert (fourth.status_code, body(fourth)) == (200, TEXT)
    readers[1].close()


def test_what_is_answered_without_a_body_takes_no_connection(any_site):
    any_site.use(document={"stream_connections": 1})
    any_site.save()
    for _ in range(3):
        assert any_site.get(If_None_Match="*").status_code == 304
        assert any_site.get(Range="bytes=5000-").status_code == 416
        assert any_site.get("private/missing.txt").status_code == 404
        assert body(any_site.get()) == TEXT
