"""V4: the storages' methods for async code."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest
from django.core.files.base import ContentFile
from django.test import override_settings

import storage_router
from storage_router import AzureStorage, RouterStorage, StaticFilesStorage


@pytest.fixture
def azure(proxy, container):
    return AzureStorage(connection_string=proxy.connection_string(), azure_container=container)


@pytest.fixture
def configured(proxy, container):
    backend = {"type": "azure", "connection_string": proxy.connection_string(), "azure_container": container}
    router = {"backends": {"media": backend}, "default": "media"}
    entries = {
        "default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": router},
        "staticfiles": {"BACKEND": "storage_router.StaticFilesStorage"},
    }
    with override_settings(STORAGES=entries):
        yield


on_azurite = [pytest.param(kind, marks=pytest.mark.azurite) for kind in ("azure", "router", "static", "reference")]


@pytest.fixture(params=[*on_azurite, "memory"])
def storage(request):
    if request.param == "azure":
        return request.getfixturevalue("azure")
    if request.param == "memory":
        return RouterStorage(backends={"ram": {"type": "memory", "base_url": "/ram/"}}, default="ram")
    request.getfixturevalue("configured")
    if request.param == "static":
        return StaticFilesStorage()
    return storage_router.backend("media") if request.param == "reference" else RouterStorage()


_FEW_THREADS = """
import asyncio, threading
from django.conf import settings
from django.core.files.base import ContentFile
from storage_router import RouterStorage

settings.configure()
storage = RouterStorage(backends={"ram": {"type": "memory"}}, default="ram")
start = threading.Thread.start

def limited(thread):
    if threading.active_count() == 6:
        raise RuntimeError("can't start new thread")
    start(thread)

