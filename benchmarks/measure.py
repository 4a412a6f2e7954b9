"""One measurement in a process of its own: ``measure.py MODULE.FUNCTION CONTENDER [ENDPOINT]`` prints a JSON object."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(1, str(Path(__file__).resolve().parent.parent))
    work, contender, *endpoint = sys.argv[1:]
    module, _, function = work.partition(".")
    print(json.dumps(getattr(import_module(f"work.{module}"), function)(contender, "".join(endpoint))))
