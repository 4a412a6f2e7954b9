"""X1: files that are deleted when the transaction commits."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
import unittest
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connections, transaction
from django.http import HttpResponse
from django.test import Client, TestCase, override_settings
from django.urls import path
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import storage_router
from storage_router import RouterStorage, checks
from tests.kit.examples import examples
from tests.tenancy.conftest import ALIAS, committed_names, connected, execute, sqlite


def router_of(files, **more):
    return RouterStorage(
        backends={"media": files},
        routes=[{"prefix": "a/", "backend": "media", "strip_prefix": True}],
        transactions={"deletes": "on_commit", "database": ALIAS},
        **more,
    )


@pytest.fixture(params=["filesystem", "memory", pytest.param("azure", marks=pytest.mark.azurite)])
def files(request, tmp_path):
    if request.param != "azure":
        return {"type": request.param, "location": str(tmp_path / "media"), "base_url": "/media/"}
    container = request.getfixturevalue("container")
    azurite = request.getfixturevalue("azurite")
    return {"type": "azure", "connection_string": azurite.connection_string(), "azure_container": container}


@pytest.fixture
def router(database, files):
    router = router_of(files)
    router.save("a/1.txt", ContentFile(b"one"))
    return router


@contextlib.contextmanager
def undone():
    """An ``atomic`` block that fails at its end."""
    with pytest.raises(ValueError, match="undone"):  # noqa: PT012, SIM117
        with transaction.atomic(ALIAS):
            yield
            raise ValueError("undone")


def content(router, name):
    with router.open(name) as file:
        return file.read()


def test_a_file_is_deleted_when_the_transaction_commits(router):
    with transaction.atomic(ALIAS):
        router.delete("a/1.txt")
        assert not router.exists("a/1.txt")
        assert content(router, "a/1.txt") == b"one"
        router.delete("a/1.txt")
        router.delete("a/none.txt")
    assert not router.exists("a/1.txt")
    with pytest.raises(FileNotFoundError):
        router.open("a/1.txt")


def test_a_file_of_a_transaction_that_is_rolled_back_stays(router):
    with undone():
        router.delete("a/1.txt")
    assert content(router, "a/1.txt") == b"one"
    assert router.exists("a/1.txt")


def test_a_savepoint_that_is_rolled_back_takes_its_deletions_with_it(router):
    router.save("a/2.txt", ContentFile(b"two"))
    with transaction.atomic(ALIAS):
        with undone():
            router.delete("a/1.txt")
            assert not router.exists("a/1.txt")
        assert router.exists("a/1.txt")
        with transaction.atomic(ALIAS):
            router.delete("a/2.txt")
    assert router.exists("a/1.txt")
    assert not router.exists("a/2.txt")


def test_outside_of_a_transaction_a_file_is_deleted_at_once(router):
    router.delete("a/1.txt")
    assert not router.exists("a/1.txt")
    router.save("a/1.txt", ContentFile(b"again"))
    connections[ALIAS].set_autocommit(False)
    try:
        router.delete("a/1.txt")
        assert not router.exists("a/1.txt")
    finally:
        connections[ALIAS].rollback()
        connections[ALIAS].set_autocommit(True)


def test_a_save_under_the_name_of_a_file_that_is_to_be_deleted_replaces_it(router):
    with transaction.atomic(ALIAS):
        router.delete("a/1.txt")
        assert router.get_available_name("a/1.txt") == "a/1.txt"
        assert router.is_name_available("a/1.txt")
        assert router.save("a/1.txt", ContentFile(b"new")) == "a/1.txt"
        assert router.exists("a/1.txt")
    assert content(router, "a/1.txt") == b"new"


@pytest.mark.parametrize("phase", ["mirror", "switch", "settle"])
def test_a_file_of_a_route_that_moves_is_deleted_on_both_backends(database, files, tmp_path, phase):
    route = {"prefix": "a/", "backend": "new", "moving_from": "old", "phase": phase}
    backends = {"old": files, "new": {"type": "filesystem", "location": str(tmp_path / "new")}}
    on_commit = {"deletes": "on_commit", "database": ALIAS}
    router = RouterStorage(backends=backends, routes=[route], transactions=on_commit)
    router.save("a/1.txt", ContentFile(b"one"))
    with transaction.atomic(ALIAS):
        router.delete("a/1.txt")
        assert content(router, "a/1.txt") == b"one"
    assert [router.backends[alias].exists("a/1.txt") for alias in backends] == [False, False]


def test_a_save_that_fails_does_not_cancel_the_deletion(router):
    class Unreadable(ContentFile):
        def chunks(self, chunk_size=None):
            raise ValueError("unreadable")

    with transaction.atomic(ALIAS):
        router.delete("a/1.txt")
        with pytest.raises(ValueError, match="unreadable"):
            router.save("a/1.txt", Unreadable(b"two"))
    assert not router.exists("a/1.txt")


def test_a_file_that_was_replaced_and_deleted_again_is_deleted(router):
    with transaction.atomic(ALIAS):
        router.delete("a/1.txt")
        router.save("a/1.txt", ContentFile(b"new"))
        router.delete("a/1.txt")
    assert not router.exists("a/1.txt")


def test_what_is_written_under_the_name_otherwise_is_kept(router):
    with transaction.atomic(ALIAS):
        router.delete("a/1.txt")
        router.replace("a/1.txt", ContentFile(b"replaced"))
    assert content(router, "a/1.txt") == b"replaced"
    with transaction.atomic(ALIAS):
        router.delete("a/1.txt")
        with router.open("a/1.txt", "wb") as file:
            file.write(b"rewritten")
    assert content(router, "a/1.txt") == b"rewritten"


def test_a_subclass_with_hooks_of_its_own_gets_the_name_back(database, files):
    class Counting(RouterStorage):
        def get_available_name(self, name, max_length=None):
            return super().get_available_name(name, max_length)

    router = Counting(configuration=router_of(files).configuration)
    router.save("a/1.txt", ContentFile(b"one"))
    with transaction.atomic(ALIAS):
        router.delete("a/1.txt")
        assert router.save("a/1.txt", ContentFile(b"two")) == "a/1.txt"
    assert content(router, "a/1.txt") == b"two"


def test_a_file_that_somebody_else_replaced_is_kept(database, azurite, container):
    files = {"type": "azure", "connection_string": azurite.connection_string(), "azure_container": container}
    router, other = router_of(files), router_of(files)
    router.save("a/1.txt", ContentFile(b"one"))
    with transaction.atomic(ALIAS):
        router.delete("a/1.txt")
        other.replace("a/1.txt", ContentFile(b"theirs"))
    assert content(router, "a/1.txt") == b"theirs"


def test_an_empty_directory_is_deleted_when_the_transaction_commits(database, tmp_path):
    router = router_of({"type": "filesystem", "location": str(tmp_path / "media")})
    (tmp_path / "media/empty").mkdir(parents=True)
    with transaction.atomic(ALIAS):
        router.delete("a/empty")
        assert (tmp_path / "media/empty").exists()
    assert not (tmp_path / "media/empty").exists()


def test_an_error_of_the_deletion_is_logged_and_the_transaction_is_committed(database, azurite, caplog):
    container = azurite.create_container()
    router = router_of(
        {"type": "azure", "connection_string": azurite.connection_string(), "azure_container": container}
    )
    router.save("a/1.txt", ContentFile(b"one"))
    with transaction.atomic(ALIAS):
        execute("INSERT INTO document VALUES ('x')")
        router.delete("a/1.txt")
        ContainerClient.from_connection_string(azurite.connection_string(), container).delete_container()
    assert committed_names() == {"x"}
    assert "1.txt could not be deleted after the transaction was committed." in caplog.text


def test_one_backend_of_the_router_follows_the_transaction_too(database, files):
    with override_settings(STORAGES={**storages.backends, "default": entry(files)}):
        backend = storage_router.backend("media")
        backend.save("1.txt", ContentFile(b"one"))
        with transaction.atomic(ALIAS):
            backend.delete("1.txt")
            assert not backend.exists("1.txt")
            assert not storages["default"].exists("a/1.txt")
            assert backend.get_available_name("1.txt") == "1.txt"
            assert backend.save("1.txt", ContentFile(b"new")) == "1.txt"
        assert content(storages["default"], "a/1.txt") == b"new"
        with transaction.atomic(ALIAS):
            backend.delete("1.txt")
            with backend.open("1.txt", "wb") as file:
                file.write(b"rewritten")
        assert content(backend, "1.txt") == b"rewritten"
        with transaction.atomic(ALIAS):
            backend.delete("1.txt")
        assert not backend.exists("1.txt")


def entry(files):
    options = {"backends": {"media": files}, "transactions": {"deletes": "on_commit", "database": ALIAS}}
    routes = [{"prefix": "a/", "backend": "media", "strip_prefix": True}]
    return {"BACKEND": "storage_router.RouterStorage", "OPTIONS": {**options, "routes": routes, "default": "media"}}


def test_static_files_are_deleted_at_once(database, files):
    statics = {"BACKEND": "storage_router.StaticFilesStorage"}
    with override_settings(STORAGES={"default": entry(files), "staticfiles": statics}):
        static = storages["staticfiles"]
        static.save("a.css", ContentFile(b"a"))
        with transaction.atomic(ALIAS):
            static.delete("a.css")
            assert static.exists("a.css") is False
            with pytest.raises(FileNotFoundError):
                static.open("a.css")


def test_without_the_setting_a_file_is_deleted_at_once(database, files):
    router = RouterStorage(backends={"media": files}, default="media")
    router.save("1.txt", ContentFile(b"one"))
    with transaction.atomic(ALIAS):
        router.delete("1.txt")
        with pytest.raises(FileNotFoundError):
            router.open("1.txt")


def view(request):
    storages["default"].delete("a/1.txt")
    execute("INSERT INTO document VALUES ('x')")
    if request.GET:
        raise ValueError("undone")
    return HttpResponse("done")


urlpatterns = [path("delete", view)]


def test_a_request_that_fails_deletes_nothing_with_atomic_requests(database, files):
    connections.settings[ALIAS]["ATOMIC_REQUESTS"] = True
    with override_settings(STORAGES={**storages.backends, "default": entry(files)}, ROOT_URLCONF=__name__):
        storages["default"].save("a/1.txt", ContentFile(b"one"))
        with pytest.raises(ValueError, match="undone"):
            Client().get("/delete?fail=1")
        assert storages["default"].exists("a/1.txt")
        assert Client().get("/delete").content == b"done"
        assert not storages["default"].exists("a/1.txt")


def test_a_test_case_deletes_files_where_it_captures_what_happens_on_commit(tmp_path):
    files = {"type": "filesystem", "location": str(tmp_path)}

    class Case(TestCase):
        def runTest(self):
            router = RouterStorage(backends={"m": files}, default="m", transactions={"deletes": "on_commit"})
            router.save("1.txt", ContentFile(b"one"))
            router.delete("1.txt")
            assert (tmp_path / "1.txt").exists()
            with self.captureOnCommitCallbacks() as callbacks:
                pass
            assert callbacks == []
            router.save("2.txt", ContentFile(b"two"))
            with self.captureOnCommitCallbacks(execute=True) as callbacks:
                router.delete("2.txt")
            assert len(callbacks) == 1
            assert not (tmp_path / "2.txt").exists()
            # What has run is not pending any more.
            router.save("2.txt", ContentFile(b"again"))
            assert router.exists("2.txt")

    result = unittest.TestResult()
    unittest.TestSuite([Case()]).run(result)
    assert result.errors + result.failures == []


NAMES = st.sampled_from(["1.txt", "2.txt"])


class Interleaving(RuleBasedStateMachine):
    """Deletes, saves, savepoints, commits and failures: a file that a committed row names is there."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.connection = connected(sqlite(Path(self.folder.name)))
        self.connection.__enter__()
        media = {"type": "filesystem", "location": str(Path(self.folder.name) / "media")}
        self.router = router_of(media)
        self.blocks = []
        self.serial = itertools.count()

    def teardown(self):
        while self.blocks:
            self.rolled_back()
        self.connection.__exit__(None, None, None)
        self.folder.cleanup()

    @precondition(lambda self: len(self.blocks) < 3)
    @rule()
    def begun(self):
        block = transaction.atomic(ALIAS)
        block.__enter__()
        self.blocks.append(block)

    @precondition(lambda self: self.blocks)
    @rule()
    def committed(self):
        self.blocks.pop().__exit__(None, None, None)

    @precondition(lambda self: self.blocks)
    @rule()
    def rolled_back(self):
        error = ValueError("undone")
        self.blocks.pop().__exit__(ValueError, error, None)

    @rule(name=NAMES)
    def saved(self, name):
        saved = self.router.save(f"a/{name}", ContentFile(f"{next(self.serial)}".encode()))
        execute("INSERT INTO document VALUES (%s)", saved)

    @rule(name=NAMES)
    def deleted(self, name):
        # The row first, as Django's own code and everybody's does.
        execute("DELETE FROM document WHERE name = %s", f"a/{name}")
        self.router.delete(f"a/{name}")

    @rule(name=NAMES)
    def save_fails(self, name):
        class Failing(ContentFile):
            def chunks(self, chunk_size=None):
                yield b"half"
                raise OSError("the upload broke off")

        with pytest.raises(OSError, match="broke off"):
            self.router.save(f"a/{name}", Failing(b"whole"))

    @invariant()
    def every_row_that_is_committed_names_a_file(self):
        if not self.blocks:
            missing = {name for name in committed_names() if not self.router.exists(name)}
            assert missing == set()


Interleaving.TestCase.settings = hypothesis_settings(examples(30), stateful_step_count=25)
TestInterleaving = Interleaving.TestCase


def test_a_database_that_the_settings_do_not_have_is_an_error():
    options = {"backends": {"media": {"type": "memory"}}, "default": "media"}
    options["transactions"] = {"deletes": "on_commit", "database": "defualt"}
    with override_settings(STORAGES={"default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}}):
        [message] = checks.check_configuration(None)
    assert message.id == "storage_router.E060"
    assert message.msg == "files follow the transactions of 'defualt', which DATABASES does not have"
    assert message.hint == "Did you mean 'default'?"
