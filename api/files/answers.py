"""A file as it is handed out: as something to be saved, whatever is in it."""

from __future__ import annotations

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.files.names import attachment
from api.files.service import FileService
from storage.tables import FileRow

_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
HEADERS: Final = {
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, max-age=0, must-revalidate",
}


def answer_with(service: FileService, row: FileRow, request: Request) -> Response:
    """The file, or the one part of it that is asked for: 200, 206, 304 or 416."""
    etag = f'"{row.sha256[:32]}"'
    headers = {**HEADERS, "Content-Disposition": attachment(row.name), "ETag": etag}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    start, end, status = 0, row.size, 200
    asked = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if asked is not None and any(asked.groups()) and request.headers.get("if-range", etag) == etag:
        first, last = asked.groups()
        start = int(first) if first else max(0, row.size - int(last))
        end = min(row.size, int(last) + 1) if first and last else row.size
        if start >= end:
            return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{row.size}"})
        status = 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{row.size}"
    headers |= {"Content-Length": str(end - start), "Content-Type": row.mime_type}
    return StreamingResponse(service.content(row, start, end - start), status, headers)
