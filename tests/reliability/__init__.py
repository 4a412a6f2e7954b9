"""F1 to F3: what the storages survive. Faults are made by a proxy in front of Azurite; nothing is mocked.

``SOAK`` (a number, 1 without it) multiplies examples, rounds and seeds: ``make soak`` sets it.
"""

from __future__ import annotations

import os

SOAK = int(os.environ.get("SOAK", "1"))
"""How many times the usual amount of work the tests shall do."""
