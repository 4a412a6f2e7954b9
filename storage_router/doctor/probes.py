"""The probes of any Django storage: write, read, list and delete one small file.

A probe that fails does not end the examination; probes that need it are then not tried. The file is removed at the end
in any case.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.utils.module_loading import import_string

from storage_router.installed import Used

from .findings import Finding, advice, described, failed, ok, skipped

FURTHER = {"routes": "storage_router.moving.strays.probe", "uploads": "storage_router.uploads.examination.probe"}
"""Probes of further rooms: functions that take the ``Probes`` and return a ``Finding``, or several."""

CONTENT = b"Written by 'manage.py storage_router doctor', which removes it again.\n"


class Cause(NamedTuple):
    """Why later probes are not tried. ``is_failure``: because one failed, not because one was left out."""

    text: str
    is_failure: bool = False


class Probes:
    """One examination of one storage.

    ``skip`` names probes to leave out; ``static`` says that pages of ``origins`` load scripts and fonts from it.
    """

    probes: Mapping[str, str] = {"write": "", "read": "write", "list": "write", "delete": "write", "routes": "list"}
    """The probes in their order, and the one that has to have gone well before. Each is a method that returns a
    ``Finding``, or a function of ``FURTHER``."""

    def __init__(self, backend: Used, *, static: bool, origins: Sequence[str], skip: Collection[str]) -> None:
        self.backend = backend
        self.storage: Storage = backend.storage
        self.static = static
        self.origins = origins
        self.skip = frozenset(skip)
        self.probe_name = f"storage-router-doctor-{secrets.token_hex(8)}.txt"
        self.written: str | None = None
        """The name under which the probe file is stored now."""

    def examine(self) -> Generator[Finding]:
        """Run the probes one after the other and yield what each found."""
        causes: dict[str, Cause] = {}
        pointless = {"routes": not self.backend.router, "uploads": not self.backend.quarantine}
        try:
            for name in self.probes:
                for finding in () if pointless.get(name) else self._findings(name, causes):
                    yield dataclasses.replace(finding, backend=self.backend.name, probe=name)
        finally:
            self._remove()

    def _findings(self, name: str, causes: dict[str, Cause]) -> Iterable[Finding]:
        """Run one probe. ``causes`` holds, for each probe that failed or was skipped, the reason for those after it."""
        if name in self.skip:
            causes[name] = Cause(f"{name} was left out")
            return [skipped("Left out, as asked.")]
        cause = causes.get(self.probes[name])
        # "routes" lists for itself, so it makes sense where listing was only left out.
        if cause is not None and (name != "routes" or cause.is_failure):
            causes[name] = cause
            return [skipped(f"Not tried, because {cause.text}.")]
        try:
            probe = partial(import_string(FURTHER[name]), self) if name in FURTHER else getattr(self, name)
            result: Finding | tuple[Finding, ...] = probe()
        # Another package's storage raises what its SDK raises, and the examination has to go on.
        except Exception as error:  # noqa: BLE001
            result = self.explain(name, error)
        if isinstance(result, tuple):
            return result
        if result.status == "failed":
            causes[name] = Cause(f"{name} failed", is_failure=True)
        elif result.status == "skipped":
            causes[name] = Cause(f"{name} was not tried")
        return [result]

    def explain(self, name: str, error: Exception) -> Finding:  # noqa: ARG002 - for subclasses
        """Return the result of a probe that raised."""
        return failed(described(error), advice(error))

    def _remove(self) -> None:
        if self.written is None:
            return
        try:
            self.storage.delete(self.written)
        except Exception:  # noqa: BLE001 - the delete probe has reported it, or an interruption is under way
            return
        self.written = None

    def write(self) -> Finding:
        if self.backend.read_only:
            return skipped("Not tried, because every route to this backend is read_only.")
        self.written = self.storage.save(self.probe_name, ContentFile(CONTENT))
        return ok("A new file can be saved.")

    def read(self) -> Finding:
        assert self.written is not None
        with self.storage.open(self.written) as file:
            content = file.read()
        if content != CONTENT:
            return failed(
                "The file that was read back differs from what was saved.",
                "Something between here and the storage changes content: a proxy, or the backend's own options.",
            )
        return ok("What was saved is read back, byte for byte.")

    def list(self) -> Finding:
        try:
            _, files = self.storage.listdir("")
        except NotImplementedError:
            return skipped("This storage cannot list, so listdir() and comparing in collectstatic do not work.")
        if self.written not in files:
            return failed("The file that was saved is missing in listdir('').", "Check the backend's location options.")
        return ok("The file that was saved is listed.")

    def delete(self) -> Finding:
        assert self.written is not None
        self.storage.delete(self.written)
        if self.storage.exists(self.written):
            return failed(f"{self.written!r} still exists after it was deleted.", "Remove it by hand.")
        self.written = None
        return ok("The file is deleted again.")
