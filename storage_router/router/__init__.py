"""``RouterStorage``: match, delegate, answer in the caller's terms."""

from .explanation import Explanation
from .reference import BackendReference, backend
from .storage import RouterStorage

__all__ = ["BackendReference", "Explanation", "RouterStorage", "backend"]
