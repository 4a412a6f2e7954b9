"""What code gives: ``OPTIONS``, ``storages(config=…)``, the Django setting ``STORAGE_ROUTER``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage_router.conf.layers import Layer
from storage_router.conf.problems import Location, problem

CODE, SETTING = "code", "Django setting"


def read(source: str, given: Any, name: str) -> Layer:
    """Return the layer of a mapping; ``name`` is what messages call it."""

    def place(location: Location) -> str:
        return name + "".join([f"[{part}]" if isinstance(part, int) else f'["{part}"]' for part in location])

    if isinstance(given, Mapping):
        return Layer(source=source, tree=given, place=place)
    message = f"the value ({type(given).__name__}) is not a configuration"
    wrong = problem("E003", name, message, "Give a dict with backends, routes, default.")
    return Layer(source=source, tree={}, place=place, problems=[wrong])


def setting() -> Any:
    """Return the setting ``STORAGE_ROUTER``, or None.

    While settings.py is being imported there are no settings yet, and asking for one would import it again.
    """
    from django.conf import settings

    return getattr(settings, "STORAGE_ROUTER", None) if settings.configured else None
