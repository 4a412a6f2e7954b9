"""N1: the tenant in a name, and the tenant of the context."""

from __future__ import annotations

import asyncio
import pickle
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.storage.blob import BlobServiceClient
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import override_settings

import storage_router
from storage_router import RouterStorage, checks, health
from storage_router.exceptions import (
    ConfigurationError,
    ContainerNotFoundError,
    InvalidNameError,
    NoTenantError,
    TenantMismatchError,
)

CAPTURED = {"prefix": "tenants/{tenant}/", "backend": "tenant", "strip_prefix": True}
current = None


def current_tenant():
    return current


def memory(location="{tenant}", base_url="/{tenant}/"):
    return {"type": "memory", "location": location, "base_url": base_url}


def by_name(folder, **more):
    """A router with the tenant in the name."""
    tenant = {"type": "filesystem", "location": f"{folder}/{{tenant}}", "base_url": "/{tenant}/"}
    backends = {"tenant": tenant, "shared": {"type": "filesystem", "location": f"{folder}/.shared"}}
    return RouterStorage(backends=backends, routes=[CAPTURED], default="shared", **more)


def by_context(folder, **more):
    """A router with the tenant of the context."""
    tenant = {"type": "filesystem", "location": f"{folder}/{{tenant}}", "base_url": "/{tenant}/"}
    shared = {"type": "filesystem", "location": f"{folder}/.shared"}
    routes = [{"prefix": "static/", "backend": "shared"}]
    return RouterStorage(backends={"tenant": tenant, "shared": shared}, routes=routes, default="tenant", **more)


def content(router, name):
    with router.open(name) as file:
        return file.read()


