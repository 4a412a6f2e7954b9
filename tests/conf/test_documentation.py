"""Issue 4: every example in docs/configuration.md is executed, and what is generated is what the code says."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from storage_router import factory
from storage_router.conf import schema
from storage_router.conf.sources import file
from storage_router.exceptions import ConfigurationError

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILES = {
    "toml": "storage_router.toml",
    "yaml": "storage_router.yaml",
    "json": "storage_router.json",
    "dotenv": ".env",
}


def cases() -> list[dict[str, str]]:
    """What belongs together: a file and the variables after it, or variables alone, and what is printed then."""
    found: list[dict[str, str]] = []
    for section in re.split(r"^##+ ", PAGE, flags=re.MULTILINE):
        begin = len(found)
        for language, text in BLOCK.findall(section):
            if text.startswith("# settings.py") or language == "console":
                continue
            if len(found) == begin or (language != "text" and not (language == "sh" and list(found[-1]) == ["toml"])):
                found.append({})
            found[-1][language] = text
    return found


CASES = cases()


@pytest.fixture
def run(monkeypatch, tmp_path):
    """A function that loads a case in a process that has nothing else."""

    def load(case):
        monkeypatch.chdir(tmp_path)
        for name in [name for name in os.environ if name.startswith("STORAGE_ROUTER")]:
            monkeypatch.delenv(name)
        for variable in shlex.split(case.get("sh", ""), comments=True):
            monkeypatch.setenv(*variable.split("=", 1))
        for language, name in FILES.items():
            if language in case:
                (tmp_path / name).write_text(case[language])
                if language in ("yaml", "json"):
                    monkeypatch.setenv("STORAGE_ROUTER_CONFIG", name)
        return factory.configure(ast.literal_eval(case["python"]) if "python" in case else None)

    return load


@pytest.mark.parametrize("case", CASES, ids=lambda case: "+".join(case))
def test_every_example_is_executed(run, case):
    if "text" in case:
        with pytest.raises(ConfigurationError) as caught:
            run(case)
        assert str(caught.value) == case["text"].strip()
    else:
        assert run(case).warnings == ()


def test_examples_of_every_source_were_found():
    assert {language for case in CASES for language in case} == {
        "toml",
        "sh",
        "python",
        "dotenv",
        "yaml",
        "json",
        "text",
    }
    assert len(CASES) >= 8


@pytest.mark.parametrize("case", [case for case in CASES if "text" not in case and not {"sh", "dotenv"} & set(case)])
def test_every_document_is_valid_by_the_schema(tmp_path, case):
    """C9"""
    for language, text in case.items():
        if language == "python":
            document = ast.literal_eval(text)
        else:
            path = tmp_path / FILES[language]
            path.write_text(text)
            document = file.read(path, path.name, "").tree
        Draft202012Validator(schema.document_schema()).validate(document)


def test_variables_mean_what_the_page_says(run):
    environment, strings = [case for case in CASES if list(case) == ["sh"]]
    media = run(environment).document.backends["media"]
    assert (media.tags, media.client_options) == ({"project": "acme"}, {"retry_total": 5})
    document = run(strings).document
    assert {alias: backend.type for alias, backend in document.backends.items()} == {
        "media": "azure",
        "files": "filesystem",
        "scratch": "memory",
        "local": "azure",
    }
    assert document.backends["media"].location == "sites/acme"


def test_what_is_generated_is_what_the_code_says():
    command = [sys.executable, str(ROOT / "tools" / "option_tables.py"), "--check"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_stale_pages_are_reported(monkeypatch, tmp_path, capsys):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import option_tables

    page = tmp_path / "configuration.md"
    page.write_text("<!-- generated: sources -->\nold\n<!-- end -->\n")
    monkeypatch.setattr(option_tables, "PAGES", [page])
    assert option_tables.main(["--check"]) == 1
    assert capsys.readouterr().out == "configuration.md is stale; run python tools/option_tables.py\n"
    assert option_tables.main([]) == 0
    assert page.read_text().splitlines()[1] == "1. code"
    assert option_tables.main(["--check"]) == 0


def test_no_two_options_of_a_table_are_described_alike():
    document = schema.document_schema()
    tables = [document, *document["$defs"].values()]
    for table in tables:
        described = [one["description"] for one in table.get("properties", {}).values() if "description" in one]
        assert len(described) == len(set(described)), table.get("title")
