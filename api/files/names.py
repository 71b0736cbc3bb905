"""What a file is called: kept to be shown, and never a part of where it lies."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import quote

LONGEST: Final = 255
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Controls, marks without a shape (some turn the direction of writing), halves of characters, and what is none."""
_JOINERS: Final = frozenset("\u200c\u200d")
"""Words of some languages, and many emoji, are written with them."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9 ._()-]")


def clean_name(given: str) -> str:
    """The name without folders and without what cannot be seen, of at most 255 bytes; the ending stays."""
    name = unicodedata.normalize("NFC", given).replace("\\", "/").rpartition("/")[2]
    name = "".join(one for one in name if one in _JOINERS or unicodedata.category(one) not in _UNSEEN).strip()
    if not name.strip(". "):
        return "file"
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending.encode()) > 16:
        stem, dot, ending = name, "", ""
    return f"{_cut(stem, LONGEST - len((dot + ending).encode()))}{dot}{ending}"


def extension_of(name: str) -> str:
    """The ending, in lower case; empty when there is none."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def attachment(name: str) -> str:
    """The header that has a browser save a file under its name (RFC 6266), in whatever letters."""
    plain = "".join(one if _PLAIN.fullmatch(one) else "_" for one in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")
