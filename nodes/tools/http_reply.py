"""The reply to a request: its status as an error that knows whether trying again may help, its body as text."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from engine.errors import NodeFailed, NodeUnavailable
from engine.values import Json
from nodes.context import HttpReply

PREVIEW: Final = 500
TEXT_CODECS: Final = frozenset(
    {
        "ascii", "big5", "big5hkscs", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257",
        "cp1258", "cp866", "cp874", "cp932", "cp949", "euc_jp", "euc_kr", "gb18030", "gb2312", "gbk", "iso2022_jp",
        "iso8859-1", "iso8859-15", "iso8859-2", "iso8859-5", "iso8859-7", "iso8859-9", "koi8-r", "koi8-u", "shift_jis",
        "utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-8", "utf-8-sig",
    }
)  # fmt: skip
"""What a server may call the charset of a text; Python's other codecs are none, or slow enough to do harm."""
WIDER: Final = {
    "ascii": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "cp1252",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
}
"""What is sent under these names is really this, as browsers found out."""


def check_status(method: str, url: str, reply: HttpReply, *, for_good: bool = False) -> None:
    """Raise what a status of 400 and above means: `NodeUnavailable` for 429 and 5xx unless it is `for_good`,
    `NodeFailed` for the rest.
    """
    if reply.status < 400:
        return
    place = without_secrets(url)
    facts: dict[str, Json] = {"status": reply.status, "url": place, "body": decode_body(reply)[:PREVIEW]}
    sentence = f"{method} {place} was answered with the status {reply.status}."
    if for_good or (reply.status != 429 and reply.status < 500):
        raise NodeFailed(sentence, **facts)
    if (wait := retry_after(header(reply, "retry-after"), datetime.now(UTC))) is not None:
        facts["retry_after"] = wait
    raise NodeUnavailable(sentence, **facts)


def without_secrets(url: str) -> str:
    """A URL as it may stand in a sentence: query and user are where people put keys."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    except ValueError:
        return "The URL"


def header(reply: HttpReply, name: str) -> str:
    """The last header of that name, or an empty text."""
    return dict(reply.headers).get(name, "")


def retry_after(value: str, now: datetime) -> float | None:
    """The seconds that a Retry-After header asks for, be it a number or a date; None when it says neither."""
    value = value.strip()
    if value.isascii() and value.isdecimal() and len(value) <= 9:
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def decode_body(reply: HttpReply, warn: Callable[[str], None] | None = None) -> str:
    """The body as text: by its byte order mark, the charset it names, or UTF-8; what cannot be read becomes U+FFFD."""
    body = reply.body
    if body.startswith(codecs.BOM_UTF8):
        return body.decode("utf-8-sig", "replace")
    named = charset(header(reply, "content-type"))
    for codec in (named, "utf-8"):
        if codec:
            try:
                return body.decode(codec)
            except UnicodeDecodeError:
                continue
    if warn is not None:
        warn(f"The body is not text in {named or 'utf-8'}: what could not be read is shown as U+FFFD.")
    return body.decode(named or "utf-8", "replace")


def charset(content_type: str) -> str:
    """The codec of a Content-Type header, or an empty text when it names none that we know."""
    message = Message()
    message["content-type"] = content_type.replace("\n", " ").replace("\r", " ")
    try:
        name = codecs.lookup(str(message.get_content_charset() or "")).name
    except (LookupError, ValueError):
        return ""
    return WIDER.get(name, name) if name in TEXT_CODECS else ""
