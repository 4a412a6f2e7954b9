"""Every code block of the README and the pages is executed, loaded or held against what it names."""

from __future__ import annotations

import ast
import contextlib
import importlib
import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from django.apps import apps
from django.core.management import get_commands, load_command_class
from django.utils.module_loading import import_string

from storage_router import factory
from storage_router.conf.azure.options import DJANGO_SETTINGS, AzureOptions
from storage_router.conf.django_backends import DjangoBackend, FilesystemBackend, MemoryBackend
from storage_router.conf.document import RouterDocument
from tests.docs.pages import PAGES, ROOT, Block, blocks, commands, text_of

PROJECT = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
BACKENDS = (AzureOptions, FilesystemBackend, MemoryBackend, DjangoBackend)
# tests/conf/test_documentation.py executes each of these, the one with six mistakes included.
EXECUTED_ELSEWHERE = ROOT / "docs/configuration.md"
LANGUAGES = {
    "python",
    "toml",
    "yaml",
    "json",
    "console",
    "sh",
    "dotenv",
    "text",
    "dockerfile",
    "mermaid",
    "{toctree}",
}
WAYS_TO_AUTHENTICATE = {"credential", "account_key", "connection_string", "sas_token", "token_credential"}
VARIABLE = re.compile(r"STORAGE_ROUTER__\w+")


def by_place(block: Block) -> str:
    return block.place


def documents(*languages: str) -> list[Block]:
    """The blocks that are a configuration, whole or in part."""
    return [
        block
        for block in blocks(*languages)
        if block.page != EXECUTED_ELSEWHERE and block.file in ("", "storage_router.toml", "storage_router.yaml")
    ]


def completed(document: dict) -> dict:
    """What a part of a configuration needs to be one: the backends that it names, and what the environment gives."""
    backends = document.setdefault("backends", {})
    for backend in backends.values():
        if backend.get("type") == "azure" and WAYS_TO_AUTHENTICATE.isdisjoint(backend):
            backend["credential"] = "default"
    named = [route["backend"] for route in document.get("routes", ())]
    for alias in [*named, *filter(None, [document.get("default")])]:
        backends.setdefault(alias, {"type": "memory"})
    if not backends:
        document |= {"backends": {"media": {"type": "memory"}}, "default": "media"}
    return document


@pytest.fixture(autouse=True)
def nothing_else_configures(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_has_a_language_that_is_looked_at(page):
    assert {block.language for block in blocks(pages=[page])} <= LANGUAGES


# Configurations


@pytest.mark.parametrize("block", documents("toml"), ids=by_place)
def test_every_toml_block_is_a_configuration_that_loads(block):
    loaded = factory.configure(completed(tomllib.loads(block.text)))
    assert [problem for problem in loaded.warnings if problem.id != "storage_router.W003"] == []


@pytest.mark.parametrize("block", [block for block in blocks("toml") if block not in documents("toml")], ids=by_place)
def test_every_other_toml_block_is_toml(block):
    assert tomllib.loads(block.text)


@pytest.mark.parametrize("block", blocks("yaml"), ids=by_place)
def test_every_yaml_block_is_yaml(block):
    assert all(isinstance(document, dict) for document in yaml.safe_load_all(block.text))


@pytest.mark.parametrize("block", blocks("json"), ids=by_place)
def test_every_json_block_is_json(block):
    assert json.loads(block.text)


def test_the_readme_has_a_public_and_a_private_backend():
    [block] = blocks("toml", pages=[ROOT / "README.md"])
    loaded = factory.configure(tomllib.loads(block.text))
    [route] = loaded.document.routes
    assert (route.backend, route.delivery, route.authorize) == ("private", "stream", "acme.files.may_read")
    assert loaded.warnings == ()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_variable_that_a_page_names_means_a_setting(page):
    # checks.md, configuration.md and the changelog show these misspellings, and what is said about them.
    names = set(VARIABLE.findall(text_of(page))) - {
        "STORAGE_ROUTER__CONFIG",
        "STORAGE_ROUTER__BACKEND__MEDIA__",
        "STORAGE_ROUTER__BACKEND__MEDIA__LOCATION",
    }
    assert [name for name in sorted(names) if not means_something(name)] == []


def means_something(variable: str) -> bool:
    """Whether ``STORAGE_ROUTER__A__B__C`` leads to a field of the models."""
    first, *rest = variable.removeprefix("STORAGE_ROUTER__").lower().split("__")
    if first != "backends":
        return first in RouterDocument.model_fields
    options = {"type"}.union(*(backend.model_fields for backend in BACKENDS))
    # A name that ends in two underscores speaks of all that begin so.
    return len(rest) < 2 or rest[1] in options or rest[1] == ""


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY", True),
        ("STORAGE_ROUTER__BACKENDS__MEDIA__ACOUNT_KEY", False),
        ("STORAGE_ROUTER__BACKEND__MEDIA__ACCOUNT_KEY", False),
        ("STORAGE_ROUTER__ROUTES", True),
    ],
)
def test_a_misspelt_variable_is_found(variable, expected):
    assert means_something(variable) is expected


# Python


@pytest.mark.parametrize("block", blocks("python"), ids=by_place)
def test_every_python_block_compiles(block):
    assert compile(block.text, block.place, "exec", flags=ast.PyCF_ONLY_AST, dont_inherit=True)


@pytest.mark.parametrize("block", blocks("python"), ids=by_place)
def test_every_name_of_this_package_that_a_python_block_uses_is_there(block):
    assert [name for name in sorted(names_of_this_package(block.text)) if not is_there(name)] == []


