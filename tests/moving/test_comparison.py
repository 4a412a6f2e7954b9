"""M4: the comparison of two ordered streams."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage_router.moving.comparison import UnorderedError, compared, unique


@given(st.dictionaries(st.text(), st.integers()), st.dictionaries(st.text(), st.integers()))
def test_every_name_of_either_stream_comes_once_with_what_each_has(left, right):
    found = list(compared(sorted(left.items()), sorted(right.items())))
    assert [name for name, _, _ in found] == sorted({*left, *right})
    assert all((one, other) == (left.get(name), right.get(name)) for name, one, other in found)


@pytest.mark.parametrize("names", [["b", "a"], ["a", "a"], ["a", "B"], ["\U0001f600", "\uff5e"]])
def test_a_stream_that_is_not_in_order_is_an_error_and_not_a_wrong_answer(names):
    with pytest.raises(UnorderedError, match="not in the order of names"):
        list(compared([], [(name, 1) for name in names]))


def test_several_rows_of_one_name_count_once():
    assert list(unique([("a", 1), ("a", 2), ("b", 3)])) == [("a", 1), ("b", 3)]


def test_memory_does_not_grow_with_the_streams():
    def names(step):
        return ((f"{number:08d}", number) for number in range(0, 200_000, step))

    tracemalloc.start()
    count = sum(1 for _ in compared(names(1), names(2)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (count, peak < 100_000) == (200_000, True)
