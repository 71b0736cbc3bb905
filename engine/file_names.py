"""The name of a file within its URL: whoever uploads a file puts it there, and nobody who fetches it should see it."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_plus, urlsplit

from pydantic import JsonValue

PARAMETER: Final = "x-wf-file_name"
FILE_FORMATS: Final = frozenset(
    {"file", "image", "doc", "code", "ppt", "txt", "excel", "audio", "zip", "video", "svg", "voice"}
)
"""The formats of texts that are URLs of files."""
KEEPS_FILE_NAME: Final[dict[str, JsonValue]] = {"x-keeps-file-name": True}
"""What the schema of an input says that wants the URL of a file with the name in it."""


def file_name_of(url: str) -> str:
    """The name that the URL carries, or an empty text."""
    for part in _query(url).split("&"):
        name, _, value = part.partition("=")
        if unquote_plus(name) == PARAMETER:
            return unquote_plus(value)
    return ""


def without_file_name(url: str) -> str:
    """The URL without it. The rest stays letter by letter: a signature may depend on it."""
    if PARAMETER not in url:
        return url
    query = _query(url)
    kept = [part for part in query.split("&") if unquote_plus(part.partition("=")[0]) != PARAMETER]
    if len(kept) == query.count("&") + 1:
        return url
    before, _, rest = url.partition("?")
    after = rest[len(query) :]
    return f"{before}?{'&'.join(kept)}{after}" if kept else f"{before}{after}"


def _query(url: str) -> str:
    if PARAMETER not in url:
        return ""
    try:
        return urlsplit(url.strip()).query
    except ValueError:
        return ""
