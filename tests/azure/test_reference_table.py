"""The page for those who come from django-storages names everything that there is, and its examples are good."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.files.storage import Storage

from storage_router.azure import pipeline, reader, transport, upload
from storage_router.azure.storage import AzureStorage
from storage_router.conf.azure.options import DJANGO_SETTINGS, AzureOptions
from storage_router.files import DirectStore

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGE = (DOCS / "azure-storage.md").read_text(encoding="utf-8")
# In code, or as a heading.
NAMED = set(re.findall(r"(?:`|^#+ )(\w+)", PAGE, re.MULTILINE))


@pytest.mark.parametrize("option", sorted(AzureOptions.model_fields))
def test_every_option_is_named(option):
    assert option in NAMED


def test_every_setting_in_the_table_is_read():
    assert {name for name in NAMED if name.startswith("AZURE_") and name != "AZURE_"} <= set(DJANGO_SETTINGS.values())


def test_every_public_method_is_named_that_is_not_djangos_or_of_uploads():
    methods = {name for name in dir(AzureStorage) if not name.startswith("_")}
    known = {*dir(Storage), *vars(DirectStore), "alias", "deconstruct", "from_options", "is_attachment", "options"}
    assert methods - NAMED - known == set()


def test_the_examples_build_storages():
    for code in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        names = {}
        exec(code.replace("    ...\n", ""), names)
        if "PrivateStorage" in names:
            assert names["PrivateStorage"]().azure_container == "private"
        if "STORAGES" in names:
            assert AzureStorage(**names["STORAGES"]["default"]["OPTIONS"]).azure_container == "media"


def test_the_numbers_are_those_of_the_code():
    assert upload.SINGLE_PUT == upload.BLOCK == reader.FIRST == 4 * 2**20
    assert (upload.IN_FLIGHT, upload.GROWTH) == (40 * 2**20, 5_000)
    assert (reader.AFTER_SEEK, reader.AHEAD) == (512 * 2**10, 2)


def test_the_page_about_requests_has_the_numbers_of_the_code():
    page = (DOCS / "azure.md").read_text(encoding="utf-8")
    assert f"{transport.CONNECT_TIMEOUT} s for each {transport.PIECE // 2**10} KiB" in page
    assert f"{pipeline.RETRIES} at most, after {pipeline.FIRST_WAIT}, " in page
    assert f"| {transport.POOL_SIZE} for each account |" in page
    assert f"`timeout`, {AzureOptions.model_fields['timeout'].default} s" in page
