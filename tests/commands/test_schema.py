"""C9: ``schema`` prints the schemas, and ``--check`` fails when the files are stale."""

from __future__ import annotations

import json

from storage_router.conf import schema


def test_the_schema_of_the_document_is_printed(run):
    assert json.loads(run("schema").text) == schema.document_schema()


def test_the_schema_of_azure_storage_is_printed(run):
    assert json.loads(run("schema", "--options").text) == schema.azure_storage_schema()


def test_stale_files_fail_the_check_until_they_are_written(run, tmp_path):
    directory = f"--directory={tmp_path}"
    stale = run("schema", "--check", directory)
    assert stale.status == 1
    assert "storage_router.schema.json: stale; write it again with --write" in stale.text
    assert run("schema", "--write", directory).status == 0
    fresh = run("schema", "--check", directory)
    assert (fresh.status, fresh.text) == (
        0,
        "storage_router.schema.json: up to date\nazure_storage.schema.json: up to date\n",
    )


def test_a_directory_that_is_not_there_is_said(run, tmp_path):
    ran = run("schema", "--check", f"--directory={tmp_path / 'nowhere'}")
    assert (ran.status, ran.error) == (2, f"There is no directory {tmp_path / 'nowhere'}.")


def test_the_schemas_of_the_project_are_up_to_date(run):
    ran = run("schema", "--check")
    assert (ran.status, "stale" in ran.text) == (0, False)


def test_the_schema_can_be_printed_whatever_is_wrong_with_the_configuration(run):
    assert run("schema", default={"BACKEND": "storage_router.RouterStorage", "OPTIONS": {"x": 1}}).status == 0