def names_of_this_package(source: str) -> set[str]:
    """``storage_router.AzureStorage``: as an import, an attribute, or a dotted path in a text."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute):
            found.add(ast.unparse(node))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return {name for name in found if re.fullmatch(r"storage_router(\.[A-Za-z_]\w*)+", name) and not is_check(name)}


def is_check(name: str) -> bool:
    return re.fullmatch(r"storage_router\.[EW]\d{3}|storage_router\.toml", name) is not None


def is_there(dotted: str) -> bool:
    """Whether it can be imported, or got from what can be imported."""
    for importing in (importlib.import_module, import_string):
        with contextlib.suppress(ImportError):
            importing(dotted)
            return True
    return False


def test_a_name_that_is_not_there_is_found():
    source = "from storage_router import AzureStorge, exceptions\nSTORAGES = {'BACKEND': 'storage_router.Router'}\n"
    missing = {name for name in names_of_this_package(source) if not is_there(name)}
    assert missing == {"storage_router.AzureStorge", "storage_router.Router"}


# Commands

LINES = [(block, line) for block in blocks("console") for line in commands(block)]


@pytest.mark.parametrize("block", blocks("console", "sh"), ids=by_place)
def test_every_block_for_a_shell_can_be_read_by_one(block):
    script = (
        "\n".join(line.replace("\n> ", "\n") for line in commands(block)) if block.language == "console" else block.text
    )
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def words_after(program: str) -> list[tuple[str, list[str]]]:
    """Place and arguments of every line that runs ``python manage.py`` or so."""
    found = []
    for block, line in LINES:
        if line.startswith(f"{program} "):
            words = shlex.split(line.removeprefix(program), comments=True)
            found.append((block.place, words[: next((i for i, word in enumerate(words) if word in "<|>&&"), None)]))
    return found


@pytest.mark.parametrize(("place", "words"), words_after("python manage.py"))
def test_every_management_command_takes_the_arguments_that_are_shown(place, words):
    name, *arguments = words
    # Those of Django's apps that the settings of the tests leave out.
    command = load_command_class(get_commands().get(name, "django.core"), name)
    command.create_parser("manage.py", name).parse_args(arguments)


def test_every_make_target_that_a_page_names_exists():
    help_text = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = set(re.findall(r"^  make (\S+)", help_text, re.MULTILINE))
    code = {page: code_of(page) for page in PAGES}
    named = {name for text in code.values() for name in re.findall(r"\bmake ([a-z-]+)\b", text)}
    assert {"demo", "test"} <= named <= targets


def test_every_extra_that_a_page_installs_exists():
    named = {
        extra.strip()
        for page in PAGES
        for extras in re.findall(r"django-storage-router\[([\w, -]+)\]", text_of(page))
        for extra in extras.split(",")
    }
    assert named
    assert named <= PROJECT["optional-dependencies"].keys()


def code_of(page: Path) -> str:
    """Everything in a page that is set as code."""
    inline = re.findall(r"`([^`\n]+)`", text_of(page))
    return "\n".join([*(block.text for block in blocks(pages=[page])), *inline])


# Links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_it_and_to_its_heading(page):
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL))
    dead = []
    for target in targets:
        if "://" in target or target.startswith("mailto:"):
            continue
        file, _, anchor = target.partition("#")
        path = page.parent / file if file else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            dead.append(target)
    assert dead == []


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MyST make them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_app_of_the_commands_is_installed():
    assert apps.is_installed("storage_router")


# Settings in Python

SETTINGS_OF_OTHERS = {
    # azure-identity's variables
    "AZURE_AUTHORITY_HOST",
    "AZURE_CLIENT_SECRET",
    "AZURE_TENANT_ID",
}
OPTIONS = {
    "storage_router.AzureStorage": AzureOptions.model_fields.keys(),
    "storage_router.RouterStorage": RouterDocument.model_fields.keys(),
}


@pytest.mark.parametrize("block", blocks("python"), ids=by_place)
def test_every_option_that_a_python_block_gives_to_a_storage_exists(block):
    wrong = [(backend, option) for backend, option in options_given(block.text) if option not in OPTIONS[backend]]
    assert wrong == []


def options_given(source: str) -> list[tuple[str, str]]:
    """Class and option, of the entries of ``STORAGES`` and of subclasses' attributes."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Dict):
            entry = {key.value: value for key, value in zip(node.keys, node.values, strict=True) if literal(key)}
            backend, options = entry.get("BACKEND"), entry.get("OPTIONS")
            if literal(backend) and backend.value in OPTIONS and isinstance(options, ast.Dict):
                found += [(backend.value, key.value) for key in options.keys if literal(key)]
        elif isinstance(node, ast.ClassDef) and "AzureStorage" in map(ast.unparse, node.bases):
            assigned = [line for line in node.body if isinstance(line, ast.Assign)]
            found += [("storage_router.AzureStorage", ast.unparse(line.targets[0])) for line in assigned]
    return found


def literal(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant)


def test_options_are_found_where_they_are_given():
    source = (
        "class Media(AzureStorage):\n    acount_name = 'x'\n"
        "STORAGES = {'default': {'BACKEND': 'storage_router.AzureStorage', 'OPTIONS': {'azure_contaner': 'x'}}}\n"
    )
    found = options_given(source)
    assert sorted(option for _, option in found) == ["acount_name", "azure_contaner"]
    assert (
        len(options_given("\n".join(block.text for block in blocks("python", pages=[ROOT / "docs/migrating.md"])))) > 4
    )


def test_every_azure_setting_that_a_page_names_exists():
    named = {name for page in PAGES for name in re.findall(r"\bAZURE_[A-Z_]*[A-Z]\b", text_of(page))}
    assert named - {*DJANGO_SETTINGS.values()} <= SETTINGS_OF_OTHERS
