"""Methods that pass their call on; their signature and documentation are those of the interface."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

Method = TypeVar("Method", bound=Callable[..., Any])


def delegated(method: Method, by: Callable[..., Any]) -> Method:
    """Return a method like ``method``, whose work is ``by(self, "its name", *arguments)``."""

    @functools.wraps(method)
    def call(self: Any, *args: Any, **options: Any) -> Any:
        return by(self, method.__name__, *args, **options)

    return cast("Method", call)
