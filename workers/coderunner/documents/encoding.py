"""Bytes as text: UTF-8, UTF-16, UTF-32 and GB 18030, which holds GBK and GB 2312."""

from __future__ import annotations

import re
from typing import Final

from workers.coderunner.documents.extract import refused

_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_CONTROL: Final = re.compile(r"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")
_SEEN: Final = 64 * 1024


def decode(data: bytes, named: str = "") -> str:
    """The text; `named` is the encoding that it claims to be in. Raises `TaskFailed` for what is no text."""
    for codec in _codecs(data, named):
        try:
            text = data.decode(codec)
        except (UnicodeDecodeError, LookupError):
            continue
        _check(text)
        return text
    raise refused("The file is no text in UTF-8, UTF-16 or GB 18030.")


def _codecs(data: bytes, named: str) -> list[str]:
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return [codec]
    if b"\0" in data[:_SEEN]:
        return _wide(data)
    gb = named.lower().replace("-", "").replace("_", "") in ("gbk", "gb2312", "gb18030", "cp936")
    return ["gb18030", "utf-8"] if gb else ["utf-8", "gb18030"]


def _wide(data: bytes) -> list[str]:
    """UTF-16 without a mark: of plain letters one half is zero."""
    seen = data[:_SEEN]
    first, second = seen[::2].count(0), seen[1::2].count(0)
    if len(data) % 2 or not (first or second) or min(first, second) * 10 > max(first, second):
        return []
    return ["utf-16-le" if second > first else "utf-16-be"]


def _check(text: str) -> None:
    if "\0" in text:
        raise refused("The file is no text: it holds NUL characters.")
    if len(_CONTROL.findall(text[:_SEEN])) * 50 > len(text[:_SEEN]):
        raise refused("The file is no text: it is full of control characters.")
