"""What goes wrong while static files are copied: the names are said, what is stored is whole, the next run finishes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError

from storage_router.exceptions import ContainerNotFoundError, SourceChangedError, TransferError
from storage_router.staticfiles.destination import Destination, FileCopy
from tests.kit.azurite import Azurite, UnsignedTokenCredential
from tests.kit.faults import Answer, Delay, RejectToken, Reset
from tests.kit.proxy import FaultProxy

from .projects import FILES, azure, in_container, in_directory, project, router, write
from .test_collectstatic import COLLECTED
from .test_manifest import manifest_of


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_copied(source: Path, azurite, container: str) -> None:
    """S3"""
    (source / "css/gone.css").symlink_to(source / "nowhere")
    with project(source, router(azure(azurite, container))) as here:
        with pytest.raises(CommandError) as caught:
            here.collect()
        assert str(caught.value).startswith(f"1 of {len(COLLECTED) + 1} files could not be copied:\n    css/gone.css: ")
        assert str(caught.value).endswith("Run the same command again for the rest.")
        assert isinstance(caught.value.__cause__, TransferError)
        assert list(caught.value.__cause__.failures) == ["css/gone.css"]
        assert in_container(azurite, container) == COLLECTED
        (source / "css/gone.css").unlink()
        assert here.collect().lines == [f"0 static files copied, {len(COLLECTED)} unmodified."]


class ChangingStorage(FileSystemStorage):
    """Somebody else writes to each file while it is read."""

    def open(self, name: str, mode: str = "rb"):
        return ChangingFile(super().open(name, mode), self.path(name))


class ChangingFile(File):
    def __init__(self, file: File, path: str) -> None:
        super().__init__(file.file, file.name)
        self.path = path

    def read(self, size: int = -1) -> bytes:
        with Path(self.path).open("ab") as other:
            other.write(b"more")
        return self.file.read(size)


@pytest.mark.parametrize("size", [10, 6 * 2**20], ids=["small", "large"])
def test_a_file_that_changes_while_it_is_copied_is_not_stored(
    size: int, tmp_path: Path, azurite, container: str
) -> None:
    """S3"""
    from storage_router import AzureStorage

    write(tmp_path, {"a.css": b"a" * size})
    target = AzureStorage(connection_string=azurite.connection_string(), azure_container=container)
    copies = [FileCopy(name="a.css", source=ChangingStorage(location=tmp_path), source_name="a.css")]
    with pytest.raises(TransferError) as caught:
        Destination(target).copy_all(copies)
    assert isinstance(caught.value.failures["a.css"], SourceChangedError)
    assert "a.css: The file changed while it was being read" in str(caught.value)
    assert in_container(azurite, container) == {}
    steady = [FileCopy(name="a.css", source=FileSystemStorage(location=tmp_path), source_name="a.css")]
    Destination(target).copy_all(steady)
    assert in_container(azurite, container)["a.css"] == (tmp_path / "a.css").read_bytes()


class ChangingLater(FileSystemStorage):
    """Somebody else writes to each file while it is copied, after its digest was made, and only once."""

    opened = 0

    def open(self, name: str, mode: str = "rb"):
        self.opened += 1
        return LaterFile(super().open(name, mode), self.path(name)) if self.opened == 1 else super().open(name, mode)


class LaterFile(File):
    def __init__(self, file: File, path: str) -> None:
        super().__init__(file.file, file.name)
        self.path, self.pieces = path, 0

    def read(self, size: int = -1) -> bytes:
        self.pieces += 1
        if self.pieces == 10:
            with Path(self.path).open("ab") as other:
                other.write(b"more")
        return self.file.read(size)


class Keeping(FileSystemStorage):
    """A storage of the project's own, which leaves what had arrived before an error."""

    def _save(self, name: str, content) -> str:
        return super()._save(name, content)


