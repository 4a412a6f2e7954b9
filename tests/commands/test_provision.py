"""V5: what a configuration needs in Azure, as commands and applied to Azurite."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import subprocess

import pytest
from azure.storage.blob import BlobServiceClient, CorsRule
from django.core.management import CommandError, call_command
from django.test import override_settings

from tests.kit.azurite import ACCOUNT_KEY, Azurite

SITE = "https://www.acme.example"


def storages(backends, routes=(), **document):
    options = {"backends": backends, "routes": list(routes), **document}
    return override_settings(
        STORAGES={
            "default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options},
            "staticfiles": {"BACKEND": "storage_router.StaticFilesStorage"},
        },
        CSRF_TRUSTED_ORIGINS=[SITE],
    )


def run(*arguments):
    stream = io.StringIO()
    call_command("storage_router", "provision", *arguments, stdout=stream)
    return stream.getvalue()


def examined(*arguments):
    """Return what doctor finds."""
    stream = io.StringIO()
    with contextlib.suppress(SystemExit):
        call_command("storage_router", "doctor", "--json", *arguments, stdout=stream)
    return json.loads(stream.getvalue())["findings"]


def in_azure(container, **options):
    return {
        "type": "azure",
        "account_name": "acmefiles",
        "azure_container": container,
        "credential": "managed_identity",
        **options,
    }


ROUTES = [
    {"prefix": "static/", "backend": "static", "strip_prefix": True},
    {"prefix": "private/", "backend": "private", "delivery": "stream", "authorize": "tests.delivery.site.may_read"},
    {"prefix": "signed/", "backend": "signed"},
    {"prefix": "quarantine/", "backend": "waiting"},
    {"prefix": "old/", "backend": "old", "read_only": True},
]
ALIASES = ("media", "static", "private", "signed", "waiting", "old")
POLICIES = {"policies": {"documents": {"authorize": "tests.delivery.site.may_read"}}}


class TestCommands:
    @pytest.fixture
    def printed(self):
        backends = {alias: in_azure(alias) for alias in ALIASES}
        backends["signed"]["expiration_secs"] = 300
        with storages(backends, ROUTES, default="media", uploads=POLICIES):
            return run()

    def containers(self, printed):
        lines = [shlex.split(line) for line in printed.splitlines() if "container-rm create" in line]
        return {words[words.index("--name") + 1]: words[-1] if "--public-access" in words else None for words in lines}

    def test_containers_are_public_where_links_are_unsigned_and_no_view_delivers(self, printed):
        assert self.containers(printed) == {
            "media": "blob",
            "static": "blob",
            "private": None,
            "signed": None,
            "waiting": None,
            "old": "blob",
        }
        assert "--allow-blob-public-access true" in printed

    def test_the_site_gets_rules_for_fonts_and_uploads_and_nobody_else_does(self, printed):
        rules = [line for line in printed.splitlines() if "cors add" in line]
        add, end = "az storage cors add --services b --methods", "--max-age 3600 --account-name acmefiles"
        assert rules == [
            f"{add} GET HEAD --origins {SITE} --allowed-headers range {end}",
            f"{add} PUT --origins {SITE} --allowed-headers content-type x-ms-blob-type {end}",
        ]

    def test_the_quarantine_and_the_trash_are_emptied(self, printed):
        [line] = [line for line in printed.splitlines() if "management-policy" in line]
        quarantine, trash = json.loads(shlex.split(line)[-1])["rules"]
        assert quarantine["definition"]["filters"]["prefixMatch"] == ["waiting/quarantine/"]
        assert quarantine["definition"]["actions"]["baseBlob"] == {"delete": {"daysAfterCreationGreaterThan": 1}}
        assert trash["definition"]["filters"]["prefixMatch"] == [
            f"{name}/.storage_router_trash/" for name in ("media", "static", "private", "signed")
        ]

    def test_the_identity_gets_roles_on_containers_and_may_sign(self, printed):
        roles = [line for line in printed.splitlines() if "role assignment" in line]
        given = [(shlex.split(line)[9], line.rpartition("containers/")[2].strip('"')) for line in roles]
        assert [role for role, _ in given] == [
            *["Storage Blob Data Contributor"] * 5,
            "Storage Blob Data Reader",
            "Storage Blob Delegator",
        ]
        assert [name for _, name in given][:6] == list(ALIASES)
        assert roles[-1].endswith('--query id --output tsv)"')
        assert "--allow-shared-key-access false" in printed

    def test_a_shell_understands_it(self, printed):
        assert subprocess.run(["bash", "-n"], input=printed, text=True, check=False).returncode == 0
        assert all(line.startswith(("# ", "az ")) for line in printed.splitlines() if line)

    def test_a_shell_takes_no_container_for_a_variable(self, tmp_path):
        az = tmp_path / "az"
        az.write_text('#!/bin/sh\ncase "$*" in *"account show"*) echo /account;; *) echo "$@";; esac\n')
        az.chmod(0o755)
        with storages({"web": in_azure("$web")}, default="web"):
            done = subprocess.run(
                ["bash", "-eu"],
                input=run(),
                env={"PATH": f"{tmp_path}:/usr/bin:/bin", "RESOURCE_GROUP": "acme", "PRINCIPAL": "app"},
                capture_output=True,
                text=True,
                check=True,
            )
        assert "--scope /account/blobServices/default/containers/$web\n" in done.stdout
        assert "--name $web --public-access blob\n" in done.stdout

    def test_the_containers_of_tenants_are_those_of_the_tenant_that_is_chosen(self):
        backends = {
            "own": in_azure("tenant-{tenant}"),
            "shared": in_azure("tenants", location="{tenant}"),
            "media": in_azure("media"),
        }
        routes = [{"prefix": f"{alias}/{{tenant}}/", "backend": alias} for alias in ("own", "shared")]
        with storages(backends, routes, default="media"):
            printed = run()
            assert list(self.containers(printed)) == ["tenants", "media"]
            assert "# own: a container for each tenant, which --tenant chooses." in printed
            assert "sample" not in printed
            printed = run("--tenant", "acme")
            assert list(self.containers(printed)) == ["tenant-acme", "tenants", "media"]
            assert "containers/tenant-acme" in printed
            with pytest.raises(CommandError, match="cannot be a tenant"):
                run("--tenant", "ACME")

    def test_one_backend_that_signs_keeps_a_shared_container_private(self):
        backends = {
            "open": in_azure("files", location="open"),
            "closed": in_azure("files", location="closed", expiration_secs=300),
        }
        with storages(backends, [{"prefix": "a/", "backend": "closed"}], default="open"):
            assert self.containers(run()) == {"files": None}

    def test_keys_stay_where_a_backend_needs_them_and_show_nowhere(self):
        backends = {"media": in_azure("media", credential=None, account_key=ACCOUNT_KEY), "b": in_azure("bulk")}
        with storages(backends, [{"prefix": "b/", "backend": "b"}], default="media"):
            printed = run()
        assert "shared-key" not in printed
        assert ACCOUNT_KEY not in printed

    def test_without_an_origin_there_is_no_rule(self):
        with storages({"static": in_azure("static")}, default="static"), override_settings(CSRF_TRUSTED_ORIGINS=[]):
            printed = run()
            assert "cors add" not in printed
            assert "give the site's origin with --origin" in printed
            assert "--origins https://a.example https://b.example:8443" in run(
                "--origin", "https://a.example", "--origin", "https://b.example:8443"
            )

    def test_without_azure_nothing_is_needed(self):
        with storages({"ram": {"type": "memory"}}, default="ram"):
            assert run() == "# No backend is on Azure, so nothing is needed there.\n"


@pytest.fixture(scope="module")
def unused():
    """Connection strings of accounts that are empty: an Azurite for each test would take longer than the tests."""
    with Azurite(accounts={f"account{number}": ACCOUNT_KEY for number in range(10)}) as server:
        yield [server.connection_string(name) for name in server.accounts]


@pytest.mark.azurite
class TestApply:
    @pytest.fixture
    def connection(self, unused):
        return {"type": "azure", "connection_string": unused.pop()}

    @pytest.fixture
    def service(self, connection):
        with BlobServiceClient.from_connection_string(connection["connection_string"]) as service:
            yield service

    @pytest.fixture
    def configured(self, connection):
        backends = {alias: {**connection, "azure_container": f"c-{alias}"} for alias in ALIASES}
        with storages(backends, ROUTES, default="media", uploads=POLICIES):
            yield

    def test_an_empty_account_gets_containers_and_rules_once(self, configured, service):
        first = run("--apply")
        assert "c-media: created, public" in first
        assert "c-private: created, private" in first
        access = {one.name: one.public_access for one in service.list_containers()}
        assert access == {
            "c-media": "blob",
            "c-static": "blob",
            "c-private": None,
            "c-signed": "blob",
            "c-waiting": None,
            "c-old": "blob",
        }
        rules = service.get_service_properties()["cors"]
        assert [(one.allowed_origins, one.allowed_methods) for one in rules] == [(SITE, "PUT"), (SITE, "GET,HEAD")]
        second = run("--apply")
        assert "created" not in second
        assert "added" not in second
        assert second.count(": exists") == 8
        assert len(service.get_service_properties()["cors"]) == 2

    def test_a_tenants_container_is_created_where_the_tenant_is_chosen(self, connection, service):
        backends = {"own": {**connection, "azure_container": "tenant-{tenant}", "expiration_secs": 300}}
        routes = [{"prefix": "tenants/{tenant}/", "backend": "own"}]
        with storages(backends, routes):
            assert "own: one for each tenant, which --tenant chooses" in run("--apply")
            assert list(service.list_containers()) == []
            assert "tenant-acme: created, private" in run("--apply", "--tenant", "acme")
        assert [one.name for one in service.list_containers()] == ["tenant-acme"]

    def test_what_is_open_and_should_not_be_is_closed_and_nothing_is_opened(self, configured, service):
        service.create_container("c-private", public_access="container")
        service.create_container("c-media")
        printed = run("--apply")
        assert "c-private: was open (container), now private" in printed
        assert "c-media: exists and is private, though its URLs are unsigned" in printed
        assert service.get_container_client("c-private").get_container_properties().public_access is None
        assert service.get_container_client("c-media").get_container_properties().public_access is None

    def test_rules_of_others_stay(self, configured, service):
        service.set_service_properties(cors=[CorsRule(["https://other.example"], ["GET"])])
        run("--apply")
        origins = [one.allowed_origins for one in service.get_service_properties()["cors"]]
        assert sorted(origins) == ["https://other.example", SITE, SITE]

    def test_a_rule_that_allows_less_stays_behind_the_new_one_and_doctor_is_content(self, configured, service):
        """The service takes the first rule that fits."""
        old = CorsRule([SITE], ["GET", "HEAD"], allowed_headers=["*"], max_age_in_seconds=60)
        service.set_service_properties(cors=[old])
        assert f"CORS for {SITE} (GET, HEAD): added" in run("--apply")
        [found] = [one for one in examined("--backend", "static") if one["probe"] == "cors"]
        assert found["message"] == f"Scripts, fonts and modules can be fetched by pages of {SITE}."
        assert found["status"] == "ok"

    def test_doctor_misses_nothing_afterwards(self, configured):
        run("--apply")
        findings = examined()
        assert [one for one in findings if one["status"] not in ("ok", "skipped")] == []
        assert {one["backend"] for one in findings if one["probe"] == "public"} == set(ALIASES)

    def test_an_account_that_refuses_is_named(self, connection):
        wrong = connection["connection_string"].replace("Eby8", "Abc8")
        backend = {**connection, "connection_string": wrong, "azure_container": "media"}
        with storages({"media": backend}, default="media"), pytest.raises(SystemExit) as ended:
            run("--apply")
        assert ended.value.code == 1


def test_the_format_may_be_named_and_there_is_one():
    with storages({"media": in_azure("media")}, default="media"):
        assert run("--format", "az") == run() != ""
        with pytest.raises(CommandError, match="invalid choice: 'terraform'"):
            run("--format", "terraform")
