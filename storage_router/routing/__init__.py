"""From a name to a backend: ``RouteTable.match``, and what can be wrong with routes."""

from .glob import Glob
from .route import Match, Route, View
from .table import RouteTable

__all__ = ["Glob", "Match", "Route", "RouteTable", "View"]