@pytest.mark.parametrize("there", [True, False])
def test_in_a_directory_a_file_is_replaced_whole_or_not_at_all(there: bool, tmp_path: Path) -> None:
    """S3, S4"""
    write(tmp_path / "source", {"css/a.css": b"a" * 6 * 2**20})
    stored = tmp_path / "stored"
    old = {"css/a.css": b"old"} if there else {}
    write(stored, old)
    copy = FileCopy(name="css/a.css", source=ChangingLater(location=tmp_path / "source"), source_name="css/a.css")
    with pytest.raises(TransferError, match="changed while it was being read"):
        Destination(FileSystemStorage(location=stored)).copy_all([copy])
    assert in_directory(stored) == old
    write(stored, {"b": b"a file"})
    with pytest.raises(TransferError, match=r"b exists and is not a directory|Not a directory"):
        Destination(FileSystemStorage(location=stored)).copy_all([replace(copy, name="b/a.css")])
    Destination(FileSystemStorage(location=stored, file_permissions_mode=0o640)).copy_all([copy])
    assert (stored / "css/a.css").read_bytes() == (tmp_path / "source/css/a.css").read_bytes()
    assert (stored / "css/a.css").stat().st_mode & 0o777 == 0o640
    assert in_directory(stored).keys() == {"css/a.css", "b"}


def test_no_other_storage_keeps_part_of_a_file(tmp_path: Path) -> None:
    """S4: what it had is gone, as with Django's own command; half a file would look like a whole one."""
    write(tmp_path / "source", {"a.css": b"a" * 6 * 2**20})
    write(tmp_path / "stored", {"a.css": b"old"})
    copy = FileCopy(name="a.css", source=ChangingLater(location=tmp_path / "source"), source_name="a.css")
    with pytest.raises(TransferError, match="changed while it was being read"):
        Destination(Keeping(location=tmp_path / "stored")).copy_all([copy])
    assert in_directory(tmp_path / "stored") == {}
    Destination(Keeping(location=tmp_path / "stored")).copy_all([copy])
    assert (tmp_path / "stored/a.css").read_bytes() == (tmp_path / "source/a.css").read_bytes()


def test_names_that_azure_refuses_are_not_said_to_be_a_matter_of_trying_again(
    source: Path, azurite: Azurite, container: str
) -> None:
    """A8"""
    write(source, {"odd./a.css": b"a"})
    with project(source, router(azure(azurite, container))) as here:
        with pytest.raises(CommandError) as caught:
            here.collect()
        assert "odd./a.css: No segment of a blob's name may end in a dot" in str(caught.value)
        assert str(caught.value).endswith("\nRunning the command again does not help: change the names or the routes.")
        assert in_container(azurite, container) == COLLECTED
        (source / "css/gone.css").symlink_to(source / "nowhere")
        with pytest.raises(CommandError, match=r"Run the same command again for the rest\.\Z"):
            here.collect()


def test_a_missing_container_is_one_error_that_says_how_to_make_it(source: Path, azurite: Azurite) -> None:
    """A10"""
    with project(source, router(azure(azurite, "not-there"))) as here, pytest.raises(CommandError) as caught:
        here.collect()
    assert isinstance(caught.value.__cause__, ContainerNotFoundError)
    assert "not-there" in str(caught.value)
    assert "create" in str(caught.value)


def test_a_lost_connection_now_and_then_is_no_failure(source: Path, proxy: FaultProxy, container: str) -> None:
    """F1"""
    with project(source, router(azure(proxy, container))) as here:
        for fault in (Reset("request"), Reset("answer"), Answer(503, "ServerBusy"), Answer(500, done=True)):
            proxy.fail("Put Blob", fault)
        assert here.collect().lines == [f"{len(COLLECTED)} static files copied."]
    assert in_container(proxy, container) == COLLECTED


def test_when_nothing_works_the_rest_is_not_tried(source: Path, proxy: FaultProxy, container: str) -> None:
    """S3: a full account, for example."""
    write(source, {f"many/{index}.css": b"p {}" for index in range(90)})
    with project(source, router(azure(proxy, container))) as here:
        proxy.fail("Put Blob", Answer(403, "AccountIsFull"), times=10_000)
        with pytest.raises(CommandError, match=r"After these failures \d+ more files were not tried\.") as caught:
            here.collect()
        failed, untried = caught.value.__cause__.failures, caught.value.__cause__.untried
        assert len(failed) >= 20
        assert len(failed) + len(untried) == len(COLLECTED) + 90
        assert "AccountIsFull" in str(caught.value)
        proxy.heal()
        assert here.collect().lines == [f"{len(COLLECTED) + 90} static files copied."]