class TestInTheName:
    def test_each_tenant_has_files_of_its_own(self, tmp_path):
        router = by_name(tmp_path)
        for tenant in ("acme", "evil"):
            assert router.save(f"tenants/{tenant}/a/1.txt", ContentFile(tenant)) == f"tenants/{tenant}/a/1.txt"
        assert (tmp_path / "acme/a/1.txt").read_bytes() == b"acme"
        assert content(router, "tenants/evil/a/1.txt") == b"evil"
        assert router.url("tenants/acme/a/1.txt") == "/acme/a/1.txt"
        assert router.listdir("tenants/acme") == (["a"], [])
        assert router.listdir("tenants/acme/a") == ([], ["1.txt"])
        assert [stat.name for stat in router.walk("tenants/acme")] == ["tenants/acme/a/1.txt"]
        assert router.exists("tenants/acme")
        assert router.exists("tenants/acme/a")
        router.delete("tenants/acme/a/1.txt")
        assert not router.exists("tenants/acme/a/1.txt")
        assert router.exists("tenants/evil/a/1.txt")

    def test_above_the_tenants_nothing_is_listed(self, tmp_path):
        router = by_name(tmp_path)
        router.save("1.txt", ContentFile(b""))
        router.save("tenants/acme/1.txt", ContentFile(b""))
        assert router.listdir("") == (["tenants"], ["1.txt"])
        with pytest.raises(NoTenantError, match=r"^'tenants' holds the files of all tenants, and nothing lists them"):
            router.listdir("tenants")
        with pytest.raises(NoTenantError, match=r"^The root holds the files of all tenants"):
            list(router.walk())

    @pytest.mark.parametrize("value", ["ACME", "acme.com", "a b", "{tenant}", "ä", "a" * 64])
    def test_what_cannot_be_a_tenant_is_an_invalid_name(self, value, tmp_path):
        for work in (content, RouterStorage.exists, RouterStorage.delete, RouterStorage.url):
            with pytest.raises(InvalidNameError, match="cannot be a tenant: it has 1 to 63 of the characters"):
                work(by_name(tmp_path), f"tenants/{value}/1.txt")
        with pytest.raises(InvalidNameError):
            storage_router.tenant(f"{value}\n").__enter__()

    def test_another_tenant_than_the_current_one_is_refused(self, tmp_path):
        router = by_name(tmp_path)
        router.save("tenants/evil/1.txt", ContentFile(b"evil"))
        with storage_router.tenant("acme"):
            router.save("tenants/acme/1.txt", ContentFile(b"acme"))
            for work in (content, RouterStorage.exists, RouterStorage.delete, RouterStorage.url, RouterStorage.listdir):
                with pytest.raises(TenantMismatchError, match="is a file of another tenant than 'acme'"):
                    work(router, "tenants/evil/1.txt")
            with pytest.raises(TenantMismatchError):
                router.exists("tenants/evil")
            with storage_router.tenant("evil"):
                assert content(router, "tenants/evil/1.txt") == b"evil"

    def test_directories_beside_the_prefix_of_a_tenant_are_nobodys(self, tmp_path):
        backends = {"docs": memory(), "rest": {"type": "filesystem", "location": str(tmp_path)}}
        docs = {"prefix": "tenants/{tenant}/docs/", "backend": "docs", "strip_prefix": True}
        router = RouterStorage(backends=backends, routes=[docs], default="rest")
        router.save("tenants/public/img/1.png", ContentFile(b"png"))
        with storage_router.tenant("acme"):
            assert content(router, "tenants/public/img/1.png") == b"png"
            assert [stat.name for stat in router.walk("tenants/public/img")] == ["tenants/public/img/1.png"]
            assert router.listdir("tenants/public/img") == ([], ["1.png"])
            assert router.exists("tenants/public/img")
            for directory in ("tenants/public", "tenants/public/docs", "tenants/public/docs/a"):
                for list_all in (router.listdir, router.exists, lambda name: list(router.walk(name))):
                    with pytest.raises(TenantMismatchError, match="is a file of another tenant than 'acme'"):
                        list_all(directory)

    def test_with_a_current_tenant_configured_there_has_to_be_one(self, tmp_path, monkeypatch):
        router = by_name(tmp_path, tenancy={"current": f"{__name__}.current_tenant"})
        with pytest.raises(NoTenantError, match="there is no current tenant"):
            router.exists("tenants/acme/1.txt")
        router.save("1.txt", ContentFile(b"shared"))
        monkeypatch.setitem(globals(), "current", "acme")
        assert not router.exists("tenants/acme/1.txt")
        with pytest.raises(TenantMismatchError):
            router.exists("tenants/evil/1.txt")

    def test_a_prefix_goes_on_after_the_tenant_and_types_and_globs_come_first(self):
        backends = {alias: memory() if alias == "docs" else {"type": "memory"} for alias in ("docs", "bulk", "rest")}
        routes = [
            {"types": [".psd"], "backend": "bulk"},
            {"glob": "tenants/public/**", "backend": "bulk"},
            {"prefix": "tenants/{tenant}/docs/", "backend": "docs", "strip_prefix": True},
        ]
        router = RouterStorage(backends=backends, routes=routes, default="rest")
        found = {name: router.explain(name) for name in ("a/docs/1.txt", "a/1.txt", "a/docs/1.psd", "public/docs/1")}
        found = {name: router.explain(f"tenants/{name}") for name in found}
        assert [one.alias for one in found.values()] == ["docs[a]", "rest", "bulk", "bulk"]
        assert found["a/docs/1.txt"].backend_name == "1.txt"
        assert router.listdir("tenants/a")[0] == ["docs"]

    def test_the_places_of_other_backends_are_refused(self, tmp_path):
        backends = {
            "tenant": {"type": "filesystem", "location": f"{tmp_path}/{{tenant}}", "base_url": "/{tenant}/"},
            "private": {"type": "filesystem", "location": f"{tmp_path}/private"},
        }
        router = RouterStorage(backends=backends, routes=[CAPTURED], default="private")
        with pytest.raises(
            InvalidNameError, match="The tenant 'private' would have the files of the backend 'private'"
        ):
            router.exists("tenants/private/1.txt")

    @pytest.mark.parametrize(
        ("places", "taken", "free"),
        [
            ({"azure_container": ["media-{tenant}", "media-private-{tenant}"]}, "private-acme", "acme"),
            ({"azure_container": ["a-{tenant}", "{tenant}-b"]}, "b", "c"),
            ({"location": ["a/{tenant}", "{tenant}/b"]}, "b", "c"),
        ],
        ids=["a longer text", "a text before and after", "locations"],
    )
    def test_a_tenant_cannot_choose_a_name_by_which_it_has_files_of_another(self, places, taken, free):
        backends = {}
        [(option, templates)] = places.items()
        for alias, template in zip(("media", "other"), templates, strict=True):
            azure = {
                "type": "azure",
                "account_name": "acme",
                "credential": "managed_identity",
                "azure_container": "files",
            }
            backends[alias] = {**azure, option: template}
        routes = [{"prefix": f"{alias}/{{tenant}}/", "backend": alias} for alias in backends]
        router = RouterStorage(backends=backends, routes=routes)
        with pytest.raises(InvalidNameError, match=f"The tenant '{taken}' would have the files of the backend 'other'"):
            router.url(f"media/{taken}/1.txt")
        for alias in backends:
            assert router.url(f"{alias}/{free}/1.txt").endswith(f"/{alias}/{free}/1.txt")


