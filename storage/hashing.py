"""What stands for words where an index has no room for them."""

from __future__ import annotations

import hashlib


def hashed(*words: str) -> str:
    """64 letters that other words do not have."""
    # The lengths keep apart what a separator, which a word may contain, would not.
    lengths = ",".join(str(len(word)) for word in words)
    return hashlib.sha256("\0".join((lengths, *words)).encode(errors="replace")).hexdigest()
