"""F1: random work of several threads through a proxy with random faults, against a plain model.

Hypothesis draws batches of work and the seed of the faults. After each batch the container, seen directly, must be one
that the model allows. Contents are unique, so one that is lost, doubled, cut or mixed shows.
"""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from django.core.files.base import ContentFile
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from storage_router import AzureStorage
from storage_router.exceptions import BlobError
from tests.kit.azurite import Azurite
from tests.kit.faults import TRANSIENT
from tests.kit.proxy import FaultProxy

from . import SOAK
from .conftest import Folder

NAMES = ("a.txt", "d/a.txt", "d/b.txt", "d/e/c.bin")
SIZES = (10, 3_000, 4 * 2**20 + 1_000)
LONGEST = 300
"""Seconds. With the default timeout of 20 s a request ends within 25 s, and a step is a few of them at most. The rest
is for machines that are busy: what hangs takes longer than any of them."""

_numbers = itertools.count()


@dataclass(frozen=True, kw_only=True)
class Step:
    """One call; ``content`` is what it writes."""

    verb: str
    name: str
    target: str = ""
    content: bytes = b""

    def __repr__(self) -> str:
        return f"{self.verb}({', '.join(filter(None, (self.name, self.target, str(self.content[:12])[2:-1])))})"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a step came to: its result, or the error."""

    step: Step
    result: object = None
    error: Exception | None = None


def content(size: int) -> bytes:
    """Return bytes that no other call returns."""
    mark = f"<{next(_numbers)}>".encode()
    return (mark * (size // len(mark) + 1))[: max(size, len(mark))]


@st.composite
def steps(draw: st.DrawFn) -> Step:
    verb = draw(st.sampled_from(["save", "save", "replace", "append", "read", "delete", "list", "copy", "exists"]))
    size = draw(st.sampled_from([SIZES[0]] * 6 + [SIZES[1]] * 6 + [SIZES[2]]))
    written = content(size) if verb in ("save", "replace") else content(8) if verb == "append" else b""
    target = draw(st.sampled_from(NAMES)) if verb == "copy" else ""
    return Step(verb=verb, name=draw(st.sampled_from(NAMES)), target=target, content=written)


batches = st.lists(st.lists(st.lists(steps(), min_size=1, max_size=5), min_size=1, max_size=4), min_size=1, max_size=3)


def perform(storage: AzureStorage, step: Step) -> Outcome:
    start = time.monotonic()
    try:
        outcome = Outcome(step=step, result=_call(storage, step))
    except (BlobError, FileNotFoundError) as error:
        outcome = Outcome(step=step, error=error)
    assert time.monotonic() - start < LONGEST, step
    return outcome


def _call(storage: AzureStorage, step: Step) -> object:
    match step.verb:
        case "save":
            return storage.save(step.name, ContentFile(step.content))
        case "replace":
            return storage.replace(step.name, ContentFile(step.content))
        case "append":
            with storage.open(step.name, "ab") as file:
                return file.write(step.content)
        case "read":
            with storage.open(step.name) as file:
                return file.read()
        case "delete":
            return storage.delete(step.name)
        case "copy":
            return storage.copy(step.name, step.target)
        case "list":
            return {stat.name for stat in storage.walk()}
        case _:
            return storage.exists(step.name)


class Model:
    """What the container may hold after a batch, given what it held before and how each call ended."""

    def __init__(self, before: dict[str, bytes], outcomes: list[Outcome]) -> None:
        self.before = before
        self.outcomes = outcomes
        self.deleted = {it.step.name for it in outcomes if it.step.verb == "delete"}
        self.written: dict[str, set[bytes]] = {name: {content} for name, content in before.items()}
        for it in outcomes:
            if it.step.verb == "save" and it.error is None:
                self.written.setdefault(str(it.result), set()).add(it.step.content)
            if it.step.verb == "replace":
                self.written.setdefault(it.step.name, set()).add(it.step.content)
        self.unsaved = {it.step.content: it.step.name for it in outcomes if it.step.verb == "save" and it.error}
        for content_, name in self.unsaved.items():
            self.written.setdefault(name, set()).add(content_)
        self._follow_copies_and_appends()

    def _follow_copies_and_appends(self) -> None:
        """What is copied or appended to may be anything that was there at some moment."""
        moving = [it.step for it in self.outcomes if it.step.verb in ("copy", "append")]
        for _ in moving:
            for step in moving:
                found = self.written.get(step.name, set())
                if step.verb == "copy":
                    self.written.setdefault(step.target, set()).update(found)
                else:
                    longer = {before + step.content for before in found | {b""} if step.content not in before}
                    self.written.setdefault(step.name, set()).update(longer)

    def touched(self, name: str) -> bool:
        """Whether anything but a save of this very name could change what is there."""
        return any(
            name == (it.step.target or it.step.name)
            for it in self.outcomes
            if it.step.verb in ("replace", "append", "delete", "copy")
        )

    def check_files(self, after: dict[str, bytes]) -> None:
        for name, found in after.items():
            allowed = self.written.get(name, set())
            assert found in allowed or self._is_of_unsaved(name, found), (
                f"{name} holds {found[:40]!r}, {len(found)} bytes"
            )
        for name, found in self.before.items():
            assert name in after or name in self.deleted, f"{name} is lost"
            if not self.touched(name):
                assert after[name] == found, f"{name} was overwritten"
        for it in self.outcomes:
            if it.step.verb == "save" and it.error is None and not self.touched(str(it.result)):
                assert after.get(str(it.result)) == it.step.content, f"{it} is lost"
        copies = any(it.step.verb == "copy" for it in self.outcomes)
        times = Counter(found for name, found in after.items() if found not in self.before.values())
        assert copies or all(count == 1 for count in times.values()), "a file is doubled"

    def _is_of_unsaved(self, name: str, found: bytes) -> bool:
        """A save that failed may have stored its content all the same, under an alternative name, too."""
        wanted = self.unsaved.get(found)
        if wanted is None:
            return False
        root, _, extension = wanted.rpartition(".")
        return re.fullmatch(rf"{re.escape(root)}_\w{{7}}\.{extension}", name) is not None

    def check_results(self) -> None:
        saved = [str(it.result) for it in self.outcomes if it.step.verb == "save" and it.error is None]
        assert all(count == 1 or name in self.deleted for name, count in Counter(saved).items()), (
            "two saves share a name"
        )
        for it in self.outcomes:
            if it.step.verb == "read" and it.error is None:
                assert it.result in self.written.get(it.step.name, set()), f"{it.step} mixes versions"
            if it.step.verb in ("read", "copy") and isinstance(it.error, FileNotFoundError):
                name = it.step.name
                assert name not in self.before or name in self.deleted, f"{it.step} does not find what is there"
            if it.step.verb == "list" and it.error is None:
                assert isinstance(it.result, set)
                assert self.before.keys() - self.deleted <= it.result, "the listing lacks a file"
                extra = it.result - self.written.keys()
                assert all(any(self._is_of_unsaved(name, found) for found in self.unsaved) for name in extra)
            if it.step.verb == "exists" and it.error is None and it.step.name not in self.deleted:
                assert it.result or it.step.name not in self.before, f"{it.step} denies a file"


@pytest.fixture(scope="module")
def model_folder(azurite: Azurite, proxy_of_module: FaultProxy, shared_container: str) -> Iterator[Folder]:
    folder = Folder(azurite, proxy_of_module, shared_container)
    # The faults depend on the names of blobs, and shall be the same for the same seed.
    folder.location = "model"
    yield folder
    folder.close()


@pytest.mark.usefixtures("quick_retries")
@settings(
    max_examples=10 * SOAK,
    deadline=None,
    derandomize=SOAK == 1,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(work=batches, seed=st.integers(0, 2**32), rate=st.sampled_from([0.0, 0.1, 0.3, 0.6]))
def test_threads_and_faults_leave_what_the_model_allows(
    model_folder: Folder, work: list[list[list[Step]]], seed: int, rate: float
) -> None:
    folder, proxy = model_folder, model_folder.proxy
    proxy.heal()
    folder.clear()
    storage = folder.storage()
    proxy.fail_randomly(rate, TRANSIENT, seed=seed)
    proxy.forget()
    before: dict[str, bytes] = {}
    for batch in work:
        with ThreadPoolExecutor(len(batch)) as pool:
            each = pool.map(lambda thread: [perform(storage, step) for step in thread], batch)
            outcomes = [outcome for thread in each for outcome in thread]
        after = folder.files()
        note(f"{proxy.story()}\n{batch}\n{outcomes}\nbefore {_short(before)}\nafter {_short(after)}")
        model = Model(before, outcomes)
        model.check_files(after)
        model.check_results()
        before = after


def _short(files: dict[str, bytes]) -> dict[str, str]:
    return {name: f"{found[:30]!r} ({len(found)})" for name, found in files.items()}
