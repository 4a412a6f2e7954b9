"""P2, P3: the steps of an upload, and what an attacker can do with every ticket and token."""

from __future__ import annotations

import contextlib
import time

import pytest
from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings

import storage_router
from storage_router.exceptions import InvalidNameError

from . import site
from .conftest import PDF


def test_an_upload_is_checked_copied_to_its_name_and_deleted_from_the_quarantine(uploads):
    token = uploads.upload()
    assert len(uploads.left) == 1
    assert uploads.stored == []
    assert uploads.submit(token).json() == {"name": "final/a.pdf", "type": "application/pdf"}
    assert uploads.storage.open("final/a.pdf").read() == PDF
    assert uploads.storage.stat("final/a.pdf").content_type == "application/pdf"
    assert uploads.left == []


def test_it_travels_in_blocks_too(uploads):
    body = b"%PDF-" + bytes(700_000)
    ticket = uploads.begin(size=len(body))
    uploads.put_blocks(ticket, body, 300_000)
    token = uploads.ask("complete", token=ticket["token"]).json()["token"]
    uploads.submit(token)
    assert uploads.storage.open("final/a.pdf").read() == body


def test_after_a_reload_the_site_says_what_has_arrived(uploads):
    ticket = uploads.begin()
    assert uploads.put(ticket, b"x", "&comp=block&blockid=MDAwMDAw").status == 201
    answer = uploads.ask("renew", token=ticket["token"]).json()
    assert (answer["blocks"], answer["stored"]) == (["MDAwMDAw"], False)
    assert uploads.put(answer).status == 201
    answer = uploads.ask("renew", token=ticket["token"]).json()
    assert (answer["blocks"], answer["stored"]) == ([], True)


def test_authorize_is_asked_at_every_step_and_at_the_form(uploads):
    token = uploads.upload()
    assert [(file.name, file.size, file.content_type, file.policy) for file in site.asked] == [
        ("a.pdf", len(PDF), "application/pdf", "documents")
    ] * 2
    ticket = uploads.begin()
    uploads.put(ticket)
    site.refused.add("anna")
    for step in ("renew", "complete"):
        answer = uploads.ask(step, token=ticket["token"])
        assert (answer.status_code, answer.json()["error"]) == (403, "You may not upload this file.")
    assert uploads.errors(uploads.submit(token)) == "You may not upload this file."
    assert uploads.stored == []


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("a.exe", 1, "Files of this type are not accepted. Accepted: .pdf, image/*."),
        ("evil.svg", 1, "Files of this type are not accepted. Accepted: .pdf, image/*."),
        ("a.pdf", 1024 * 1024 + 1, "The file is too large: at most 1.0\xa0MB."),
        ("..", 1, "This name is not possible."),
        ("", 1, "This name is not possible."),
        ("a.pdf", -1, "A name and a size are needed."),
        ("a.pdf", True, "A name and a size are needed."),
        ("a.pdf", "1", "A name and a size are needed."),
        (["a.pdf"], 1, "A name and a size are needed."),
    ],
)
def test_what_the_policy_does_not_take_gets_no_ticket(uploads, name, size, message):
    answer = uploads.ask("begin", policy="documents", name=name, size=size)
    assert (answer.status_code, answer.json()["error"]) == (400, message)


@pytest.mark.parametrize("name", ["evil.ht!ml", "evil.html\u200b", "evil.s\0vg", "evil.svg)"])
def test_the_type_is_that_of_the_name_that_a_field_makes_of_it(uploads, name):
    """T4: Django leaves out characters, so these would be stored as HTML and SVG."""
    answer = uploads.ask("begin", policy="applications", name=name, size=1)
    assert (answer.status_code, answer.json()["code"]) == (400, "type")
    usual = uploads.errors(uploads.submit(kind="applications", file=SimpleUploadedFile(name, b"x")))
    assert usual == "Files of this type are not accepted. Accepted: application/*."


def test_the_content_is_compared_with_the_type_of_that_name(uploads):
    ticket = uploads.begin("a.pd!f", 1, policy="avatars")
    uploads.put(ticket, b"x")
    assert uploads.ask("complete", token=ticket["token"]).json()["code"] == "content"


@pytest.mark.parametrize("size", [50_000 * 4000 * 2**20 + 1, 10**400], ids=["a byte", "much"])
def test_a_file_that_no_blob_can_hold_is_refused(uploads, size):
    answer = uploads.ask("begin", policy="avatars", name="a.pdf", size=size)
    assert (answer.status_code, answer.json()["error"]) == (400, "The file is too large: at most 190.7\xa0TB.")


