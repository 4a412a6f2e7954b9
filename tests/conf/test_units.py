"""C10: sizes and durations may be written for people."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from storage_router.conf.units import Duration, size_within

DURATION = TypeAdapter(Duration)
SIZE = TypeAdapter(Annotated[int, size_within(0)])


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (300, 300),
        (300.0, 300),
        ("300", 300),
        (" 300 ", 300),
        ("90s", 90),
        ("5m", 300),
        ("5 m", 300),
        ("1h", 3600),
        ("7d", 604800),
        ("2w", 1209600),
        ("7D", 604800),
        (dt.timedelta(minutes=5), 300),
    ],
)
def test_a_duration_is_read_as_seconds(written, seconds):
    assert DURATION.validate_python(written) == seconds


@pytest.mark.parametrize(
    ("written", "size"),
    [
        (65536, 65536),
        ("65536", 65536),
        ("10b", 10),
        ("64KiB", 65536),
        ("64 kib", 65536),
        ("64MiB", 64 * 1024**2),
        ("2MB", 2_000_000),
        ("1GiB", 1024**3),
        ("1TiB", 1024**4),
    ],
)
def test_a_size_is_read_as_bytes(written, size):
    assert SIZE.validate_python(written) == size


@pytest.mark.parametrize(
    "written", ["", "5 parsecs", "m5", "-5m", "1.5s", "1e3", "1.5h", "1h30m", True, 1.5, float("nan"), [], None, "5MiB"]
)
def test_what_is_no_duration_is_refused_with_examples(written):
    with pytest.raises(ValidationError, match="not a duration") as caught:
        DURATION.validate_python(written)
    assert caught.value.errors()[0]["ctx"]["hint"].startswith("Write seconds as a number, or a string such as '90s'")


@pytest.mark.parametrize("written", ["", "64 Mi", "64XB", "-1KB", "0.3b", "1.5GB", True, 1.5, float("inf"), [], "5m"])
def test_what_is_no_size_is_refused_with_examples(written):
    with pytest.raises(ValidationError, match="not a size") as caught:
        SIZE.validate_python(written)
    assert "'64MiB'" in caught.value.errors()[0]["ctx"]["hint"]


@given(st.one_of(st.text(), st.floats(), st.integers(), st.binary(), st.from_regex(r"[0-9. ]*[smhdwkKMiBb ]*")))
def test_any_input_is_a_number_or_a_validation_error(written):
    """F3: no input makes another exception."""
    for adapter in (DURATION, SIZE):
        try:
            value = adapter.validate_python(written)
        except ValidationError:
            continue
        assert type(value) is int