class TestOfTheContext:
    def test_the_same_name_is_another_file_for_each_tenant(self, tmp_path):
        router = by_context(tmp_path)
        for tenant in ("acme", "evil"):
            with storage_router.tenant(tenant):
                assert router.save("1.txt", ContentFile(tenant)) == "1.txt"
        with storage_router.tenant("acme"):
            assert content(router, "1.txt") == b"acme"
            assert router.url("1.txt") == "/acme/1.txt"
            assert router.listdir("") == (["static"], ["1.txt"])
            assert [stat.name for stat in router.walk()] == ["1.txt"]

    def test_without_a_tenant_nothing_is_reached_but_what_has_none(self, tmp_path):
        router = by_context(tmp_path)
        for work in (content, RouterStorage.exists, RouterStorage.delete, RouterStorage.url, RouterStorage.size):
            with pytest.raises(NoTenantError, match="leads to the files of a tenant, and there is no current tenant"):
                work(router, "1.txt")
        with pytest.raises(NoTenantError):
            router.listdir("")
        with pytest.raises(NoTenantError):
            router.save("1.txt", ContentFile(b""))
        router.save("static/a.css", ContentFile(b""))
        assert router.listdir("static") == ([], ["a.css"])

    def test_the_function_of_the_configuration_tells_the_tenant_and_a_block_outranks_it(self, tmp_path, monkeypatch):
        router = by_context(tmp_path, tenancy={"current": f"{__name__}.current_tenant"})
        monkeypatch.setitem(globals(), "current", 7)
        assert router.url("1.txt") == "/7/1.txt"
        with storage_router.tenant("acme"):
            assert router.url("1.txt") == "/acme/1.txt"
        monkeypatch.setitem(globals(), "current", "../x")
        with pytest.raises(InvalidNameError, match="cannot be a tenant"):
            router.url("1.txt")

    def test_django_tenants_tells_the_tenant_by_its_id(self, tmp_path, monkeypatch):
        router = by_context(tmp_path, tenancy={"current": "django_tenants"})
        with pytest.raises(NoTenantError):
            router.url("1.txt")
        monkeypatch.setattr(connections["default"], "tenant", type("Tenant", (), {"pk": 12})(), raising=False)
        assert router.url("1.txt") == "/12/1.txt"
        # The stand-in for the public schema has no id.
        monkeypatch.setattr(connections["default"], "tenant", object())
        with pytest.raises(NoTenantError):
            router.url("1.txt")

    def test_files_and_listings_keep_the_tenant_they_began_with(self, tmp_path):
        router = by_context(tmp_path)
        for tenant in ("a", "b"):
            with storage_router.tenant(tenant):
                for number in range(3):
                    router.save(f"{number}.txt", ContentFile(f"{tenant}{number}"))
        with storage_router.tenant("a"):
            file, walk = router.open("0.txt"), router.walk()
            first = next(walk).name
        with storage_router.tenant("b"):
            router.save("3.txt", ContentFile(b"b3"))
            assert file.read() == b"a0"
            assert [first, *(stat.name for stat in walk)] == ["0.txt", "1.txt", "2.txt"]
        file.close()

    def test_a_file_that_is_opened_again_is_that_of_its_tenant(self, tmp_path):
        location = f"{tmp_path}/{{tenant}}"
        backends = {"tenant": {"type": "filesystem", "location": location, "base_url": "/{tenant}/"}}
        routes = [{"prefix": "docs/", "backend": "tenant", "strip_prefix": True}]
        router = RouterStorage(backends=backends, routes=routes)
        for tenant in ("a", "b"):
            with storage_router.tenant(tenant):
                router.save("docs/1.txt", ContentFile(tenant))
        with storage_router.tenant("a"):
            file = router.open("docs/1.txt")
            file.close()
        with storage_router.tenant("b"), file.open() as again:
            assert again.read() == b"a"

    def test_a_backend_of_a_router_is_that_of_the_tenant(self, tmp_path):
        options = {"backends": {"tenant": memory()}, "default": "tenant"}
        with override_settings(STORAGES={"default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}}):
            backend = storage_router.backend("tenant")
            with pytest.raises(NoTenantError):
                backend.exists("1.txt")
            with storage_router.tenant("acme"):
                backend.save("1.txt", ContentFile(b"acme"))
                kept = pickle.loads(pickle.dumps(storages["default"].backends["tenant[acme]"]))
                assert backend.exists("1.txt")
            with storage_router.tenant("evil"):
                assert not backend.exists("1.txt")
                assert kept.exists("1.txt")

    def test_a_deletion_on_commit_is_that_of_its_tenant(self, tmp_path, database):
        from django.db import transaction

        router = by_context(tmp_path, transactions={"deletes": "on_commit", "database": database})
        for tenant in ("a", "b"):
            with storage_router.tenant(tenant):
                router.save("1.txt", ContentFile(tenant))
        with storage_router.tenant("b"), transaction.atomic(database):
            with storage_router.tenant("a"):
                router.delete("1.txt")
                assert not router.exists("1.txt")
            assert router.exists("1.txt")
        with storage_router.tenant("b"):
            assert router.exists("1.txt")
        with storage_router.tenant("a"):
            assert not router.exists("1.txt")

    def test_threads_that_switch_tenants_cross_nothing(self, tmp_path):
        router = by_context(tmp_path)
        tenants = [f"t{number}" for number in range(20)]
        for tenant in tenants:
            with storage_router.tenant(tenant):
                router.save("1.txt", ContentFile(tenant))

        def switch(seed):
            chosen = random.Random(seed)
            for _ in range(625):
                tenant = chosen.choice(tenants)
                with storage_router.tenant(tenant):
                    assert content(router, "1.txt") == tenant.encode()
                    assert router.url("1.txt") == f"/{tenant}/1.txt"
            with pytest.raises(NoTenantError):
                router.url("1.txt")

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(switch, range(8))) == [None] * 8

    def test_tasks_that_switch_tenants_cross_nothing(self, tmp_path):
        router = by_context(tmp_path)

        async def switch(seed):
            chosen = random.Random(seed)
            for _ in range(100):
                tenant = f"t{chosen.randrange(20)}"
                with storage_router.tenant(tenant):
                    await asyncio.sleep(0)
                    assert router.url("1.txt") == f"/{tenant}/1.txt"
                    assert await asyncio.to_thread(router.url, "1.txt") == f"/{tenant}/1.txt"

        async def everything():
            await asyncio.gather(*map(switch, range(50)))

        asyncio.run(everything())

    def test_a_thread_of_a_pool_has_no_tenant_of_its_own(self, tmp_path):
        router, found = by_context(tmp_path), []

        def ask():
            try:
                router.url("1.txt")
            except NoTenantError as error:
                found.append(error)

        with storage_router.tenant("acme"):
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()
        assert len(found) == 1


class TestOnAzure:
    def options(self, azurite, **more):
        return {"type": "azure", "connection_string": azurite.connection_string(), **more}

    def test_a_hundred_containers_share_one_account_and_one_pool(self, azurite):
        service = BlobServiceClient.from_connection_string(azurite.connection_string())
        start = f"n{random.randrange(10**9)}"
        backends = {"tenant": self.options(azurite, azure_container=f"{start}-{{tenant}}", expiration_secs=60)}
        router = RouterStorage(backends=backends, routes=[CAPTURED])
        tenants = [f"t{number}" for number in range(100)]
        for tenant in tenants:
            service.create_container(f"{start}-{tenant}")
        before = threading.active_count()

        def save(tenant):
            return router.save(f"tenants/{tenant}/1.txt", ContentFile(tenant))

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(save, tenants)) == [f"tenants/{tenant}/1.txt" for tenant in tenants]
        for tenant in tenants:
            assert content(router, f"tenants/{tenant}/1.txt") == tenant.encode()
            assert f"/{start}-{tenant}/1.txt?" in router.url(f"tenants/{tenant}/1.txt")
        storages_of = [router.backends[f"tenant[{tenant}]"] for tenant in tenants]
        assert len({id(one.options.authentication) for one in storages_of}) == 1
        assert threading.active_count() <= before + 8

    def test_a_container_that_is_missing_is_named(self, azurite):
        router = RouterStorage(
            backends={"tenant": self.options(azurite, azure_container="none-{tenant}")}, default="tenant"
        )
        with storage_router.tenant("acme"), pytest.raises(ContainerNotFoundError, match="none-acme"):
            router.save("1.txt", ContentFile(b""))

    def test_a_location_for_each_tenant(self, azurite, container):
        backends = {"tenant": self.options(azurite, azure_container=container, location="sites/{tenant}/media/")}
        router = RouterStorage(backends=backends, default="tenant")
        with storage_router.tenant("my_schema"):
            router.save("1.txt", ContentFile(b"1"))
            assert router.url("1.txt").endswith(f"/{container}/sites/my_schema/media/1.txt")

    @pytest.mark.parametrize("value", ["my_schema", "a--b", "-"])
    def test_a_container_that_cannot_be_is_an_invalid_name(self, azurite, value):
        backends = {"tenant": self.options(azurite, azure_container="a-{tenant}")}
        router = RouterStorage(backends=backends, default="tenant")
        with storage_router.tenant(value), pytest.raises(InvalidNameError, match="makes an invalid azure_container"):
            router.exists("1.txt")


