"""How many examples a property is tried with: all of them in ``make test``, a quarter in ``make test-fast``."""

from __future__ import annotations

from hypothesis import settings

# Of hypothesis; the profiles in tests/conftest.py say what there is in place of it.
_DEFAULT = 100


def examples(number: int) -> settings:
    """Return settings for ``number`` examples in ``make test``."""
    return settings(max_examples=number * settings().max_examples // _DEFAULT)
