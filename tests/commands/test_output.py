"""Section 8: aligned columns on a terminal, tabs in a pipe; other people's text cannot do anything to either."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management.base import OutputWrapper
from django.core.management.color import color_style, no_style

from storage_router.management.output import Output, visible

ROWS = [["a/b.txt", "media"], ["private/contract.pdf", ""]]
URL = "https://acmefiles.blob.core.windows.net/media/" + "a" * 60


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def printed(stream: io.StringIO, *, rows=ROWS, heading=("name", "backend"), **options) -> str:
    Output(OutputWrapper(stream), **options).table(heading, rows)
    return stream.getvalue()


def test_a_pipe_gets_columns_between_tabs():
    assert printed(io.StringIO()) == "name\tbackend\na/b.txt\tmedia\nprivate/contract.pdf\t\n"


def test_a_terminal_gets_aligned_columns():
    assert printed(Terminal()) == ("name                  backend\na/b.txt               media\nprivate/contract.pdf\n")


def test_a_row_that_is_too_long_is_continued_on_the_next_line():
    lines = printed(Terminal(), rows=[["a" * 50, "b" * 40], ["c", "d"]]).splitlines()
    assert lines == ["name  backend", "a" * 50, "    " + "b" * 40, "c     d"]


def test_one_long_cell_does_not_push_every_row_over_two_lines():
    rows = [["a" * 31, "b" * 27, "storage_router.toml"], ["default", "media", "storage_router.toml"]]
    lines = printed(Terminal(), rows=rows, heading=["setting", "value", "source"]).splitlines()
    assert lines == [
        "setting  value                        source",
        f"{'a' * 31}  {'b' * 27}",
        "    storage_router.toml",
        "default  media                        storage_router.toml",
    ]


def test_long_texts_are_wrapped_and_urls_are_not():
    text = printed(Terminal(), rows=[["a", f"{'word ' * 30}{URL}"]])
    assert max(len(line) for line in text.splitlines() if URL not in line) <= 80
    assert f"    {URL}\n" in text
    assert text.count("word") == 30


def test_a_paragraph_keeps_to_the_right_of_its_label():
    stream = Terminal()
    Output(OutputWrapper(stream)).paragraph(f"{'word ' * 20}{URL}", "  failed  ")
    lines = stream.getvalue().splitlines()
    assert lines[0] == "  failed  " + " ".join(["word"] * 14)
    assert lines[1] == "          " + " ".join(["word"] * 6)
    assert lines[2] == f"          {URL}"


def test_headings_are_for_terminals():
    for stream, text in ((Terminal(), "\nmedia\n"), (io.StringIO(), "")):
        Output(OutputWrapper(stream)).heading("media")
        assert stream.getvalue() == text


def test_forced_colours_make_a_terminal_of_a_pipe():
    assert "\x1b[1mname" in printed(io.StringIO(), force_terminal=True, style=color_style(force_color=True))
    assert "\x1b" not in printed(Terminal(), style=no_style())


def test_a_terminal_is_spared_empty_columns():
    stream = Terminal()
    Output(OutputWrapper(stream)).table(["name", "notes"], [["a", ""], ["b", ""]])
    assert stream.getvalue() == "name\na\nb\n"


def test_a_table_without_rows_has_its_heading():
    assert printed(Terminal(), rows=[]) == "name  backend\n"


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\nb", r"a\nb"),
        ("a\tb", r"a\tb"),
        ("a\u202eb", r"a\u202eb"),
        ("a\x9bb", r"a\x9bb"),
        ("a\ud800b", r"a\ud800b"),
        ("Zoë/日本語.txt", "Zoë/日本語.txt"),
    ],
)
def test_no_name_reaches_the_terminal_as_a_control_sequence(hostile, shown):
    assert visible(hostile) == shown
    for stream in (Terminal(), io.StringIO()):
        assert shown in printed(stream, rows=[[hostile, "media"]])


def test_a_line_is_one_line():
    stream = io.StringIO()
    Output(OutputWrapper(stream)).line("a\nb")
    assert stream.getvalue() == "a\\nb\n"


def test_json_is_ascii_and_reads_back():
    stream = io.StringIO()
    Output(OutputWrapper(stream)).json({"name": "Zoë\x1b"})
    assert stream.getvalue().isascii()
    assert json.loads(stream.getvalue()) == {"name": "Zoë\x1b"}
