"""P4: nothing is left behind."""

from __future__ import annotations

import time

import pytest
from django.core.management import CommandError, call_command

from .conftest import PDF


def purge(capsys, *arguments: str) -> str:
    call_command("storage_router", "uploads", "purge", *arguments)
    return capsys.readouterr().out


def test_purge_deletes_what_is_old_whatever_was_made_of_it(uploads, capsys, monkeypatch):
    """T13"""
    plain, staged, leased = (uploads.begin() for _ in range(3))
    uploads.put(plain)
    uploads.put(staged, b"x", "&comp=block&blockid=MDAwMDAw")
    uploads.put(leased)
    uploads.put(leased, b"", "&comp=snapshot")
    uploads.put(leased, b"", "&comp=lease", x_ms_lease_action="acquire", x_ms_lease_duration="-1")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600)
    fresh = uploads.begin()
    uploads.put(fresh)
    assert purge(capsys) == "0 uploads were deleted.\n"
    assert purge(capsys, "--older-than", "30m") == "3 uploads were deleted.\n"
    assert len(uploads.left) == 1
    assert purge(capsys, "--older-than", "0") == "1 uploads were deleted.\n"
    assert uploads.left == []


def test_purge_leaves_files_outside_of_the_quarantine_alone(uploads, capsys):
    assert uploads.submit(uploads.upload()).status_code == 200
    purge(capsys, "--older-than", "0")
    assert uploads.storage.open("final/a.pdf").read() == PDF


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--older-than", "soon"], "--older-than: 'soon' is not a duration"),
        (["--storage", "staticfiles"], "STORAGES['staticfiles'] is not a storage of storage_router."),
        (["--storage", "nothing"], "STORAGES['nothing'] is not a storage of storage_router."),
    ],
)
def test_a_wrong_argument_is_told(uploads, arguments, message):
    with pytest.raises(CommandError) as raised:
        call_command("storage_router", "uploads", "purge", *arguments)
    assert message in str(raised.value)


def test_a_quarantine_that_browsers_do_not_reach_has_nothing_to_purge(uploads):
    uploads.use(quarantine={"type": "memory"})
    with pytest.raises(CommandError, match="takes no uploads from browsers"):
        call_command("storage_router", "uploads", "purge")
