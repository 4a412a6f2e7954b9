"""D3, T4, T11, semantics 4: a redirect to a link of a minute that says itself how the file is shown."""

from __future__ import annotations

import ssl
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.files.base import ContentFile

from storage_router import AzureStorage, doctor
from storage_router.installed import Used
from tests.kit.azurite import UnsignedTokenCredential

from .conftest import TEXT, Site, azure, body


@pytest.fixture
def redirecting(azure_site):
    return azure_site.use(delivery="redirect", link_seconds=40)


def fetched(url: str, **headers: str):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return answer.headers, answer.read()


def test_the_link_is_for_reading_this_blob_and_ends_when_it_says(redirecting):
    redirecting.save()
    before = time.time()
    response = redirecting.get()
    assert response.status_code == 302
    link = urlsplit(response.headers["Location"])
    query = parse_qs(link.query)
    assert (query["sp"], query["sr"]) == (["r"], ["b"])
    expiry = time.mktime(time.strptime(query["se"][0], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert before + 39 <= expiry <= time.time() + 42
    assert fetched(response.headers["Location"])[1] == TEXT


def test_the_redirect_is_kept_for_half_as_long_and_tells_nobody(redirecting):
    redirecting.save()
    headers = redirecting.get().headers
    assert headers["Cache-Control"] == "private, max-age=20"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Vary"] == "Cookie, Authorization"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_what_is_behind_the_link_is_shown_as_the_view_says_whatever_is_stored(redirecting):
    storage = AzureStorage(
        **{key: value for key, value in redirecting.backend.items() if key != "type"},
        object_parameters={"content_type": "text/html", "cache_control": "public,max-age=31536000"},
    )
    storage.save("private/ü.jpg", ContentFile(b"<script>"))
    headers, _ = fetched(redirecting.get("private/ü.jpg").headers["Location"])
    assert headers["Content-Type"] == "image/jpeg"
    assert headers["Content-Disposition"] == "inline; filename*=utf-8''%C3%BC.jpg"
    assert headers["Cache-Control"] == "private, max-age=40"
    storage.save("private/a.html", ContentFile(b"<script>"))
    headers, _ = fetched(redirecting.get("private/a.html").headers["Location"])
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"].startswith("attachment")


def test_seeking_works_at_the_link(redirecting):
    redirecting.save()
    headers, part = fetched(redirecting.get().headers["Location"], Range="bytes=10-14")
    assert (headers["Content-Range"], part) == ("bytes 10-14/1000", TEXT[10:15])


def test_the_link_leads_to_the_account_unless_the_route_says_otherwise(azure_site):
    azure_site.backend["custom_domain"] = "cdn.example"
    azure_site.use(delivery="redirect")
    account = azure_site.backend["account_url"]
    assert azure_site.get().headers["Location"].startswith(f"{account}/")
    azure_site.use(delivery="redirect", link_domain="custom")
    assert urlsplit(azure_site.get().headers["Location"]).hostname == "cdn.example"


def test_who_may_not_read_gets_no_link(redirecting):
    redirecting.save()
    refused = redirecting.get(X_User="other")
    assert (refused.status_code, refused.headers.get("Location")) == (404, None)


def test_the_link_ends(azure_site):
    azure_site.use(delivery="redirect", link_seconds=1)
    azure_site.save()
    link = azure_site.get().headers["Location"]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        fetched_for(20, link)


def fetched_for(seconds: float, link: str) -> None:
    deadline = time.time() + seconds
    while time.time() < deadline:
        fetched(link)
        time.sleep(0.2)


def test_a_link_that_an_identity_signs_is_for_this_blob_too(azurite_https, container_https):
    backend = azure(azurite_https, container_https)
    del backend["account_key"]
    backend["token_credential"] = UnsignedTokenCredential()
    backend["client_options"] = {"connection_verify": str(azurite_https.certificate)}
    site = Site(backend).use(delivery="redirect", link_seconds=60)
    try:
        site.save()
        link = site.get().headers["Location"]
        query = parse_qs(urlsplit(link).query)
        assert (query["sp"], query["sr"], query["spr"]) == (["r"], ["b"], ["https"])
        assert "skoid" in query
        context = ssl.create_default_context(cafile=str(azurite_https.certificate))
        with urllib.request.urlopen(link, context=context) as answer:
            assert answer.read() == TEXT
            assert answer.headers["Cache-Control"] == "private, max-age=60"
    finally:
        site.stop()


class ForgetfulCache(BaseHTTPRequestHandler):
    """A CDN that keeps what it has fetched and takes no notice of the query."""

    origin = ""
    kept: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path not in self.kept:
            try:
                with urllib.request.urlopen(self.origin + self.path) as answer:
                    self.kept[path] = answer.read()
            except urllib.error.HTTPError as error:
                self.send_error(error.code)
                return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.kept[path])))
        self.end_headers()
        self.wfile.write(self.kept[path])

    def log_message(self, *_: object) -> None:
        pass


def test_doctor_fails_a_custom_domain_that_takes_no_notice_of_signatures(azurite, container):
    ForgetfulCache.origin = f"http://127.0.0.1:{azurite.port}"
    cdn = ThreadingHTTPServer(("127.0.0.1", 0), ForgetfulCache)
    thread = threading.Thread(target=cdn.serve_forever)
    thread.start()
    try:
        options = {key: value for key, value in azure(azurite, container).items() if key != "type"}
        storage = AzureStorage(**options, custom_domain=f"http://127.0.0.1:{cdn.server_port}/devstoreaccount1")
        backend = Used(name="files", storage=storage, options=storage.options, deliveries=frozenset({"redirect"}))
        found = {finding.probe: finding for finding in doctor.examine(backend)}
    finally:
        cdn.shutdown()
        thread.join()
        cdn.server_close()
    assert (found["sign"].status, found["public"].status) == ("ok", "failed")
    assert "Anyone who knows a blob's name can read it" in found["public"].message


@pytest.mark.parametrize("kind", ["memory", "filesystem"])
def test_a_backend_without_links_streams_the_file(memory_site, tmp_path, kind):
    if kind == "filesystem":
        memory_site.backend.update(type="filesystem", location=str(tmp_path))
    memory_site.use(delivery="redirect").save()
    assert body(memory_site.get()) == TEXT
