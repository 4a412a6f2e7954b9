"""The page on moves, executed: its configurations and its commands, from the first step to the last."""

from __future__ import annotations

import shlex

import pytest
from django.core.files.base import ContentFile

from storage_router import AzureStorage
from tests.docs.pages import ROOT, blocks, commands
from tests.kit.azurite import ACCOUNT_KEY, Azurite
from tests.moving.test_command import PLAIN, Project

PAGE = ROOT / "docs/moving.md"
DISK, ACCOUNTS, S3 = blocks("toml", pages=[PAGE])
COMMANDS = [command for block in blocks("console", pages=[PAGE]) for command in commands(block)]
READ = """
from django.core.files.storage import default_storage
with default_storage.open("media/a.txt") as file:
    print(file.read().decode())
"""


@pytest.fixture
def server():
    with Azurite(accounts=dict.fromkeys(("acmeold", "acmefiles"), ACCOUNT_KEY)) as azurite:
        for account in azurite.accounts:
            azurite.create_container("media", account_name=account)
        yield azurite


def runnable(text: str, server: Azurite, project: Project) -> str:
    """Put what exists here in the place of the accounts, the disk and the bucket."""
    text = text.replace("/srv/media", str(project.folder / "old"))
    text = text.replace("storages.backends.s3.S3Storage", "plain.Plain")
    text = text.replace('bucket_name = "acme-media"', f'location = "{project.folder / "old"}"')
    for account in server.accounts:
        place = f'account_url = "{server.account_url(account)}"\naccount_key = "{ACCOUNT_KEY}"'
        text = text.replace(f'account_name = "{account}"', place)
    return text.replace('credential = "default"\n', "")


@pytest.mark.slow
@pytest.mark.azurite
@pytest.mark.parametrize(
    "block",
    [
        pytest.param(DISK, id="disk"),
        pytest.param(ACCOUNTS, id="accounts", marks=pytest.mark.large),
        pytest.param(S3, id="s3", marks=pytest.mark.large),
    ],
)
def test_each_example_is_moved_by_the_commands_of_the_page(tmp_path, server, block):
    project = Project(tmp_path)
    (tmp_path / "plain.py").write_text(PLAIN)
    mirror = runnable(block.text, server, project)
    old, new = (
        AzureStorage(account_url=server.account_url(account), account_key=ACCOUNT_KEY, azure_container="media")
        for account in server.accounts
    )
    if block is ACCOUNTS:
        old.save("media/a.txt", ContentFile(b"content"))
    else:
        (tmp_path / "old/media").mkdir(parents=True)
        (tmp_path / "old/media/a.txt").write_text("content")

    def run(name: str) -> None:
        [command] = [command for command in COMMANDS if name in command]
        words = shlex.split(command)
        assert words[:2] == ["python", "manage.py"]
        project.run(*words[2:], *(["--yes"] if name == "start" else []))

    document = tmp_path / "storage_router.toml"
    document.write_text(mirror)
    for name in ("migrate", "doctor", "plan", "start", "verify"):
        run(name)
    after = "".join(
        line
        for line in mirror.splitlines(keepends=True)
        if not line.startswith(("moving_from", "phase", "unique_names"))
    )
    for step in (mirror.replace('"mirror"', '"switch"'), mirror.replace('"mirror"', '"settle"')):
        document.write_text(step)
        project.run("check")
    document.write_text(after)
    assert project.run("shell", "-c", READ).endswith("content\n")
    run("finish")
    assert (list(old.walk()), project.files("old")) == ([], {})
    assert [stat.name for stat in new.walk()] == ["media/a.txt"]
