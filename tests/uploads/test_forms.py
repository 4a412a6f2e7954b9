"""P1, P5: the widget, and files that are submitted as usual."""

from __future__ import annotations

import io
import json
import re
from html import unescape

import pytest
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from PIL import Image

from storage_router.uploads import DirectFileInput, UploadedBlob

from . import site
from .conftest import PDF


def box(html: str) -> dict:
    return json.loads(unescape(re.search(r'data-direct-upload-box="([^"]*)"', html)[1]))


def test_the_input_has_what_the_script_needs(uploads):
    html = uploads.client("anna").get("/form/documents").content.decode()
    settings = box(html)
    assert (settings["policy"], settings["storage"]) == ("documents", "default")
    assert settings["urls"] == {step: f"/files/u/{step}" for step in ("begin", "renew", "complete")}
    assert 'type="file"' in html
    assert 'accept=".pdf,image/*"' in html
    assert '<input type="hidden" name="file-upload" value="" data-direct-upload-token>' in html
    assert "storage_router/uploads.js" in html
    assert re.search(r'<progress aria-label="Upload" hidden></progress> <button type="button" hidden>Stop the', html)


@pytest.mark.parametrize(
    "backend", [{"type": "memory"}, {"type": "filesystem", "location": "/srv/x"}], ids=lambda backend: backend["type"]
)
def test_a_backend_without_tickets_gets_the_usual_input_and_the_policy_holds(uploads, backend):
    uploads.use(quarantine=backend)
    html = uploads.client("anna").get("/form/documents").content.decode()
    assert "data-direct-upload" not in html
    assert 'accept=".pdf,image/*"' in html
    assert uploads.ask("begin", policy="documents", name="a.pdf", size=1).json()["code"] == "unavailable"
    assert uploads.submit(file=SimpleUploadedFile("a.pdf", PDF)).json()["name"] == "final/a.pdf"
    assert uploads.submit(file=SimpleUploadedFile("a.exe", PDF)).status_code == 400


def test_without_the_urls_the_input_is_the_usual_one(uploads):
    uploads.use(settings={"ROOT_URLCONF": "tests.delivery.nothing_included"})
    assert "data-direct-upload" not in DirectFileInput("documents").render("file", None)


@pytest.mark.parametrize(
    ("name", "content", "user", "message"),
    [
        ("a.exe", b"MZ", "anna", "Files of this type are not accepted. Accepted: .pdf, image/*."),
        ("a.pdf", b"%PDF-" + bytes(2**20), "anna", "The file is too large: at most 1.0\xa0MB."),
        ("a.pdf", PDF, "stranger", "You may not upload this file."),
        ("a.pdf", b"MZ", "anna", "The content of the file is not of the type that its name says."),
        ("a.pdf", b"%PDF-macro", "anna", "Files with macros are not accepted."),
    ],
)
def test_a_file_that_is_submitted_as_usual_passes_the_same_policy(uploads, name, content, user, message):
    """P5, T2"""
    assert uploads.errors(uploads.submit(file=SimpleUploadedFile(name, content), user=user)) == message
    assert uploads.stored == []


def checked_by(check: str) -> dict:
    policy = {"authorize": "tests.uploads.site.may_upload", "checks": [f"tests.uploads.site.{check}"]}
    return {"policies": {"documents": policy}}


def test_a_check_may_be_async(uploads):
    uploads.use(uploads=checked_by("no_macros_async"))
    answer = uploads.submit(file=SimpleUploadedFile("a.pdf", b"%PDF-macro"))
    assert uploads.errors(answer) == "Files with macros are not accepted."
    assert uploads.submit(file=SimpleUploadedFile("a.pdf", PDF)).json()["name"] == "final/a.pdf"


def test_a_check_that_returns_something_is_an_error_and_takes_nothing(uploads):
    uploads.use(uploads=checked_by("says_no"))
    message = r"The check tests.uploads.site.says_no returned bool. Raise ValidationError to refuse the file."
    with pytest.raises(TypeError, match=message):
        uploads.submit(file=SimpleUploadedFile("a.pdf", PDF))
    assert uploads.stored == []


def test_a_file_that_the_policy_takes_is_stored_as_usual(uploads):
    assert uploads.submit(file=SimpleUploadedFile("a.pdf", PDF)).json()["name"] == "final/a.pdf"
    assert uploads.storage.open("final/a.pdf").read() == PDF
    assert len(site.asked) == 1  # though the form asked several times


def test_a_form_with_another_error_keeps_the_upload(uploads):
    token = uploads.upload()
    answer = uploads.client("anna").post("/form/documents", {"file-upload": token}).json()
    assert list(answer["errors"]) == ["title"]
    kept = unescape(re.search(r'name="file-upload" value="([^"]*)"', answer["html"])[1])
    assert "<output>a.pdf is uploaded.</output>" in answer["html"]
    assert not re.search(r'<input type="file"[^>]* required', answer["html"])
    assert uploads.submit(kept).json()["name"] == "final/a.pdf"