threading.Thread.start = limited
print(asyncio.run(storage.asave("a.txt", ContentFile(b"content"))))
"""


def test_a_system_that_gives_few_threads_is_no_reason_to_hang():
    # In a process of its own: what waits for ever would keep it from ending.
    done = subprocess.run([sys.executable, "-c", _FEW_THREADS], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.returncode) == ("a.txt\n", 0), done.stderr


def test_a_subclass_that_saves_in_its_own_way_is_asked_as_without_async():
    class Own(RouterStorage):
        def _save(self, name, content):
            return super()._save(name, content)

    storage = Own(backends={"ram": {"type": "memory"}}, default="ram")
    storage.save("a.txt", ContentFile(b"content"))
    assert asyncio.run(storage.astat("a.txt")) == storage.stat("a.txt")


def test_every_method_has_an_async_one(storage):
    async def use():
        name = await storage.asave("a/b.txt", ContentFile(b"one\ntwo\n"))
        assert name == "a/b.txt"
        assert await storage.aexists(name)
        assert await storage.asize(name) == 8
        assert (await storage.astat(name)).size == 8
        assert (await storage.aurl(name)).endswith("a/b.txt")
        assert await storage.alistdir("a") == ([], ["b.txt"])
        assert [entry.name async for entry in storage.awalk("a")] == ["a/b.txt"]
        async with storage.aopen(name) as file:
            assert await file.aread(4) == b"one\n"
            assert await file.aread() == b"two\n"
        async with storage.aopen(name) as file:
            assert [line async for line in file] == [b"one\n", b"two\n"]
            assert file.size == 8
        async with storage.aopen(name) as file:
            assert b"".join([piece async for piece in file.achunks(3)]) == b"one\ntwo\n"
        await storage.adelete(name)
        assert not await storage.aexists(name)

    asyncio.run(use())


@pytest.mark.parametrize(("mode", "kind"), [("rb", bytes), ("r", str)])
def test_the_lines_of_a_large_file_come_whole_and_in_their_order(azure, mode, kind):
    expected = [f"{number} {'x' * (number % 50)}\n" for number in range(5000)]
    azure.save("lines.txt", ContentFile("".join(expected).encode()))

    async def use():
        async with azure.aopen("lines.txt", mode) as file:
            return [line async for line in file]

    lines = asyncio.run(use())
    assert [line.decode() if kind is bytes else line for line in lines] == expected


def test_a_written_file_is_stored_at_the_end_of_its_block_or_not_at_all(azure):
    async def use():
        async with azure.aopen("a.txt", "w") as file:
            assert await file.awrite("one") == 3

    async def fail():
        async with azure.aopen("b.txt", "w") as file:
            await file.awrite("two")
            raise RuntimeError("no")

    asyncio.run(use())
    with pytest.raises(RuntimeError, match="no"):
        asyncio.run(fail())
    assert azure.listdir("") == ([], ["a.txt"])


def test_a_file_in_memory_is_written():
    storage = RouterStorage(backends={"ram": {"type": "memory"}}, default="ram")

    async def write():
        async with storage.aopen("a.txt", "wb") as file:
            await file.awrite(b"1")

    asyncio.run(write())
    assert storage.size("a.txt") == 1


def test_errors_are_those_of_the_method(azure):
    async def use():
        with pytest.raises(FileNotFoundError):
            await azure.asize("missing.txt")
        with pytest.raises(FileNotFoundError):
            async with azure.aopen("missing.txt"):
                pass

    asyncio.run(use())


def test_a_cancelled_save_stores_the_whole_file_or_nothing(azure):
    from storage_router.aio import THREADS

    begun, go_on = threading.Semaphore(0), threading.Event()
    # Two blocks, or a request of one byte.
    contents = {f"{n}.bin": bytes(5 * 2**20 if n % 8 == 0 else 1) for n in range(THREADS + 8)}

    class Content(ContentFile):
        """Stops in its middle."""

        def chunks(self, chunk_size=None):
            content = self.read()
            yield content[: 4 * 2**20]
            begun.release()
            assert go_on.wait(120)
            yield content[4 * 2**20 :]

    async def use():
        saves = [asyncio.create_task(azure.asave(name, Content(contents[name]))) for name in contents]
        for _ in range(THREADS):
            assert await asyncio.to_thread(begun.acquire, timeout=120)
        for save in saves:
            save.cancel()
        while sum(save.done() for save in saves) < len(saves) - THREADS:
            await asyncio.sleep(0.01)
        go_on.set()
        results = await asyncio.gather(*saves, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)

    asyncio.run(use())
    _pool_is_idle()
    # Those that had not begun never do.
    stored = {entry.name: entry.size for entry in azure.walk()}
    assert len(stored) == THREADS
    assert stored.items() <= {name: len(content) for name, content in contents.items()}.items()


@pytest.mark.parametrize("kind", ["filesystem", "memory"])
def test_the_content_of_a_cancelled_save_is_read_to_its_end_before_its_block_closes_it(kind, tmp_path):
    storage = RouterStorage(backends={"files": {"type": kind, "location": str(tmp_path)}}, default="files")
    begun, cancelled = threading.Event(), threading.Event()

    class Slow(ContentFile):
        def chunks(self, chunk_size=None):
            yield self.read(5)
            begun.set()
            assert cancelled.wait(120)
            yield self.read()

    async def save():
        with Slow(b"0123456789") as content:
            await storage.asave("a.txt", content)

    async def use():
        saving = asyncio.create_task(save())
        await asyncio.to_thread(begun.wait, 120)
        saving.cancel()
        asyncio.get_running_loop().call_later(0.1, cancelled.set)
        with pytest.raises(asyncio.CancelledError):
            await saving

    asyncio.run(use())
    assert storage.size("a.txt") == 10


def test_a_file_that_is_cancelled_while_it_opens_is_closed(azure):
    azure.save("a.txt", ContentFile(b"1"))
    opening, go_on = threading.Event(), threading.Event()
    opened = []
    plain_open = azure.open

    def slow_open(*arguments):
        opening.set()
        assert go_on.wait(120)
        opened.append(plain_open(*arguments))
        return opened[0]

    azure.open = slow_open

    async def enter():
        async with azure.aopen("a.txt"):
            pass

    async def use():
        entering = asyncio.create_task(enter())
        assert await asyncio.to_thread(opening.wait, 120)
        entering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await entering
        go_on.set()
        while not opened or not opened[0].closed:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(use(), 120))


def test_the_context_goes_along(azure):
    from contextvars import ContextVar

    tenant = ContextVar("tenant")
    seen = []

    class Content(ContentFile):
        def chunks(self, chunk_size=None):
            seen.append((tenant.get(), threading.current_thread().name))
            return super().chunks(chunk_size)

    async def use():
        tenant.set("acme")
        await azure.asave("a.txt", Content(b"1"))

    asyncio.run(use())
    [(value, thread)] = seen
    assert value == "acme"
    assert thread.startswith("storage_router-async")


def test_all_threads_are_there_before_the_first_operation(azure):
    """The loop would wait for each thread that it starts."""
    from storage_router.aio import THREADS

    seen = []

    class Content(ContentFile):
        def chunks(self, chunk_size=None):
            seen.append([thread.name for thread in threading.enumerate()])
            return super().chunks(chunk_size)

    asyncio.run(azure.asave("a.txt", Content(b"1")))
    assert sum(name.startswith("storage_router-async") for name in seen[0]) == THREADS


@pytest.mark.parametrize("mode", ["rb", "r"])
def test_a_file_that_was_read_is_closed_however_its_block_ends(azure, mode):
    async def use(error=None):
        async with azure.aopen("a.txt", mode) as file:
            await file.aread(1)
            files.append(file)
            if error is not None:
                raise error

    azure.save("a.txt", ContentFile(b"one"))
    files = []
    asyncio.run(use())
    with pytest.raises(RuntimeError, match="no"):
        asyncio.run(use(RuntimeError("no")))
    assert [file.closed for file in files] == [True, True]


def test_a_slow_backend_does_not_block_the_loop(azure):
    go_on = threading.Event()

    class Content(ContentFile):
        """Waits for the loop."""

        def chunks(self, chunk_size=None):
            assert go_on.wait(120)
            return super().chunks(chunk_size)

    async def use():
        work = asyncio.gather(*(azure.asave(f"{n}.txt", Content(b"1")) for n in range(64)))
        for _ in range(10):
            await asyncio.sleep(0.005)
        assert not work.done()
        go_on.set()
        assert len(await work) == 64

    asyncio.run(use())


def _pool_is_idle():
    """Wait until what the pool has begun is done: a pool that is asked for all its threads has them free."""
    from storage_router.aio import THREADS, in_thread

    async def wait():
        barrier = threading.Barrier(THREADS)
        await asyncio.gather(*(in_thread(barrier.wait, 120) for _ in range(THREADS)))

    asyncio.run(wait())
