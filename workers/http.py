"""The outside as a node sees it: two calls of the egress client, and no way to its sockets."""

from __future__ import annotations

from collections.abc import Sequence

from engine.file_names import without_file_name
from nodes.context import FilePart, HttpReply
from workers.egress import EgressClient


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