AZURE = {"type": "azure", "account_name": "acmefiles", "credential": "default"}


@pytest.mark.parametrize(
    ("document", "short", "message"),
    [
        ({"routes": [{"prefix": "{tenant}/", "backend": "shared"}]}, "E061", "is not a prefix of names"),
        ({"routes": [{"prefix": "a/x-{tenant}/", "backend": "shared"}]}, "E061", "is not a prefix of names"),
        ({"routes": [{"prefix": "a/{tenant}/{tenant}/", "backend": "shared"}]}, "E061", "is not a prefix of names"),
        ({"backends": {"tenant": {**AZURE, "azure_container": "{tenant}"}}}, "E061", "the container is {tenant} alone"),
        (
            {"backends": {"tenant": {**AZURE, "azure_container": "T-{tenant}"}}},
            "E003",
            "is not the name of a container",
        ),
        ({"routes": [{**CAPTURED, "backend": "shared"}]}, "E062", "strip_prefix removes the tenant"),
        ({"backends": {"tenant": memory(base_url="/media/")}}, "E062", "the URLs of 'tenant' are the same"),
        ({"backends": {"tenant": memory(location="x")}}, "E062", "the files of 'tenant' are in one place"),
        (
            {
                "backends": {"tenant": memory()},
                "routes": [{"prefix": "docs/", "backend": "tenant"}],
                "base_url": "https://acme.example/files/",
            },
            "E062",
            "base_url is one for all tenants",
        ),
    ],
)
def test_a_configuration_that_tenants_cannot_have_is_an_error(document, short, message):
    backends = {"shared": {"type": "memory"}, **document.get("backends", {})}
    with pytest.raises(ConfigurationError) as caught:
        RouterStorage(**{"default": "shared", "routes": [], **document, "backends": backends})
    assert short in {problem.id.rpartition(".")[2] for problem in caught.value.problems}, caught.value
    assert message in str(caught.value)


