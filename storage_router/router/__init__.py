"""``RouterStorage``: match, delegate, answer in the caller's terms."""

from .explanation import Explanation
from .storage import RouterStorage

__all__ = ["Explanation", "RouterStorage"]
