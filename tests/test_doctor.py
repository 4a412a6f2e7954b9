"""Section 8, ``doctor``: every probe against a real Azurite, the failing ones, too; each says what to do."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import http.server
import re
import socket
import subprocess
import threading
from email.utils import formatdate

import certifi
import pytest
import requests
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import (
    BlobServiceClient,
    ContainerSasPermissions,
    CorsRule,
    generate_container_sas,
)
from django.contrib.staticfiles.storage import ManifestFilesMixin
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage

from storage_router import doctor
from storage_router.azure.client import Account
from storage_router.azure.storage import AzureStorage
from storage_router.doctor.azure import facts
from storage_router.doctor.findings import advice, described
from storage_router.exceptions import BlobTimeoutError, ContainerNotFoundError
from storage_router.installed import Used
from storage_router.names import TRASH
from storage_router.provision.commands import assign
from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME, AccessToken, UnsignedTokenCredential
from tests.kit.faults import Answer
from tests.kit.proxy import FaultProxy

ORIGIN = "https://www.acme.example"
PLACEHOLDER = '"$AZURE_STORAGE_CONNECTION_STRING"'
WRONG_KEY = "A" + ACCOUNT_KEY[1:]


def used(storage: Storage, *, read_only: bool = False, private: bool = False) -> Used:
    deliveries = frozenset({"stream" if private else "link"})
    options = getattr(storage, "options", None)
    return Used(name="media", storage=storage, options=options, read_only=read_only, deliveries=deliveries)


def examined(storage: Storage, *, read_only: bool = False, private: bool = False, **options):
    backend = used(storage, read_only=read_only, private=private)
    return {finding.probe: finding for finding in doctor.examine(backend, **options)}


def statuses(findings: dict[str, doctor.Finding]) -> dict[str, str]:
    return {probe: finding.status for probe, finding in findings.items()}


def blob_names(azurite, container: str) -> list[str]:
    with BlobServiceClient.from_connection_string(azurite.connection_string()) as service:
        return [blob.name for blob in service.get_container_client(container).list_blobs()]


@pytest.fixture
def storage(azurite, container):
    """A storage with the account key that signs its links."""
    return AzureStorage(connection_string=azurite.connection_string(), azure_container=container, expiration_secs=300)


def with_sas(azurite, container: str, permission: str, **options) -> AzureStorage:
    token = generate_container_sas(
        ACCOUNT_NAME,
        container,
        account_key=ACCOUNT_KEY,
        permission=ContainerSasPermissions.from_string(permission),
        expiry=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1),
    )
    return AzureStorage(account_url=azurite.account_url(), sas_token=token, azure_container=container, **options)


@pytest.fixture
def cors_rule(azurite):
    """Lets pages of ``ORIGIN`` fetch from the account, for the time of a test."""
    with BlobServiceClient.from_connection_string(azurite.connection_string()) as service:
        rule = CorsRule([ORIGIN], ["GET", "HEAD"], allowed_headers=["range"], max_age_in_seconds=3600)
        service.set_service_properties(cors=[rule])
        yield
        service.set_service_properties(cors=[])


class Hashed(ManifestFilesMixin, AzureStorage):
    """Static files with hashes in their names, as projects have them that come from django-storages."""


class DateProxy(http.server.ThreadingHTTPServer):
    """Passes requests on to Azurite and answers with a Date that is ``shift`` seconds off; None leaves it out.

    Blobs in listings are as old as ``last_modified`` says.
    """

    def __init__(self, azurite, shift: float | None, last_modified: str | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _DateHandler)
        self.last_modified = last_modified
        self.azurite = azurite
        self.shift = shift

    @property
    def account_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{ACCOUNT_NAME}"


class _DateHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: DateProxy

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.server.azurite.port)) as connection:
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
        if self.server.last_modified is not None:
            old = f"<Last-Modified>{self.server.last_modified}</Last-Modified>".encode()
            content = re.sub(rb"<Last-Modified>[^<]*</Last-Modified>", old, content)
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in ("date", "connection", "keep-alive", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        if self.server.shift is not None:
            moment = dt.datetime.now(dt.UTC).timestamp() + self.server.shift
            self.send_header("Date", formatdate(moment, usegmt=True))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = do_POST = _pass_on

    def log_message(self, *arguments) -> None:
        """Print nothing."""


@contextlib.contextmanager
def date_proxy(azurite, shift: float | None, **options):
    with DateProxy(azurite, shift, **options) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class TestAContainerThatWorks:
    def test_every_probe_is_ok_and_the_probe_file_is_gone(self, azurite, container, storage, cors_rule):
        findings = examined(storage, origins=[ORIGIN])
        assert (*findings, "routes", "uploads") == doctor.PROBES
        assert set(statuses(findings).values()) == {"ok"}
        assert findings["authentication"].message == "The account key from 'connection_string' is accepted."
        assert findings["container"].message == f"The container {container!r} exists."
        assert blob_names(azurite, container) == []

    def test_a_token_is_asked_for_and_its_owner_named(self, azurite_https, container_https):
        """O1: the option that won is visible."""
        storage = AzureStorage(
            account_url=azurite_https.account_url(),
            token_credential=UnsignedTokenCredential(),
            azure_container=container_https,
            expiration_secs=300,
            client_options={"connection_verify": str(azurite_https.certificate)},
        )
        findings = examined(storage)
        message = findings["authentication"].message
        assert message.startswith(
            "The token from 'token_credential' (object id 00000000-0000-0000-0000-000000000001, good until "
        )
        assert message.endswith(" UTC) is accepted.")
        assert findings["sign"].message == f"A signed link fetches the file from 127.0.0.1:{azurite_https.port}."
        assert set(statuses(findings).values()) == {"ok", "skipped"}
        assert findings["cors"].message == ("The site's origin is not known. Give it: --origin https://www.example.com")

    def test_probes_can_be_left_out(self, storage):
        findings = examined(storage, skip=["write", "clock"])
        assert findings["write"].message == findings["clock"].message == "Left out, as asked."
        assert findings["delete"].message == "Not tried, because write was left out."

    def test_a_backend_that_is_read_only_by_its_routes_is_not_written_to(self, storage):
        """R12"""
        storage.save("there.txt", ContentFile(b"there"))
        findings = examined(storage, read_only=True)
        assert findings["write"].status == "skipped"
        assert findings["write"].message == "Not tried, because every route to this backend is read_only."
        assert findings["read"].message == "'there.txt' can be read."
        assert findings["sign"].status == "ok"

    def test_names_of_findings_are_those_of_the_backend(self, storage):
        assert {finding.backend for finding in doctor.examine(used(storage))} == {"media"}

    def test_an_examination_that_is_given_up_leaves_no_file(self, azurite, container, storage):
        examination = doctor.examine(used(storage))
        while next(examination).probe != "write":
            pass
        assert len(blob_names(azurite, container)) == 1
        examination.close()
        assert blob_names(azurite, container) == []


class TestCredentials:
    def test_a_wrong_key_is_told_from_everything_else(self, azurite, container):
        storage = AzureStorage(
            connection_string=azurite.connection_string().replace(ACCOUNT_KEY, WRONG_KEY), azure_container=container
        )
        findings = examined(storage)
        found = findings["authentication"]
        assert found.status == "failed"
        assert found.message.startswith(
            "The account key from 'connection_string' is refused. Azure says HTTP 403 AuthorizationFailure (request id "
        )
        assert "compare the credential with the portal" in found.hint
        assert findings["write"].message == "Not tried, because authentication failed."
        assert findings["clock"].status == "ok"

    def test_a_credential_that_gives_no_token_says_why(self, azurite_https, container_https):
        class Broken:
            def get_token(self, *scopes, **options):
                from azure.core.exceptions import ClientAuthenticationError

                raise ClientAuthenticationError(message="No managed identity endpoint found.\nMore of it.")

        storage = AzureStorage(
            account_url=azurite_https.account_url(),
            token_credential=Broken(),
            azure_container=container_https,
            client_options={"connection_verify": str(azurite_https.certificate)},
        )
        found = examined(storage)["authentication"]
        assert (found.status, found.message) == (
            "failed",
            "The credential gives no token: No managed identity endpoint found.",
        )

    def test_a_token_for_somebody_else_is_refused(self, azurite_https, container_https):
        class Foreign:
            def get_token(self, *scopes, **options):
                return AccessToken("not a token", 4_000_000_000)

        storage = AzureStorage(
            account_url=azurite_https.account_url(),
            token_credential=Foreign(),
            azure_container=container_https,
            client_options={"connection_verify": str(azurite_https.certificate)},
        )
        found = examined(storage)["authentication"]
        assert found.status == "failed"
        assert found.message.startswith(
            "The token from 'token_credential' (good until 07:06 UTC) is refused. Azure says"
        )

    def test_a_container_that_may_only_be_read_is_reported_and_still_read(self, azurite, container, storage):
        storage.save("there.txt", ContentFile(b"there"))
        findings = examined(with_sas(azurite, container, "rl"))
        assert findings["write"].status == "failed"
        assert findings["write"].message.startswith("Azure says HTTP 403 AuthorizationPermissionMismatch (request id ")
        assert findings["write"].hint == (
            "The SAS needs the permissions sp=cw for this. If it is not meant to write, set read_only on its routes, "
            "or use --skip write."
        )
        assert findings["read"].message == "'there.txt' can be read."
        assert findings["delete"].message == "Not tried, because write failed."
        assert findings["sign"].message == (
            "Not tried, because the credential cannot sign links, and the configuration asks for none."
        )
        assert findings["public"].hint.startswith("Use an account key or an identity, and set expiration_secs")

    def test_an_empty_container_that_may_only_be_read_has_nothing_to_try(self, azurite, container):
        findings = examined(with_sas(azurite, container, "rl"), skip=["write"])
        assert findings["read"].message == "Not tried, because there is no file to read."
        assert findings["sign"].message == "Not tried, because there is no file to link to."
        assert findings["public"].message == "Not tried, because there is no file to fetch."

    def test_a_sas_that_may_not_list_or_delete_says_which_letters_it_lacks(self, azurite, container):
        findings = examined(with_sas(azurite, container, "rcw"))
        assert findings["authentication"].message == (
            "The SAS from 'sas_token' is accepted, though it lacks a permission: see list."
        )
        assert findings["container"].status == "warning"
        assert findings["container"].message.endswith("is not known without the permission to list.")
        assert findings["list"].hint == "The SAS needs the permission sp=l for this."
        assert (findings["write"].status, findings["read"].status) == ("ok", "ok")
        [left] = blob_names(azurite, container)
        assert findings["delete"].hint == (
            f"The SAS needs the permission sp=d for this. The probe's file stays behind: {left!r}."
        )

    def test_a_sas_in_links_is_fetched_with_it(self, azurite, container, storage):
        """U3"""
        storage.save("there.txt", ContentFile(b"there"))
        findings = examined(with_sas(azurite, container, "rl", sas_token_in_urls=True), skip=["write"])
        assert findings["sign"].status == "ok"
        assert findings["public"].message == "Nothing can be read without a signature."

    def test_without_a_credential_a_private_container_shows_nothing(self, azurite, container):
        storage = AzureStorage(account_url=azurite.account_url(), credential="anonymous", azure_container=container)
        findings = examined(storage)
        assert findings["authentication"].message == "No credential is used: only what is public can be read."
        assert findings["list"].status == "failed"
        assert findings["list"].hint.startswith("Without a credential only a container of the public access level")
        assert findings["write"].message == "Not tried, because nobody can write without a credential."

    @pytest.mark.parametrize(
        ("operation", "probe", "read_only", "role"),
        [
            ("Put Blob", "write", False, "Storage Blob Data Contributor"),
            ("List Blobs", "list", False, "Storage Blob Data Contributor"),
            ("List Blobs", "list", True, "Storage Blob Data Reader"),
        ],
    )
    def test_an_identity_without_its_role_gets_provisions_command(
        self, azurite_https, container_https, operation, probe, read_only, role
    ):
        """V5"""
        with FaultProxy(azurite_https) as proxy:
            # The first listing is that of ``connection``, without a credential.
            refused = Answer(403, "AuthorizationPermissionMismatch")
            proxy.fail(operation, refused, times=10, skip=int(operation == "List Blobs"))
            storage = AzureStorage(
                account_url=proxy.account_url(),
                azure_container=container_https,
                token_credential=UnsignedTokenCredential(),
                client_options={"connection_verify": str(proxy.certificate)},
            )
            findings = examined(storage, read_only=read_only)
        assert findings["authentication"].status == "ok"
        assert findings[probe].status == "failed"
        assert findings[probe].hint.startswith(f"Give the identity the role {role!r} on the container; 'Owner' and")
        assert assign(storage.options, role, container_https) in findings[probe].hint

    def test_a_key_that_the_account_refuses_is_told_from_a_wrong_one(self, azurite, container):
        """V5"""
        with FaultProxy(azurite) as proxy:
            proxy.fail("List Blobs", Answer(403, "KeyBasedAuthenticationNotPermitted"), times=10, skip=1)
            found = examined(
                AzureStorage(connection_string=proxy.connection_string(), azure_container=container), skip=["write"]
            )["authentication"]
        assert found.status == "failed"
        assert found.hint == (
            "The account does not allow keys (AllowSharedKeyAccess is false); set credential, for example to "
            "'default', instead of account_key; 'manage.py storage_router provision' prints the commands that give it "
            "its roles."
        )


class TestTheContainer:
    def test_a_missing_container_comes_with_the_command_that_creates_it(self, azurite):
        storage = AzureStorage(connection_string=azurite.connection_string(), azure_container="missing")
        findings = examined(storage)
        assert findings["authentication"].status == "ok"
        assert findings["container"].status == "failed"
        assert findings["container"].message == f"There is no container 'missing' in the account {ACCOUNT_NAME!r}."
        assert findings["container"].hint == (
            "Correct azure_container, or create it: az storage container create --name missing "
            f"--connection-string {PLACEHOLDER}"
        )
        assert findings["write"].message == "Not tried, because container failed."

    def test_files_that_a_lifecycle_rule_should_have_deleted_are_counted(self, azurite, container, storage):
        """V5"""
        storage.save(f"{TRASH}/letters/1.txt", ContentFile(b"1"))
        assert examined(storage)["trash"].message == "Nothing in the trash is older than 32 days."
        with date_proxy(azurite, 0, last_modified="Fri, 02 Oct 2026 10:00:00 GMT") as proxy:
            found = examined(
                AzureStorage(
                    account_url=proxy.account_url,
                    account_name=ACCOUNT_NAME,
                    account_key=ACCOUNT_KEY,
                    azure_container=container,
                )
            )["trash"]
        assert found.status == "warning"
        assert found.message == (
            "1 files in the trash are older than 32 days, '.storage_router_trash/letters/1.txt' for example."
        )
        assert found.hint.startswith("The account has no lifecycle rule that deletes them after 30 days")


class TestTheNetwork:
    def test_a_port_where_nobody_listens_fails_at_once(self, closed_port):
        url = f"http://127.0.0.1:{closed_port}/acme"
        storage = AzureStorage(account_url=url, credential="anonymous", azure_container="media")
        findings = examined(storage)
        assert findings["connection"].message == f"{url} cannot be reached: Connection refused."
        assert findings["connection"].hint == (
            "This address is on this machine: see that the emulator runs on this port, and that no proxy is asked for "
            "it. Azurite starts with "
            f"'npx --package azurite azurite-blob --skipApiVersionCheck --blobPort {closed_port}'."
        )
        assert {finding.status for probe, finding in findings.items() if probe != "connection"} == {"skipped"}
        assert findings["delete"].message == "Not tried, because connection failed."

    def test_a_server_that_hangs_up_is_a_failure_like_any_other(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            thread = threading.Thread(target=lambda: server.accept()[0].close(), daemon=True)
            thread.start()
            storage = AzureStorage(
                account_url=f"http://127.0.0.1:{port}/acme", credential="anonymous", azure_container="media"
            )
            found = examined(storage)["connection"]
            thread.join()
        assert found.status == "failed"

    def test_a_host_without_an_address_points_to_its_name(self):
        storage = AzureStorage(
            account_url="https://acme.blob.invalid",
            account_name="acme",
            credential="anonymous",
            azure_container="media",
        )
        found = examined(storage)["connection"]
        assert found.message.startswith("https://acme.blob.invalid cannot be reached: ")
        assert found.hint.startswith("The host's name has no address here: check the account's name")

    def test_a_certificate_that_nobody_vouches_for_is_explained(self, azurite_https, container_https):
        storage = AzureStorage(
            account_url=azurite_https.account_url(), credential="anonymous", azure_container=container_https
        )
        found = examined(storage)["connection"]
        assert "certificate verify failed" in found.message
        assert found.hint.startswith("The certificate is not trusted")

    @pytest.mark.parametrize(
        ("shift", "status", "message"),
        [
            (-1200, "failed", r"This machine's clock is (1199|1200|1201) s ahead of Azure's\. From 15 minutes on"),
            (1200, "failed", r"This machine's clock is (1199|1200|1201) s behind Azure's\."),
            (-120, "warning", r"This machine's clock is (119|120|121) s ahead of Azure's\. Links with a short life"),
            (None, "warning", r"The service sends no date, so the clocks cannot be compared\."),
        ],
    )
    def test_a_clock_that_differs_is_found(self, azurite, container, shift, status, message):
        with date_proxy(azurite, shift) as proxy:
            storage = AzureStorage(
                account_url=proxy.account_url,
                account_name=ACCOUNT_NAME,
                account_key=ACCOUNT_KEY,
                azure_container=container,
            )
            findings = examined(storage)
        assert findings["clock"].status == status
        assert re.match(message, findings["clock"].message)
        assert findings["write"].status == "ok"


class TestTheTransport:
    """O5: what reaches the service is what is examined: the certificates, proxies and transport of the storage."""

    @pytest.fixture
    def over_tls(self, azurite_https, container_https):
        """Options of a storage on the server whose authority nobody knows, but for its ``client_options``."""
        options = {
            "account_url": azurite_https.account_url(),
            "account_key": ACCOUNT_KEY,
            "azure_container": container_https,
            "expiration_secs": 300,
        }
        yield options
        # The environment is read once for an account's connections: those of a test are no other's.
        Account.of(AzureStorage(**options).options).pools.clear()

    @pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
    def test_authorities_of_the_environment(self, azurite_https, over_tls, variable, monkeypatch):
        monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
        monkeypatch.setenv(variable, str(azurite_https.certificate))
        assert set(statuses(examined(AzureStorage(**over_tls))).values()) == {"ok", "skipped"}

    def test_a_directory_of_authorities(self, azurite_https, over_tls, tmp_path):
        command = ["openssl", "x509", "-subject_hash", "-noout", "-in", str(azurite_https.certificate)]
        name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        (tmp_path / f"{name}.0").write_bytes(azurite_https.certificate.read_bytes())
        storage = AzureStorage(**over_tls, client_options={"connection_verify": str(tmp_path)})
        assert set(statuses(examined(storage)).values()) == {"ok", "skipped"}

    @pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
    def test_a_client_that_verifies_nothing_is_examined_as_such(self, over_tls):
        storage = AzureStorage(**over_tls, client_options={"connection_verify": False})
        assert examined(storage)["connection"].status == "ok"

    @pytest.mark.parametrize("option", ["connection_verify", "connection_cert"])
    @pytest.mark.parametrize(
        ("content", "reason"),
        [(None, "No such file or directory"), ("no certificate", r"\[.*\]")],
        ids=["no file", "no certificate"],
    )
    def test_a_set_up_that_fails_is_a_finding_that_names_the_file(self, over_tls, tmp_path, option, content, reason):
        path = tmp_path / "ca.pem"
        if content is not None:
            path.write_text(content)
        findings = examined(AzureStorage(**over_tls, client_options={option: str(path)}))
        found = findings["connection"]
        assert found.status == "failed"
        assert re.match(
            rf"client_options.{option}: the certificate.* in '{path}' cannot be loaded \({reason}.*\). Name a PEM",
            found.message,
        )
        assert {finding.status for probe, finding in findings.items() if probe != "connection"} == {"skipped"}

    def test_a_transport_that_is_none_is_a_finding(self, azurite, container):
        class Unfit:
            """Something that the configuration took for a transport."""

            send = None

        storage = AzureStorage(
            connection_string=azurite.connection_string(),
            azure_container=container,
            client_options={"transport": Unfit()},
        )
        found = examined(storage)["connection"]
        assert (found.status, found.message) == ("failed", "'NoneType' object is not callable")

    def test_a_proxy_of_client_options(self, azurite, container, closed_port):
        storage = AzureStorage(
            connection_string=azurite.connection_string(),
            azure_container=container,
            client_options={"proxies": {"http": f"http://127.0.0.1:{closed_port}"}},
        )
        found = examined(storage)["connection"]
        assert found.message == f"{azurite.account_url()} cannot be reached: Connection refused."
        assert "that no proxy is asked for it" in found.hint

    @pytest.mark.parametrize("used", [True, False])
    def test_a_proxy_of_the_environment(self, azurite, container, closed_port, monkeypatch, used):
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port}")
        monkeypatch.setenv("no_proxy", "")
        storage = AzureStorage(
            connection_string=azurite.connection_string(),
            azure_container=container,
            client_options={"use_env_settings": used},
        )
        assert examined(storage)["connection"].status == ("failed" if used else "ok")

    @pytest.mark.parametrize("option", ["transport", "session"])
    def test_a_transport_of_the_applications_own(self, azurite, container, option):
        asked = []

        class Session(requests.Session):
            def request(self, method, url, *positional, **named):
                asked.append(f"{method} {url}")
                return super().request(method, url, *positional, **named)

        with Session() as session:
            given = session if option == "session" else RequestsTransport(session=session)
            storage = AzureStorage(
                connection_string=azurite.connection_string(),
                azure_container=container,
                client_options={option: given},
            )
            findings = examined(storage)
        assert findings["connection"].status == "ok"
        assert asked[0] == (f"GET {azurite.account_url()}/{container}?restype=container&comp=list&maxresults=1")


class TestLinks:
    def test_an_identity_that_gets_no_key_to_sign_with_hears_of_the_role_for_it(self, azurite_https, container_https):
        with FaultProxy(azurite_https) as proxy:
            proxy.fail("Get User Delegation Key", Answer(403, "AuthorizationPermissionMismatch"), times=10)
            storage = AzureStorage(
                account_url=proxy.account_url(),
                azure_container=container_https,
                token_credential=UnsignedTokenCredential(),
                client_options={"connection_verify": str(proxy.certificate)},
            )
            found = examined(storage)["sign"]
        assert found.message.startswith("Azure says HTTP 403 AuthorizationPermissionMismatch")
        assert found.hint.startswith("Give the identity the role 'Storage Blob Delegator' on the account: links are")
        assert found.hint.endswith(assign(storage.options, "Storage Blob Delegator"))

    def test_a_public_container_behind_signed_links_is_a_failure(self, azurite):
        container = azurite.create_container(public_access="container")
        storage = AzureStorage(
            connection_string=azurite.connection_string(), azure_container=container, expiration_secs=300
        )
        found = examined(storage)["public"]
        assert (found.status, found.message) == (
            "failed",
            (
                "Anyone can list the names of all blobs, and read them, although the configuration signs links: the "
                "container is public."
            ),
        )
        assert found.hint == (
            f"az storage container set-permission --public-access off --name {container} "
            f"--connection-string {PLACEHOLDER}"
        )

    def test_public_blobs_behind_signed_links_are_a_failure(self, azurite):
        storage = AzureStorage(
            connection_string=azurite.connection_string(),
            azure_container=azurite.create_container(public_access="blob"),
            expiration_secs=300,
        )
        found = examined(storage)["public"]
        assert found.status == "failed"
        assert found.message.startswith("Anyone who knows a blob's name can read it, although")

    def test_a_public_container_behind_the_views_of_private_delivery_is_a_failure(self, azurite):
        storage = AzureStorage(
            connection_string=azurite.connection_string(),
            azure_container=azurite.create_container(public_access="blob"),
        )
        found = examined(storage, private=True)["public"]
        assert (found.status, found.message) == (
            "failed",
            (
                "Anyone who knows a blob's name can read it, although views ask who may read the files: the container "
                "is public."
            ),
        )
        private = AzureStorage(
            connection_string=azurite.connection_string(), azure_container=azurite.create_container()
        )
        assert examined(private, private=True)["public"].message == "Nothing can be read without a signature."

    def test_public_blobs_behind_plain_links_are_as_configured(self, azurite):
        storage = AzureStorage(
            connection_string=azurite.connection_string(),
            azure_container=azurite.create_container(public_access="blob"),
        )
        found = examined(storage)["public"]
        assert found.status == "ok"
        assert found.message == "Links without a signature work: everything here is public, as configured."

    def test_a_public_container_that_can_be_listed_is_a_warning(self, azurite):
        storage = AzureStorage(
            connection_string=azurite.connection_string(),
            azure_container=azurite.create_container(public_access="container"),
        )
        found = examined(storage)["public"]
        assert (found.status, found.message) == ("warning", "Anyone can list the names of all blobs, and read them.")
        assert "access level to 'Blob'" in found.hint

    def test_plain_links_to_a_private_container_are_a_warning(self, azurite, container):
        storage = AzureStorage(connection_string=azurite.connection_string(), azure_container=container)
        found = examined(storage)["public"]
        assert found.status == "warning"
        assert found.message.startswith("url() gives links without a signature, and they do not work: HTTP 403")
        assert found.hint.startswith("Set expiration_secs to get signed links")

    def test_a_custom_domain_that_leads_elsewhere_is_found_by_its_links(self, azurite, container):
        with date_proxy(azurite, 0) as proxy:
            storage = AzureStorage(
                connection_string=azurite.connection_string(),
                azure_container=container,
                custom_domain=f"http://127.0.0.1:{proxy.server_port}/elsewhere",
                expiration_secs=300,
            )
            found = examined(storage)["sign"]
        assert found.status == "failed"
        assert f"from 127.0.0.1:{proxy.server_port}." in found.message
        assert found.hint.startswith("Check custom_domain and container_in_url")

    def test_a_custom_domain_that_nobody_answers_is_named_with_the_cure(self, azurite, container, closed_port):
        host = f"127.0.0.1:{closed_port}"
        storage = AzureStorage(
            connection_string=azurite.connection_string(),
            azure_container=container,
            custom_domain=f"http://{host}",
            expiration_secs=300,
        )
        findings = examined(storage, origins=[ORIGIN])
        for probe in ("sign", "public", "cors"):
            assert (findings[probe].status, findings[probe].message) == (
                "failed",
                f"Links lead to {host}, which cannot be reached from here: Connection refused.",
            )
            assert findings[probe].hint == (
                "Correct custom_domain, or its DNS entry and the proxy or CDN behind it, which has to pass requests on "
                f"to {azurite.account_url()}. If only browsers reach it, use --skip sign --skip public --skip cors."
            )
        assert findings["delete"].status == "ok"

    def test_a_custom_domain_without_a_certificate_to_trust_says_so(self, azurite, azurite_https, container):
        storage = AzureStorage(
            connection_string=azurite.connection_string(),
            azure_container=container,
            custom_domain=f"https://127.0.0.1:{azurite_https.port}",
            expiration_secs=300,
        )
        found = examined(storage)["sign"]
        assert "certificate verify failed" in found.message
        assert found.hint.startswith("The certificate is not trusted")
        assert " Correct custom_domain, or its DNS entry" in found.hint

    def test_a_custom_domain_may_have_a_public_authority_where_the_endpoint_has_ones_own(
        self, azurite, azurite_https, container, monkeypatch
    ):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azurite_https.certificate))
        storage = AzureStorage(
            connection_string=azurite.connection_string(),
            azure_container=container,
            custom_domain=f"https://127.0.0.1:{azurite_https.port}",
            expiration_secs=300,
            client_options={"connection_verify": certifi.where()},
        )
        assert examined(storage)["sign"].message.startswith("A signed link does not fetch the file: HTTP 4")

    def test_a_custom_domain_that_redirects_is_followed(self, azurite, container):
        class Redirect(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(302)
                self.send_header("Location", f"http://127.0.0.1:{azurite.port}{self.path}")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments) -> None:
                """Print nothing."""

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Redirect) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            storage = AzureStorage(
                connection_string=azurite.connection_string(),
                azure_container=container,
                custom_domain=f"127.0.0.1:{server.server_port}",
                expiration_secs=300,
            )
            found = examined(storage)["sign"]
            server.shutdown()
            thread.join()
        assert found.message == f"A signed link fetches the file from 127.0.0.1:{server.server_port}."

    def test_of_a_file_that_was_there_before_only_the_head_is_fetched(self, azurite, container):
        """It may be a film."""
        with FaultProxy(azurite) as proxy:
            storage = AzureStorage(
                connection_string=proxy.connection_string(), azure_container=container, expiration_secs=300
            )
            storage.save("film.bin", ContentFile(b"there"))
            findings = examined(storage, read_only=True, skip=["read"])
            assert (findings["sign"].status, findings["public"].status) == ("ok", "ok")
            asked = [request.method for request in proxy.requests if request.blob.endswith("/film.bin")]
        assert asked == ["PUT", "HEAD", "HEAD"]

    def test_an_endpoint_that_goes_away_in_between_gets_the_networks_advice(self, azurite, container):
        with date_proxy(azurite, 0) as proxy:
            storage = AzureStorage(
                account_url=proxy.account_url,
                account_name=ACCOUNT_NAME,
                account_key=ACCOUNT_KEY,
                azure_container=container,
                expiration_secs=300,
            )
            examination = doctor.examine(used(storage), skip=["write"])
            storage.save("there.txt", ContentFile(b"there"))
            while next(examination).probe != "read":
                pass
        found = next(examination)
        assert (found.probe, found.status) == ("sign", "failed")
        assert found.message.startswith(f"Links lead to 127.0.0.1:{proxy.server_port}, which cannot be reached from")
        assert found.hint.startswith("This address is on this machine: see that the emulator runs")

    def test_a_signature_that_azure_refuses_is_a_failure(self, azurite, container, monkeypatch):
        storage = AzureStorage(
            connection_string=azurite.connection_string(), azure_container=container, expiration_secs=300
        )
        url = AzureStorage.url
        monkeypatch.setattr(AzureStorage, "url", lambda *names, **options: url(*names, **options) + "A")
        found = examined(storage)["sign"]
        assert found.status == "failed"
        assert "HTTP 403" in found.message
        assert found.hint

    def test_links_are_the_storages_own_where_a_subclass_gives_hashed_ones(self, azurite, container, cors_rule):
        """Section 1: ``AzureStorage`` can be subclassed."""
        storage = Hashed(connection_string=azurite.connection_string(), azure_container=container, expiration_secs=300)
        findings = examined(storage, origins=[ORIGIN])
        assert set(statuses(findings).values()) == {"ok"}
        assert findings["public"].message == "Nothing can be read without a signature."
        assert examined(storage, origins=[ORIGIN], skip=["write"])["cors"].status == "ok"

    def test_without_a_cors_rule_the_command_that_adds_one_is_printed(self, storage):
        found = examined(storage, origins=[ORIGIN])["cors"]
        assert found.status == "warning"
        assert found.message.startswith(f"Scripts, fonts and modules cannot be fetched by pages of {ORIGIN}: HTTP 403")
        assert found.hint == (
            f"If they should: az storage cors add --services b --methods GET HEAD --origins {ORIGIN} "
            f"--allowed-headers range --max-age 3600 --connection-string {PLACEHOLDER}"
        )

    @pytest.mark.parametrize(
        ("methods", "headers", "seconds", "difference"),
        [
            (["GET"], ["*"], 3600, "no HEAD."),
            (["GET", "HEAD"], ["x-other"], 3600, "no GET with range; no HEAD with range."),
            (["GET", "HEAD"], ["*"], 60, "GET for 60 s, not 3600 s; HEAD for 60 s, not 3600 s."),
        ],
    )
    def test_a_rule_that_allows_less_than_provisions_is_compared(
        self, azurite, storage, cors_rule, methods, headers, seconds, difference
    ):
        """V5"""
        rule = CorsRule([ORIGIN], methods, allowed_headers=headers, max_age_in_seconds=seconds)
        with BlobServiceClient.from_connection_string(azurite.connection_string()) as service:
            service.set_service_properties(cors=[rule])
        found = examined(storage, origins=[ORIGIN], skip=["write"])["cors"]
        assert found.status == "warning"
        assert found.message == (
            f"Scripts, fonts and modules can be fetched by pages of {ORIGIN}. "
            f"The rule differs from provision's. {ORIGIN}: {difference}"
        )
        assert found.hint.startswith(
            "'manage.py storage_router provision --apply' adds its rule, or: az storage cors add --services b "
        )

    def test_without_static_files_no_rule_is_asked_for(self, storage):
        """V5"""
        found = examined(storage, origins=[ORIGIN], static=False)["cors"]
        assert found.status == "skipped"
        assert found.message == "Not tried, because no static files are here, and other files need no rule."

    def test_each_origin_is_asked_for_and_those_that_are_refused_are_in_the_command(self, storage, cors_rule):
        """V5"""
        found = examined(storage, origins=[ORIGIN, "https://other.example"])["cors"]
        assert "by pages of https://other.example: HTTP 403" in found.message
        assert " --origins https://other.example --allowed-headers" in found.hint

    def test_a_cors_rule_for_another_site_does_not_help(self, storage, cors_rule):
        assert examined(storage, origins=["https://other.example"])["cors"].status == "warning"


class TestOtherStorages:
    """C1: an S3, SFTP or custom storage can stand behind a route."""

    @pytest.mark.parametrize("kind", [FileSystemStorage, InMemoryStorage])
    def test_the_generic_probes_run_on_any_storage(self, kind, tmp_path):
        storage = kind(location=str(tmp_path))
        findings = examined(storage)
        assert statuses(findings) == dict.fromkeys(("write", "read", "list", "delete"), "ok")
        assert storage.listdir("") == ([], [])

    def test_a_directory_that_may_not_be_written_is_reported(self, tmp_path):
        (tmp_path / "file").write_text("no directory")
        findings = examined(FileSystemStorage(location=str(tmp_path / "file")))
        assert findings["write"].status == "failed"
        assert findings["delete"].message == "Not tried, because write failed."

    def test_what_goes_wrong_in_a_storage_is_told_and_its_file_removed(self, tmp_path):
        removals: list[str] = []

        class Strange(FileSystemStorage):
            def open(self, name, mode="rb"):
                return ContentFile(b"something else")

            def listdir(self, path):
                return [], []

            def exists(self, name):
                return bool(removals)

            def delete(self, name):
                removals.append(name)
                super().delete(name)

        findings = examined(Strange(location=str(tmp_path)))
        assert findings["read"].message == "The file that was read back differs from what was saved."
        assert findings["list"].message == "The file that was saved is missing in listdir('')."
        assert findings["delete"].message.endswith("still exists after it was deleted.")
        assert len(removals) == 2
        assert list(tmp_path.iterdir()) == []

    def test_a_storage_that_cannot_list_is_no_failure(self, tmp_path):
        class Unlisted(FileSystemStorage):
            def listdir(self, path):
                raise NotImplementedError

        findings = examined(Unlisted(location=str(tmp_path)))
        assert findings["list"].status == "skipped"
        assert findings["delete"].status == "ok"

    def test_an_error_of_another_packages_sdk_does_not_end_the_examination_and_shows_no_signature(self, tmp_path):
        """C7"""

        class Broken(FileSystemStorage):
            def open(self, name, mode="rb"):
                raise RuntimeError("GET https://s3.example/acme/a.txt?X-Amz-Signature=deadbeef failed\nand more")

            def delete(self, name):
                raise ValueError

        findings = examined(Broken(location=str(tmp_path)))
        assert findings["read"].message == "GET https://s3.example/acme/a.txt?… failed"
        assert findings["list"].status == "ok"
        assert findings["delete"].message == "ValueError"


def test_every_error_has_its_advice():
    assert advice(ContainerNotFoundError("x")).startswith("Create the container")
    assert advice(BlobTimeoutError("x"), "https://acme.blob.core.windows.net") == (
        "Check this machine's firewall and proxy settings, and the account's Networking page."
    )
    assert "see that the emulator runs" in advice(BlobTimeoutError("x"), "http://localhost:10000/acme")
    assert advice(ValueError("x")) == ""
    assert described(BlobTimeoutError("No answer.")) == "No answer."


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "e30.W10.c2ln", "é.é.é"])
def test_a_token_that_is_no_jwt_has_only_its_end(token):
    assert facts(AccessToken(token, 0)) == "good until 00:00 UTC"