def test_a_token_that_expires_half_way_is_renewed(source: Path, azurite_https, container_https) -> None:
    """S3"""
    from storage_router import AzureStorage

    credential = UnsignedTokenCredential(lifetime=2)
    with FaultProxy(azurite_https) as proxy:
        target = AzureStorage(
            account_url=proxy.account_url(),
            azure_container=container_https,
            token_credential=credential,
            client_options={"connection_verify": str(proxy.certificate)},
        )
        proxy.fail("Put Blob", Delay(0.3), times=100)
        files = FileSystemStorage(location=source)
        copies = [FileCopy(name=name, source=files, source_name=name) for name in FILES]
        Destination(target, threads=1).copy_all(copies)
        assert len({request.head.get("authorization") for request in proxy.requests}) > 1
        assert in_container(azurite_https, container_https) == FILES


class RenewedTokenCredential(UnsignedTokenCredential):
    """Every token is another one, even within a second."""

    def get_token(self, *scopes: str, **options):
        self.lifetime += 1
        return super().get_token(*scopes, **options)


def test_a_token_that_is_taken_back_is_replaced(source: Path, azurite_https, container_https: str) -> None:
    from storage_router import AzureStorage

    with FaultProxy(azurite_https) as proxy:
        target = AzureStorage(
            account_url=proxy.account_url(),
            azure_container=container_https,
            token_credential=RenewedTokenCredential(),
            client_options={"connection_verify": str(proxy.certificate)},
        )
        proxy.fail("Put Blob", RejectToken(), skip=3)
        files = FileSystemStorage(location=source)
        copies = [FileCopy(name=name, source=files, source_name=name) for name in FILES]
        Destination(target, threads=2).copy_all(copies)
        assert in_container(azurite_https, container_https) == FILES


def test_after_ctrl_c_everything_is_whole_and_the_next_run_finishes(
    source: Path, tmp_path: Path, proxy: FaultProxy, container: str
) -> None:
    """S3: in a process of its own, interrupted after some requests."""
    # Enough for some seconds, so that a machine that is busy interrupts in time.
    many = {f"many/{index}.css": b"p { margin: %d }" % index for index in range(80)}
    kind = "ManifestStaticFilesStorage"
    with project(source, router(azure(proxy, container), kind=kind)) as here:
        here.collect()
        old = in_container(proxy, container)["staticfiles.json"]
        write(source, many)
        script = textwrap.dedent(
            f"""
            import signal
            import django
            from django.conf import settings
            from django.core.management import execute_from_command_line
            # Where the tests run in the background of a shell, they and their children would ignore it.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            settings.configure(
                INSTALLED_APPS=["storage_router", "django.contrib.staticfiles"], STATIC_URL="/static/",
                STATICFILES_DIRS=[{str(source)!r}], STORAGES={router(azure(proxy, container), kind=kind)!r},
            )
            execute_from_command_line(["manage.py", "collectstatic", "--noinput"])
            """
        )
        proxy.forget()
        proxy.fail("Put Blob", Delay(5), skip=40, times=10_000)
        with subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True) as process:
            deadline = time.monotonic() + 300
            while proxy.count("Put Blob") <= 40 and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            os.kill(process.pid, signal.SIGINT)
            _, said = process.communicate()
        assert process.returncode == 130, said
        assert "Interrupted." in said
        assert "Traceback" not in said
        found = in_container(proxy, container)
        assert found["staticfiles.json"] == old
        copied = {name: content for name, content in found.items() if name.startswith("many/")}
        assert 0 < len(copied) < len(many), "hashed files come first"
        assert set(copied.values()) <= set(many.values())
        proxy.heal()
        here.collect()
        found = in_container(proxy, container)
        assert {name: found[manifest_of(found)[name]] for name in many} == many