def test_nothing_and_a_cleared_file_are_as_usual(uploads):
    assert uploads.errors(uploads.submit()) == "This field is required."
    assert uploads.submit(kind="optional").json() == {"name": None}
    token = uploads.upload()
    both = uploads.submit(token, "optional", **{"file-clear": "on"})
    assert uploads.errors(both) == "Please either submit a file or check the clear checkbox, not both."
    widget = DirectFileInput("documents")
    assert widget.value_omitted_from_data({}, {}, "file")
    assert not widget.value_omitted_from_data({"file-upload": "x"}, {}, "file")


def test_without_the_middleware_the_message_says_what_to_add(uploads):
    uploads.use(settings={"MIDDLEWARE": ["tests.uploads.site.who"]})
    with pytest.raises(ImproperlyConfigured, match=r"Add 'storage_router\.uploads\.UploadsMiddleware' to MIDDLEWARE"):
        uploads.submit(file=SimpleUploadedFile("a.pdf", PDF))


def test_an_input_for_several_files_is_an_error_because_only_one_would_arrive():
    class Several(DirectFileInput):
        allow_multiple_selected = True

    with pytest.raises(ImproperlyConfigured, match=r"Several: a direct upload is one file.* Use a formset"):
        Several("documents")


def test_an_unknown_policy_is_named(uploads):
    with pytest.raises(ImproperlyConfigured, match="There is no policy 'nothing' of uploads"):
        uploads.client("anna").get("/form/nothing")


def test_an_image_is_read_whole_only_up_to_a_limit(uploads):
    """T13"""
    small, large = (io.BytesIO() for _ in range(2))
    Image.new("RGB", (10, 10)).save(small, "PNG")
    Image.effect_noise((200, 200), 100).save(large, "PNG")
    token = uploads.upload(small.getvalue(), name="a.png", policy="images")
    assert uploads.submit(token, "images").json() == {"name": "final/a.png", "type": "image/png"}
    token = uploads.upload(large.getvalue(), name="b.png", policy="images")
    message = "The file is too large to be read at once: at most 10.0\xa0KB."
    assert uploads.errors(uploads.submit(token, "images")) == message
    token = uploads.upload(b"\x89PNG\r\n\x1a\n no picture", name="c.png", policy="images")
    assert "Upload a valid image" in uploads.errors(uploads.submit(token, "images"))


@pytest.fixture
def blob(uploads):
    """An upload as forms get it."""
    from storage_router.uploads import policies, tokens

    ticket = uploads.begin()
    uploads.put(ticket)
    token = uploads.ask("complete", token=ticket["token"]).json()["token"]
    request = uploads.client("anna").get("/form/documents").wsgi_request
    request.user = site.User("anna")
    claims, policy = tokens.read(request, token, "complete")
    assert isinstance(policy, policies.Policy)
    return UploadedBlob(policy, claims, uploads.waiting.uploaded(uploads.left[0]))


def test_an_uploaded_blob_is_a_file(blob):
    assert (blob.name, blob.size, blob.content_type) == ("a.pdf", len(PDF), "application/pdf")
    assert bool(blob) is True
    assert blob.read() == PDF
    assert blob.read() == b""
    blob.seek(0)
    assert blob.read(None) == PDF
    blob.seek(-3, io.SEEK_END)
    assert (blob.tell(), blob.read(10)) == (len(PDF) - 3, PDF[-3:])
    assert b"".join(blob.chunks(100)) == PDF
    assert (blob.multiple_chunks(100), blob.multiple_chunks()) == (True, False)
    blob.close()
    with blob.open("rb") as opened:
        assert next(iter(opened)) == PDF[:9]
    with pytest.raises(ValueError, match="can only be read"):
        blob.open("wb")


def test_an_uploaded_blob_reads_the_checked_version_only(uploads, blob):
    """T27"""
    uploads.waiting.replace(uploads.left[0], io.BytesIO(b"evil".ljust(len(PDF))))
    with pytest.raises(OSError, match="changed"):
        list(blob.chunks())


def test_a_rollback_keeps_the_upload(uploads, blob):
    def save_and_fail():
        with transaction.atomic():
            uploads.storage.save("a.pdf", blob)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        save_and_fail()
    assert len(uploads.left) == 1
    with transaction.atomic():
        assert uploads.storage.save("a.pdf", blob) != "a.pdf"
        assert len(uploads.left) == 1
    assert uploads.left == []


def test_what_was_saved_can_be_read_and_saved_again(uploads):
    """As by a view that imports the file once it is stored."""
    content = b"%PDF-1.7\n" + bytes(5 * 2**20)
    uploads.use(uploads={"policies": {"documents": {"authorize": "tests.uploads.site.may_upload"}}})
    answer = uploads.submit(uploads.upload(content), kind="import")
    assert answer.json() == {"read": len(content), "equal": True, "names": ["first.pdf", "second.pdf"]}
    assert uploads.left == []
    assert uploads.storage.open("second.pdf").read() == content


def test_another_storage_streams_the_upload(uploads, blob, tmp_path):
    uploads.use(
        backends={
            "media": {"type": "filesystem", "location": str(tmp_path)},
            "waiting": {"type": "memory"},
        }
    )
    assert uploads.storage.save("a.pdf", blob) == "a.pdf"
    assert (tmp_path / "a.pdf").read_bytes() == PDF


def test_large_uploads_are_read_in_pieces(blob):
    blob.size = 2**40
    with pytest.raises(ValidationError, match="too large to be read at once"):
        blob.read()
    assert blob.read(5) == b"%PDF-"
