"""O3: what is pasted into the wrong option is told where it belongs."""

from __future__ import annotations

import pytest
from pydantic_core import PydanticCustomError

from storage_router.conf.azure.rules import account_name


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("https://acmefiles.blob.core.windows.net", "Give 'acmefiles' alone; a URL goes to account_url."),
        ("AcmeFiles.blob.core.windows.net", "Give 'acmefiles' alone; a URL goes to account_url."),
        ("https://acmefiles.z12.blob.storage.azure.net/", "Give 'acmefiles' alone; a URL goes to account_url."),
        ("http://127.0.0.1:10000/x", "Give the account's name alone; a URL goes to account_url."),
        ("acme.files", "An account's name has 3 to 24 characters, lower-case letters and digits only."),
    ],
)
def test_a_url_in_place_of_an_accounts_name_is_told_what_to_give(value, hint):
    with pytest.raises(PydanticCustomError, match="is not the name of a storage account") as caught:
        account_name(value)
    assert caught.value.context is not None
    assert caught.value.context["hint"] == hint


def test_a_sas_behind_the_url_is_not_repeated():
    """C7"""
    with pytest.raises(PydanticCustomError) as caught:
        account_name("https://acme.blob.example?sig=c2VjcmV0")
    assert caught.value.message() == "'https://acme.blob.example' is not the name of a storage account"
