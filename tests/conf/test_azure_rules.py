"""O3: what is pasted into the wrong option is told where it belongs."""

from __future__ import annotations

import pytest
from pydantic_core import PydanticCustomError

from storage_router.conf.azure.rules import account_name


def test_a_url_in_place_of_an_accounts_name_is_told_where_it_goes():
    with pytest.raises(PydanticCustomError, match="is not the name of a storage account") as caught:
        account_name("https://acmefiles.blob.core.windows.net")
    assert (caught.value.context or {})["hint"].endswith("; a URL goes to account_url.")


def test_a_sas_behind_the_url_is_not_repeated():
    """C7"""
    with pytest.raises(PydanticCustomError) as caught:
        account_name("https://acme.blob.example?sig=c2VjcmV0")
    assert caught.value.message() == "the value is not the name of a storage account"