@pytest.mark.parametrize("policy", ["nothing", "", None, {}])
def test_an_unknown_policy_is_refused(uploads, policy):
    answer = uploads.ask("begin", policy=policy, name="a.pdf", size=1)
    assert (answer.status_code, answer.json()["error"]) == (400, "There is no such policy.")
    assert uploads.ask("begin", policy="documents", storage="staticfiles", name="a.pdf", size=1).status_code == 400


def test_a_name_with_directories_is_its_last_part(uploads):
    assert uploads.ask("begin", policy="documents", name="../../etc/a.pdf", size=1).status_code == 200
    assert site.asked[-1].name == "a.pdf"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(10), "The content of the file is not of the type that its name says."),
        (b"MZ" + bytes(17), "The content of the file is not of the type that its name says."),
        (b"%PDF-1.7 with a macro", "Files with macros are not accepted."),
    ],
)
def test_an_upload_that_fails_its_checks_is_deleted(uploads, body, message):
    ticket = uploads.begin(size=len(body))
    uploads.put(ticket, body)
    answer = uploads.ask("complete", token=ticket["token"])
    assert (answer.status_code, answer.json()["error"]) == (400, message)
    assert uploads.left == []


def test_another_size_than_announced_is_refused(uploads):
    for body in (PDF[:-1], PDF + b"x"):
        ticket = uploads.begin()
        uploads.put(ticket, body)
        answer = uploads.ask("complete", token=ticket["token"])
        assert answer.json()["error"] == "The file has not arrived completely. Please upload it again."
    assert uploads.left == []


@pytest.mark.parametrize(
    "trick",
    [
        {"x_ms_blob_type": "PageBlob", "x_ms_blob_content_length": "1024"},
        {"x_ms_blob_type": "AppendBlob"},
        {"x_ms_blob_type": "BlockBlob", "x_ms_access_tier": "Archive"},
    ],
    ids=["page blob", "append blob", "archived"],
)
def test_tricks_with_a_ticket_end_at_complete(uploads, trick):
    """T13"""
    ticket = uploads.begin(size=1024)
    assert uploads.put(ticket, b"", **trick).status == 201
    answer = uploads.ask("complete", token=ticket["token"])
    assert (answer.status_code, answer.json()["code"]) == (400, "kind")
    assert uploads.left == []


def test_a_snapshot_and_a_lease_do_not_keep_a_refused_upload(uploads):
    """T13"""
    ticket = uploads.begin()
    uploads.put(ticket, b"not a pdf".ljust(len(PDF)))
    uploads.put(ticket, b"", "&comp=snapshot")
    uploads.put(ticket, b"", "&comp=lease", x_ms_lease_action="acquire", x_ms_lease_duration="-1")
    assert uploads.ask("complete", token=ticket["token"]).status_code == 400
    assert uploads.left == []


def test_nothing_that_was_not_checked_is_reached_under_a_final_name(uploads):
    """The attacker's script: every ticket and token that a user gets, in every place."""
    ticket = uploads.begin()
    uploads.put(ticket)
    complete = uploads.ask("complete", token=ticket["token"]).json()["token"]
    # The bytes are rewritten after they were checked. (On Azure the ticket could not.)
    evil = b"<script>".ljust(len(PDF))
    assert uploads.put(ticket, evil).status == 201
    message = "The file was changed after it was checked. Please upload it again."
    assert uploads.errors(uploads.submit(complete)) == message
    # A token of another step, and of another field's policy, that has no checks.
    assert "is not valid" in uploads.errors(uploads.submit(ticket["token"]))
    lax = uploads.upload(evil, name="a.pdf.exe", policy="avatars")
    assert "is not valid" in uploads.errors(uploads.submit(lax))
    assert uploads.ask("complete", token=complete).json()["code"] == "token"
    # The name in the quarantine, by every method, and the ticket for other names.
    name = uploads.left[0]
    for use in ("open", "url", "delete", "exists", "size"):
        with pytest.raises(InvalidNameError, match="reserved"):
            getattr(uploads.storage, use)(name)
    with pytest.raises(InvalidNameError, match="reserved"):
        uploads.storage.save("quarantine/a.txt", ContentFile(b"x"))
    media = uploads.storage.backends["media"].azure_container
    assert uploads.put({"url": ticket["url"].replace(uploads.waiting.azure_container, media)}).status == 403
    assert Client().get(f"/files/f/{name}").status_code == 404
    assert uploads.stored == []


