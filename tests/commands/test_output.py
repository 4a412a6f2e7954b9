"""Section 8: tables on a terminal, plain text in a pipe; other people's text cannot do anything to either."""

from __future__ import annotations

import builtins
import io
import json

import pytest
from django.core.management.base import OutputWrapper
from django.core.management.color import color_style, no_style

from storage_router.management.output import Output, visible

ROWS = [["a/b.txt", "media"], ["private/contract.pdf", ""]]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def printed(stream: io.StringIO, *, colour: bool | None = None, rows=ROWS, title: str = "") -> str:
    Output(OutputWrapper(stream), colour=colour).table(["name", "backend"], rows, title=title)
    return stream.getvalue()


@pytest.fixture
def without_rich(monkeypatch):
    real = builtins.__import__

    def imported(name, *arguments, **options):
        if name.partition(".")[0] == "rich":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", imported)


def test_a_pipe_gets_columns_between_tabs_and_nothing_else():
    text = printed(io.StringIO(), title="Routes")
    assert text == "name\tbackend\na/b.txt\tmedia\nprivate/contract.pdf\t\n"


def test_a_terminal_gets_a_table_with_a_title(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    text = printed(Terminal(), colour=False, title="Routes")
    assert text.splitlines()[:2] == ["", "Routes"]
    assert "─" in text
    assert "a/b.txt" in text


def test_without_rich_a_terminal_gets_aligned_columns(without_rich):
    assert printed(Terminal()) == ("name                  backend\na/b.txt               media\nprivate/contract.pdf\n")


def test_a_narrow_terminal_folds_long_values_and_loses_nothing(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    text = printed(Terminal(), colour=False, rows=[["x" * 100, "media"]])
    assert text.count("x") == 100


def finding(stream: io.StringIO, status: str = "failed", **options) -> str:
    Output(OutputWrapper(stream), **options).finding("media", "write", status, "It did not work.", "Try again.")
    return stream.getvalue()


def test_a_finding_in_a_pipe_is_one_line():
    assert finding(io.StringIO()) == "media\twrite\tfailed\tIt did not work.\tTry again.\n"


def test_a_finding_on_a_terminal_has_its_hint_below_it():
    assert finding(Terminal()) == (
        "  failed   write           It did not work.\n                           Try again.\n"
    )


def test_a_status_has_its_colour_where_colours_are_wanted():
    style = color_style(force_color=True)
    assert "\x1b[31;1mfailed" in finding(Terminal(), style=style)
    assert "\x1b[32;1mok" in finding(Terminal(), status="ok", style=style)
    assert "\x1b" not in finding(Terminal(), status="skipped", style=style)
    assert "\x1b" not in finding(Terminal(), style=no_style())


def test_forced_colours_make_a_terminal_of_a_pipe_and_no_colours_are_none(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[" in printed(io.StringIO(), colour=True)
    assert "\x1b[3" not in printed(Terminal(), colour=False)
    assert "\x1b" not in printed(io.StringIO())


def test_a_terminal_is_spared_empty_columns_and_rows_can_stand_back(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = Terminal()
    Output(OutputWrapper(stream)).table(["name", "notes"], [["a", ""], ["b", ""]], faint={1})
    assert "notes" not in stream.getvalue()
    assert "\x1b[2mb" in stream.getvalue()


def test_a_table_without_rows_has_its_heading():
    assert "backend" in printed(Terminal(), rows=[])


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\nb", r"a\nb"),
        ("a\tb", r"a\tb"),
        ("a\u202eb", r"a\u202eb"),
        ("a\x9bb", r"a\x9bb"),
        ("a\ud800b", r"a\ud800b"),
        ("[bold red]a[/]", "[bold red]a[/]"),
        ("Zoë/日本語.txt", "Zoë/日本語.txt"),
    ],
)
def test_no_name_reaches_the_terminal_as_a_control_sequence_or_as_markup(hostile, shown, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert visible(hostile) == shown
    for stream in (Terminal(), io.StringIO()):
        assert shown in printed(stream, colour=None if stream.isatty() else False, rows=[[hostile, "media"]])


def test_a_line_is_one_line():
    stream = io.StringIO()
    Output(OutputWrapper(stream)).line("a\nb")
    assert stream.getvalue() == "a\\nb\n"


def test_json_is_ascii_and_reads_back():
    stream = io.StringIO()
    Output(OutputWrapper(stream)).json({"name": "Zoë\x1b"})
    assert stream.getvalue().isascii()
    assert json.loads(stream.getvalue()) == {"name": "Zoë\x1b"}