def reported(staticfiles="django.contrib.staticfiles.storage.StaticFilesStorage", **options):
    default = {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}
    with override_settings(STORAGES={"default": default, "staticfiles": {"BACKEND": staticfiles}}):
        return {message.id.rpartition(".")[2]: message.msg for message in checks.check_configuration(None)}


def test_a_configuration_with_tenants_has_no_problems_at_the_start():
    shared = {"type": "memory"}
    assert reported(backends={"tenant": memory(), "shared": shared}, routes=[CAPTURED], default="shared") == {}


def test_a_tenancy_that_nothing_uses_is_a_warning_and_one_that_is_not_there_an_error():
    found = reported(backends={"shared": {"type": "memory"}}, default="shared", tenancy={"current": "acme.nobody"})
    assert found["W060"] == "no backend and no route has tenants"
    assert found["E063"] == "tenancy.current: there is no 'acme.nobody'"
    assert "E063" in reported(
        backends={"t": memory(), "s": {"type": "memory"}}, default="s", tenancy={"current": "django_tenants"}
    )


def test_static_files_have_no_tenant():
    static = "storage_router.StaticFilesStorage"
    found = reported(static, backends={"tenant": memory()}, default="tenant")["E021"]
    assert found.startswith("Static files belong to no tenant, and 'static/' leads to files of tenants")
    routes = [{"prefix": "static/", "backend": "shared"}]
    backends = {"tenant": memory(), "shared": {"type": "memory"}}
    assert reported(static, backends=backends, routes=routes, default="tenant") == {}