def test_rewritten_between_the_form_and_the_save_nothing_is_stored(uploads, monkeypatch):
    ticket = uploads.begin()
    uploads.put(ticket)
    token = uploads.ask("complete", token=ticket["token"]).json()["token"]
    save = type(uploads.storage).save

    def late(storage, name, content, max_length=None):
        uploads.put(ticket, b"evil".ljust(len(PDF)))
        return save(storage, name, content, max_length)

    monkeypatch.setattr(type(uploads.storage), "save", late)
    with pytest.raises(OSError, match="changed"):
        uploads.submit(token)
    assert uploads.stored == []


@pytest.mark.parametrize("other", ["bert", ""])
def test_a_token_is_its_owners_only(uploads, other):
    """T6"""
    ticket = uploads.begin(policy="public")
    uploads.put(ticket)
    for step in ("renew", "complete"):
        answer = uploads.ask(step, other, token=ticket["token"])
        assert (answer.status_code, answer.json()["code"]) == (400, "owner")
    token = uploads.ask("complete", token=ticket["token"]).json()["token"]
    assert "begun by somebody else" in uploads.errors(uploads.submit(token, "public", other))
    assert uploads.submit(token, "public").status_code == 200


def test_a_token_is_its_tenants_only(uploads):
    """T6: the same user may exist in each tenant."""
    with storage_router.tenant("acme"):
        ticket = uploads.begin()
        uploads.put(ticket)
        token = uploads.ask("complete", token=ticket["token"]).json()["token"]
    for other in ("evil", None):
        with storage_router.tenant(other) if other else contextlib.nullcontext():
            assert uploads.ask("renew", token=ticket["token"]).json()["code"] == "owner"
            assert "begun by somebody else" in uploads.errors(uploads.submit(token))
    with storage_router.tenant("acme"):
        assert uploads.submit(token).status_code == 200


def test_a_token_ends_with_the_password(uploads):
    """T6"""
    token = uploads.upload()
    site.User.passwords["anna"] = "another password"
    assert "begun by somebody else" in uploads.errors(uploads.submit(token))


def test_an_anonymous_upload_belongs_to_its_session_and_survives_the_login(uploads):
    """T6"""
    client = uploads.client("")
    token = uploads.upload(policy="public", user="")
    assert "begun by somebody else" in uploads.errors(uploads.submit(token, "public", "bert"))
    assert Client().post("/form/public", {"file-upload": token}).status_code == 400
    answer = client.post("/form/public", {"file-upload": token}, headers={"X-User": "anna"})
    assert answer.status_code == 200


def test_without_a_session_strangers_cannot_upload(uploads):
    uploads.use(settings={"MIDDLEWARE": ["tests.uploads.site.who"]})
    answer = uploads.ask("begin", "", policy="public", name="a.pdf", size=1)
    assert (answer.status_code, answer.json()["error"]) == (403, "Please sign in to upload files.")


def test_a_token_holds_for_token_seconds_after_the_begin(uploads, monkeypatch):
    token = uploads.upload()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 86_401)
    assert uploads.errors(uploads.submit(token)) == "This upload has expired. Please upload the file again."


def test_tokens_survive_a_new_secret_key_with_its_fallback(uploads):
    token = uploads.upload()
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["only for tests"]):
        assert uploads.submit(token).status_code == 200
    with override_settings(SECRET_KEY="new"):
        assert "is not valid" in uploads.errors(uploads.submit(token))


SHORT = signing.dumps(["x"], salt="storage_router.uploads.begin")


@pytest.mark.parametrize(
    "token", ["", "x", "a:b:c", None, 5, SHORT], ids=["empty", "x", "colons", "none", "5", "short"]
)
def test_what_is_no_token_is_refused(uploads, token):
    answer = uploads.ask("complete", token=token)
    assert (answer.status_code, answer.json()["code"]) == (400, "token")


def test_an_upload_is_used_once(uploads):
    token = uploads.upload()
    assert uploads.submit(token).status_code == 200
    message = "This upload was used already, or has expired. Please upload the file again."
    assert uploads.errors(uploads.submit(token)) == message
    assert uploads.stored == ["final/a.pdf"]


def test_the_views_are_protected_against_csrf_and_are_posts_and_are_not_stored(uploads):
    strict = Client(enforce_csrf_checks=True, headers={"X-User": "anna"})
    values = {"policy": "documents", "name": "a.pdf", "size": 1}
    assert strict.post("/files/u/begin", values, content_type="application/json").status_code == 403
    assert uploads.client("anna").get("/files/u/begin").status_code == 405
    assert uploads.ask("nothing").status_code == 404
    answer = uploads.ask("begin", **values)
    assert answer.headers["Cache-Control"] == "no-store"
    for body in (b"", b"[]", b"{", b"\xff", b"[" * 100_000):
        answer = uploads.client("anna").post("/files/u/begin", body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
