"""Connection strings (O2).

https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string
"""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import SecretStr

from storage_router.conf.problems import invalid, suggestion

from . import rules
from .authentication import sas_token
from .endpoint import EMULATOR_ACCOUNT, account_url, endpoint_suffix

EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The emulator's public key, the same on every machine, as the page above prints it."""

_KEYS = (
    *("DefaultEndpointsProtocol", "AccountName", "AccountKey", "SharedAccessSignature"),
    *("EndpointSuffix", "UseDevelopmentStorage", "DevelopmentStorageProxyUri", "BlobEndpoint"),
)


class ConnectionString(SecretStr):
    """A connection string, parsed once. An attribute is None where the string does not have it.

    ``scheme`` is that of the blob service. Raises an error that names the key at fault, and never a value.
    """

    account_name: str | None = None
    account_key: SecretStr | None = None
    sas_token: SecretStr | None = None
    blob_endpoint: str | None = None
    endpoint_suffix: str | None = None
    scheme: str | None = None

    def __init__(self, text: str) -> None:
        super().__init__(text)
        # Azure's own clients compare keys without case; keys without a value are not given.
        parts = [part.partition("=") for part in text.split(";") if part.strip()]
        pairs = {key.strip().lower(): value.strip() for key, _, value in parts}
        known = {key.lower() for key in _KEYS}
        if unknown := [key for key in pairs if key not in known and not key.endswith("endpoint")]:
            hint = suggestion(unknown[0], _KEYS)
            raise invalid("the connection string has a key that Azure does not know", hint)
        if len({(key.strip().lower(), value.strip()) for key, _, value in parts}) > len(pairs):
            raise invalid("the connection string gives a key twice", "Copy it whole from the portal.", id="E008")
        given = {key: value for key, value in pairs.items() if value}
        if "usedevelopmentstorage" in given:
            if {key: value.lower() for key, value in given.items()} != {"usedevelopmentstorage": "true"}:
                hint = "The emulator's account, key and address are fixed; at another address it is a BlobEndpoint."
                raise invalid("UseDevelopmentStorage=true must be all of the connection string", hint, id="E008")
            key, url = EMULATOR_KEY, f"http://127.0.0.1:10000/{EMULATOR_ACCOUNT}"
            given = {"accountname": EMULATOR_ACCOUNT, "accountkey": key, "blobendpoint": url}
        self.account_name = given.get("accountname")
        self.account_key = SecretStr(given["accountkey"]) if "accountkey" in given else None
        self.sas_token = SecretStr(given["sharedaccesssignature"]) if "sharedaccesssignature" in given else None
        self.scheme = given.get("defaultendpointsprotocol", "").lower() or None
        if self.scheme not in (None, "http", "https"):
            raise invalid("DefaultEndpointsProtocol must be https or http in the connection string")
        if "blobendpoint" in given:
            self.blob_endpoint = account_url(given["blobendpoint"], "BlobEndpoint of the connection string")
            # Azurite's own string may name another protocol for the other services.
            self.scheme = urlsplit(self.blob_endpoint).scheme
        if "endpointsuffix" in given:
            self.endpoint_suffix = endpoint_suffix(given["endpointsuffix"], "EndpointSuffix of the connection string")


def connection_string(value: SecretStr) -> ConnectionString:
    """A connection string with a key or a SAS, and the account that they are for."""
    string = ConnectionString(value.get_secret_value())
    if string.account_key is None and string.sas_token is None:
        hint = "Copy it whole from the portal ('Access keys'); for identities set account_name and credential instead."
        raise invalid("the connection string has neither AccountKey nor SharedAccessSignature", hint, id="E011")
    if string.account_name is None and (string.account_key is not None or string.blob_endpoint is None):
        raise invalid("the connection string has no AccountName", "Copy it whole from the portal.", id="E011")
    if string.account_name is not None:
        rules.account_name(string.account_name)
    if string.account_key is not None:
        rules.account_key(string.account_key)
    elif string.sas_token is not None:
        string.sas_token = sas_token(string.sas_token)
    return string
