"""The modes of ``open()``, read as Python's own ``open()`` reads them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One mode: ``verb`` is one of ``r``, ``w``, ``x`` and ``a``; ``updating`` stands for ``+``, ``text`` for ``t``
    or no ``b``.

    Unlike with ``open()``, ``r`` alone is text and everything that names ``b`` is bytes, so ``r`` and ``rt`` are
    equal.
    """

    verb: str
    text: bool
    updating: bool

    @classmethod
    def parse(cls, mode: str) -> Mode:
        """Return the mode that ``mode`` spells. Raises ``ValueError`` in the words of Python's ``open()``."""
        letters = set(mode)
        if letters - set("rwxabt+") or len(letters) != len(mode):
            raise ValueError(f"invalid mode: {mode!r}")
        if {"b", "t"} <= letters:
            raise ValueError("can't have text and binary mode at once")
        verbs = letters & set("rwxa")
        if len(verbs) != 1:
            raise ValueError("must have exactly one of create/read/write/append mode")
        return cls(verb=verbs.pop(), text="b" not in letters, updating="+" in letters)

    @property
    def readable(self) -> bool:
        """Whether a file of this mode can be read."""
        return self.verb == "r" or self.updating

    @property
    def writable(self) -> bool:
        """Whether a file of this mode can be written."""
        return self.verb != "r" or self.updating

    def __str__(self) -> str:
        return f"{self.verb}{'' if self.text else 'b'}{'+' if self.updating else ''}"
