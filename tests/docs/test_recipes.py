"""The recipes do what they say."""

from __future__ import annotations

import re
import urllib.error
import urllib.request

import pytest
import yaml
from django.core.files.base import ContentFile

from storage_router import factory
from storage_router.testing import memory_router, override_storage_router
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs/recipes.md"
INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "CMD"}
MEDIA = {"type": "azure", "account_name": "acmefiles", "azure_container": "media"}


def run(name: str) -> dict:
    """Execute the block whose first line names a file, and return what it defines."""
    [source] = [block.text for block in blocks("python", pages=[PAGE]) if block.file == name]
    namespace: dict = {"__name__": "recipe"}
    exec(compile(source, name, "exec", dont_inherit=True), namespace)
    return namespace


def documents() -> list[dict]:
    return [document for block in blocks("yaml", pages=[PAGE]) for document in yaml.safe_load_all(block.text)]


@pytest.fixture(autouse=True)
def nothing_else_configures(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def router(azurite):
    """A router whose ``private/`` is a container of Azurite that nobody may read without a signature."""
    connection = {"type": "azure", "connection_string": azurite.connection_string()}
    config = {
        "backends": {
            "media": {**connection, "azure_container": azurite.create_container()},
            "private": {**connection, "azure_container": azurite.create_container(), "expiration_secs": 300},
        },
        "routes": [{"prefix": "private/", "backend": "private"}],
        "default": "media",
    }
    with override_storage_router(config) as router:
        yield router


def test_a_download_has_its_own_name(router):
    router.save("private/0815.pdf", ContentFile(b"%PDF"))
    answer = run("views.py")["download"](None, "0815.pdf")
    with urllib.request.urlopen(answer.url, timeout=120) as file:
        assert file.headers["Content-Disposition"] == 'attachment; filename="contract.pdf"'
        assert file.read() == b"%PDF"


def test_a_browser_creates_a_file_by_its_link_and_overwrites_none(router):
    name, link = run("uploads.py")["upload_link"]()
    upload = urllib.request.Request(link, b"%PDF", {"x-ms-blob-type": "BlockBlob"}, method="PUT")
    with urllib.request.urlopen(upload, timeout=120) as answer:
        assert answer.status == 201
    assert router.size(name) == 4
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(upload, timeout=120)
    caught.value.close()
    assert caught.value.code in (403, 409)


def test_whitenoise_has_the_static_files_and_the_router_the_rest(monkeypatch):
    monkeypatch.setenv("STORAGE_ROUTER__BACKENDS__MEDIA", "memory://")
    monkeypatch.setenv("STORAGE_ROUTER__DEFAULT", "media")
    storages = run("settings.py")["STORAGES"]
    assert storages["default"]["BACKEND"] == "storage_router.RouterStorage"
    assert storages["staticfiles"]["BACKEND"].startswith("whitenoise.")


def test_the_lines_of_the_dockerfile_are_instructions():
    [block] = blocks("dockerfile", pages=[PAGE])
    assert {line.split()[0] for line in block.text.splitlines()} == INSTRUCTIONS


def test_what_is_mounted_by_compose_is_read(monkeypatch, tmp_path):
    [compose] = [document for document in documents() if "services" in document]
    web = compose["services"]["web"]
    for name in web["secrets"]:
        assert name in compose["secrets"]
        (tmp_path / name).write_text("c2VjcmV0\n")
    for name, value in web["environment"].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("STORAGE_ROUTER_SECRETS_DIR", str(tmp_path))
    media = {key: value for key, value in MEDIA.items() if key != "account_name"}
    loaded = factory.configure({"backends": {"media": media}, "default": "media"})
    assert loaded.document.backends["media"].authentication.kind == "account_key"
    assert loaded.warnings == ()


def test_what_kubernetes_mounts_is_read_through_its_links(monkeypatch, tmp_path):
    [secret] = [document for document in documents() if document.get("kind") == "Secret"]
    # A version of the secret in a hidden directory, a link to it, and links through that.
    version = tmp_path / "..2026_11_20_08_00_00.123456789"
    version.mkdir()
    for name, value in secret["stringData"].items():
        (version / name).write_text(value)
        (tmp_path / name).symlink_to(f"..data/{name}")
    (tmp_path / "..data").symlink_to(version.name)
    monkeypatch.setenv("STORAGE_ROUTER_SECRETS_DIR", str(tmp_path))
    loaded = factory.configure({"backends": {"media": MEDIA}, "default": "media"})
    assert loaded.document.backends["media"].authentication.kind == "account_key"
    assert loaded.warnings == ()


def test_the_variables_of_the_deployments_are_right(monkeypatch):
    deployments = [document for document in documents() if document.get("kind") == "Deployment"]
    containers = [deployment["spec"]["template"]["spec"]["containers"][0] for deployment in deployments]
    [identity, files] = [{entry["name"]: entry["value"] for entry in container["env"]} for container in containers]
    for name, value in identity.items():
        monkeypatch.setenv(name, value)
    loaded = factory.configure({"backends": {"media": MEDIA}, "default": "media"})
    assert loaded.document.backends["media"].credential == "workload_identity"
    [mount] = containers[1]["volumeMounts"]
    assert files == {"STORAGE_ROUTER_SECRETS_DIR": mount["mountPath"]}


def test_a_task_reads_by_name(monkeypatch):
    source = next(block.text for block in blocks("python", pages=[PAGE]) if block.file == "tasks.py")
    # What Celery decorates is called as it is: the app that it would be bound to is not here.
    source = re.sub(r"^(from celery .*|@shared_task.*)$", "", source, flags=re.MULTILINE)
    namespace: dict = {}
    router = memory_router({"backends": {"media": {"type": "memory"}}, "default": "media"})
    router.save("a.txt", ContentFile(b"1\n2\n3"))
    exec(compile(source, "tasks.py", "exec"), namespace)
    monkeypatch.setitem(namespace, "default_storage", router)
    assert namespace["count_lines"]("a.txt") == 3