def test_the_commands_take_a_tenant(tmp_path, capsys):
    options = {
        "backends": {
            "tenant": {"type": "filesystem", "location": f"{tmp_path}/{{tenant}}", "base_url": "/{tenant}/"},
            "shared": {"type": "filesystem", "location": f"{tmp_path}/.shared", "base_url": "/shared/"},
        },
        "routes": [{"prefix": "static/", "backend": "shared"}],
        "default": "tenant",
    }
    with override_settings(STORAGES={"default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}}):
        with pytest.raises(SystemExit):
            call_command("storage_router", "explain", "1.txt")
        assert "there is no current tenant" in capsys.readouterr().out
        call_command("storage_router", "explain", "1.txt", "--tenant", "acme")
        assert "/acme/1.txt" in capsys.readouterr().out
        call_command("storage_router", "doctor")
        assert "not examined without --tenant: tenant" in capsys.readouterr().out
        call_command("storage_router", "doctor", "--tenant", "acme", "--backend", "tenant")
        assert "tenant" in capsys.readouterr().out
        assert (tmp_path / "acme").is_dir()
        assert not (tmp_path / "sample").exists()
        call_command("storage_router", "routes")
        assert "{tenant}" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["orphans", "dangling", "inventory"])
def test_the_commands_that_list_everything_refuse_to_mix_tenants(command):
    """M4: the rows of one tenant say nothing of another's files."""
    options = {"backends": {"tenant": memory(), "shared": {"type": "memory"}}, "default": "shared"}
    options["routes"] = [CAPTURED]
    with (
        override_settings(STORAGES={"default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}}),
        pytest.raises(CommandError, match="The root holds the files of all tenants") as refused,
    ):
        call_command("storage_router", command)
    assert refused.value.returncode == 2


def test_health_checks_leave_out_backends_of_tenants_unless_there_is_one():
    options = {"backends": {"tenant": memory(), "shared": {"type": "memory"}}, "default": "shared"}
    options["routes"] = [CAPTURED]
    with override_settings(STORAGES={"default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}}):
        assert [one.alias for one in health.probe_all()] == ["shared"]
        with storage_router.tenant("acme"):
            assert [str(one.error) for one in health.probe_all()] == ["None", "None"]
    options = {"backends": {"tenant": memory()}, "routes": [CAPTURED]}
    with override_settings(STORAGES={"default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}}):
        assert health.probe_all() == []
