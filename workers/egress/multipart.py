"""Writing a form with files as the body of a request."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import httpx2

from nodes.context import FilePart
from workers.egress.failures import BadUrl

_File = tuple[str | None, bytes] | tuple[str | None, bytes, str | None]


def multipart(parts: Sequence[tuple[str, str] | FilePart]) -> tuple[str, bytes]:
    """The content type and the body of a form, its parts in order; a pair is a text field. Names are sent as UTF-8."""
    files: list[tuple[str, _File]] = []
    for part in parts:
        if isinstance(part, FilePart):
            files.append((part.name, (part.filename or "file", part.content, part.content_type)))
        else:
            # Without a file name a part is a plain field, and keeps its place between the files.
            files.append((part[0], (None, part[1].encode())))
    if not files:  # httpx2 would send no form at all
        boundary = secrets.token_hex(16)
        return f"multipart/form-data; boundary={boundary}", f"--{boundary}--\r\n".encode()
    try:
        request = httpx2.Request("POST", "http://form.invalid/", files=files)
    except ValueError as error:
        raise BadUrl(f"The form cannot be sent: {error}") from error
    return request.headers["content-type"], request.read()
