"""C2, C4: the configuration file: TOML, YAML or JSON; what is wrong with it is said with its line."""

from __future__ import annotations

import json
import sys

import pytest

from storage_router.conf.layers import Origin

TOML = '[backends.media]\ntype = "memory"\n'
YAML = "backends:\n  media:\n    type: memory\n"
JSON = json.dumps({"$schema": "schemas/storage_router.schema.json", "backends": {"media": {"type": "memory"}}})


@pytest.mark.parametrize(("name", "text"), [("a.toml", TOML), ("a.yaml", YAML), ("b/a.yml", YAML), ("a.JSON", JSON)])
def test_the_suffix_tells_the_format(world, name, text):
    world.write(name, text)
    world.environ["STORAGE_ROUTER_CONFIG"] = name
    assert world.load().origin(("backends", "media", "type")) == Origin(
        source="file", place=f"{name}: backends.media.type"
    )


def test_a_named_file_is_read_instead_of_the_usual_one(world):
    world.write("storage_router.toml", "not = toml = at all")
    path = world.write("elsewhere/my.toml", TOML)
    world.environ["STORAGE_ROUTER_CONFIG"] = str(path)
    assert list(world.load().document.backends) == ["media"]


def test_the_file_may_be_named_in_the_env_file(world):
    world.write("my.toml", TOML)
    world.write(".env", "STORAGE_ROUTER_CONFIG=my.toml\n")
    assert list(world.load().document.backends) == ["media"]


def test_a_file_with_a_byte_order_mark_is_read(world):
    (world.directory / "storage_router.toml").write_bytes(b"\xef\xbb\xbf" + TOML.encode())
    assert list(world.load().document.backends) == ["media"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("none.toml", None, "the file that STORAGE_ROUTER_CONFIG names cannot be read: No such file or directory"),
        ("a.ini", "x", "the file is neither TOML, YAML nor JSON"),
        ("a.toml", b"\xff\xfe", "the file is not UTF-8"),
        ("a.toml", TOML + 'key = "c2VjcmV0', "the file cannot be parsed: Unterminated string (at end of document)"),
        ("a.toml", TOML + "type = 1\n", "the file cannot be parsed: Cannot overwrite a value (at line 3, column 9)"),
        ("a.json", '{\n"backends": c2VjcmV0}', "the file cannot be parsed: Expecting value (at line 2, column 13)"),
        ("a.json", '{"a": 1, "a": 2}', "the file cannot be parsed: a key is there twice in one object"),
        ("a.json", "[1]", "the file holds no table of settings"),
        ("a.yaml", "a: b: c2VjcmV0", "the file cannot be parsed: it is not YAML (at line 1, column 5)"),
        (
            "a.yaml",
            "a: 1\nb:\n  c: 1\n  c: 2\n",
            "the file cannot be parsed: a key is there twice in the table at line 3",
        ),
        ("a.yaml", "a: \x01", "the file cannot be parsed: it holds characters that YAML does not allow"),
        ("a.yaml", "c2VjcmV0", "the file holds no table of settings"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_place(world, name, text, message):
    """C4, C5; and C7: a broken line may hold a key, so it is not quoted."""
    if isinstance(text, bytes):
        (world.directory / name).write_bytes(text)
    elif text is not None:
        world.write(name, text)
    world.environ["STORAGE_ROUTER_CONFIG"] = name
    world.config = {"backends": {"media": "memory://"}}
    problem = world.problem()
    assert (problem.id, problem.place) == ("storage_router.E009", name)
    assert problem.message == message
    assert "c2VjcmV0" not in str(problem)


def test_a_file_that_is_a_directory_is_an_error(world):
    (world.directory / "storage_router.toml").mkdir()
    world.config = {"backends": {"media": "memory://"}}
    assert world.problem().message == "the file cannot be read: Is a directory"


@pytest.mark.parametrize("name", ["a.yaml", "a.json", "a.toml"])
def test_an_empty_file_says_nothing(world, name):
    world.write(name, "")
    world.environ["STORAGE_ROUTER_CONFIG"] = name
    problem = world.problem()
    assert (problem.id, problem.place) == ("storage_router.E002", f"{name}: backends")


def test_yaml_is_an_extra(world, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    world.write("a.yaml", YAML)
    world.environ["STORAGE_ROUTER_CONFIG"] = "a.yaml"
    world.config = {"backends": {"media": "memory://"}}
    problem = world.problem()
    assert (problem.id, problem.message) == ("storage_router.E013", "PyYAML is not installed")
    assert "pip install 'django-storage-router[yaml]'" in problem.hint


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "backends: &all\n  media: *all\n", "with its aliases it has more than 100,000 values"),
        ("a.yaml", "routes: &all [*all]\n", "with its aliases it has more than 100,000 values"),
        ("a.json", "[" * 200_000, "it nests too deeply, or has a number or date that makes no sense"),
    ],
)
def test_a_file_that_has_no_end_is_one_that_cannot_be_parsed(world, name, text, message):
    """C5, F3"""
    world.write(name, text)
    world.environ["STORAGE_ROUTER_CONFIG"] = name
    problem = world.problem()
    assert (problem.id, problem.message) == ("storage_router.E009", f"the file cannot be parsed: {message}")


@pytest.mark.parametrize(
    "text",
    [
        "backends:\n  no: {type: memory}\n",
        "\n1: x\n",
        "backends:\n  media: {type: memory, ~: x}",
        "backends:\n  2026-01-01: {type: memory}",
        "backends:\n  [a]: {type: memory}",
    ],
)
def test_keys_that_yaml_reads_as_something_else_are_errors(world, text):
    """F3"""
    world.write("a.yaml", text)
    world.environ["STORAGE_ROUTER_CONFIG"] = "a.yaml"
    problem = world.problem()
    assert (problem.id, problem.place) == ("storage_router.E009", "a.yaml")
    assert problem.message == (
        "the file cannot be parsed: the key at line 2 is no string for YAML (as no, on, 1 and dates): put it in quotes"
    )


def test_an_alias_of_yaml_may_be_used_twice(world):
    world.write(
        "a.yaml",
        "default: media\nbackends: {media: &ram {type: memory}, other: *ram}\nroutes: [{prefix: a, backend: other}]\n",
    )
    world.environ["STORAGE_ROUTER_CONFIG"] = "a.yaml"
    assert [backend.type for backend in world.load().document.backends.values()] == ["memory", "memory"]


@pytest.mark.parametrize(
    ("name", "text"), [("a.toml", "a ="), ("a.yaml", "- a"), ("a.ini", ""), ("missing.toml", None)]
)
def test_what_an_unreadable_file_would_have_held_is_not_reported_as_missing(world, name, text):
    """C5: one mistake, one problem."""
    if text is not None:
        world.write(name, text)
    world.environ["STORAGE_ROUTER_CONFIG"] = name
    assert world.problem().id == "storage_router.E009"


def test_without_any_source_the_missing_backends_are_named(world):
    problem = world.problem()
    assert (problem.id, problem.place, problem.message) == (
        "storage_router.E002",
        "STORAGE_ROUTER__BACKENDS",
        "'backends' is missing",
    )
