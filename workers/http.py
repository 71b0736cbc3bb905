"""The outside as a node sees it: two calls of the egress client, and no way to its sockets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from engine.file_names import without_file_name
from nodes.context import FilePart, Http, HttpReply
from storage.ports.files import OwnFiles
from workers.egress import EgressClient

_LARGEST: Final = 64 * 1024 * 1024


class NodeHttp:
    """Implements `nodes.context.Http`."""

    def __init__(self, egress: EgressClient) -> None:
        self._egress = egress

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        params: Sequence[tuple[str, str]] = (),
        content: bytes | None = None,
        timeout_seconds: float = 60.0,
        max_bytes: int | None = None,
    ) -> HttpReply:
        """Call a URL and read the whole answer, whatever its status; redirects are followed.

        The name of a file in the URL stays here: who serves the file may sign its URL.
        """
        return await self._egress.request(
            method,
            without_file_name(url),
            headers=headers,
            params=params,
            content=content,
            timeout_seconds=timeout_seconds,
            max_bytes=max_bytes,
        )

    def multipart(self, parts: Sequence[tuple[str, str] | FilePart]) -> tuple[str, bytes]:
        """The content type and the body of a form; a pair is a text field."""
        return self._egress.multipart(parts)


class HttpWithFiles:
    """Implements `nodes.context.Http` for runs of one organisation: its own uploaded files are read here.

    Nothing goes out for them: the guard of the egress client would not let anybody call this very server.
    """

    def __init__(self, outside: Http, files: OwnFiles, org_id: str) -> None:
        self._outside = outside
        self._files = files
        self._org_id = org_id

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        params: Sequence[tuple[str, str]] = (),
        content: bytes | None = None,
        timeout_seconds: float = 60.0,
        max_bytes: int | None = None,
    ) -> HttpReply:
        """See `NodeHttp.request`."""
        if method.upper() == "GET" and self._files.knows(self._org_id, url):
            most = _LARGEST if max_bytes is None else max_bytes
            file = await self._files.read(self._org_id, url, max_bytes=most)
            told = f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"
            return HttpReply(200, (("content-type", file.mime_type), ("content-disposition", told)), file.data, url)
        return await self._outside.request(
            method,
            url,
            headers=headers,
            params=params,
            content=content,
            timeout_seconds=timeout_seconds,
            max_bytes=max_bytes,
        )

    def multipart(self, parts: Sequence[tuple[str, str] | FilePart]) -> tuple[str, bytes]:
        """See `NodeHttp.multipart`."""
        return self._outside.multipart(parts)
