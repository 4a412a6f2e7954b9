"""From a name to a backend: ``RouteTable.match``, and what can be wrong with routes."""

from .glob import Glob
from .route import Route
from .table import Match, RouteTable, View

__all__ = ["Glob", "Match", "Route", "RouteTable", "View"]
