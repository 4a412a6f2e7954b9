"""``RouterStorage``: match, delegate, answer in the caller's terms."""

from .storage import RouterStorage

__all__ = ["RouterStorage"]
