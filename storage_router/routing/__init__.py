"""From a name to a backend: ``RouteTable.match``, and what can be wrong with routes."""

from .problems import find_problems
from .route import Route
from .table import Match, RouteTable, View

__all__ = ["Match", "Route", "RouteTable", "View", "find_problems"]
