"""``RouterStorage``: match, delegate, answer in the caller's terms."""

from .explanation import Explanation, explained, signature
from .storage import RouterStorage

__all__ = ["Explanation", "RouterStorage", "explained", "signature"]
