"""Uploaded files as runs read them: out of the blob store, by the links that we signed."""

from __future__ import annotations

from engine.errors import LimitExceeded
from storage.file_links import FileLinks
from storage.files import Files, blob_key, no_file
from storage.ports import Blobs
from storage.ports.files import OwnFile


class StoredFiles:
    """Implements `storage.ports.files.OwnFiles`."""

    def __init__(self, files: Files, links: FileLinks, blobs: Blobs) -> None:
        self._files = files
        self._links = links
        self._blobs = blobs

    def knows(self, org_id: str, url: str) -> bool:
        """See the port."""
        link = self._links.in_url(url)
        return link is not None and str(link.org_id) == org_id

    async def read(self, org_id: str, url: str, *, max_bytes: int) -> OwnFile:
        """See the port."""
        link = self._links.in_url(url)
        if link is None or str(link.org_id) != org_id:
            raise no_file(url.partition("?")[0].rpartition("/")[2])
        row = await self._files.of_organisation(link.org_id, link.file_id)
        if row.size > max_bytes:
            raise LimitExceeded(f"The file has {row.size} bytes, and {max_bytes} are taken.", limit=max_bytes)
        return OwnFile(await self._blobs.get(blob_key(row.org_id, row.id)), row.name, row.mime_type)
