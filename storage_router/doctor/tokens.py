"""What an access token tells about its owner, for people who have to give that owner a role."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any

SCOPE = "https://storage.azure.com/.default"
"""https://learn.microsoft.com/azure/storage/blobs/authorize-access-azure-active-directory"""


def facts(token: Any) -> str:
    """Return whose token it is and how long it is good, never the token itself. ``token`` is an ``AccessToken``."""
    until = f"good until {dt.datetime.fromtimestamp(token.expires_on, dt.UTC):%H:%M} UTC"
    owner = _claims(token.token).get("oid")
    return f"object id {owner}, {until}" if owner else until


def _claims(token: str) -> dict[str, Any]:
    """Return a JWT's claims, unverified. A token may be anything: then there are none."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
