"""Files that nodes read: fetched through the one way out, and read in the jail."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from typing import Any, Final, Protocol, cast
from urllib.parse import unquote, urlsplit

from engine.file_names import file_name_of, without_file_name
from engine.values import Json
from nodes.context import Http, HttpReply
from nodes.sandbox import CodeFailed, DocumentTask, Sandbox
from nodes.tools.http_reply import check_status, header

FILE_BYTES: Final = 20 * 1024 * 1024
FETCH_SECONDS: Final = 60.0

_EXTENSIONS: Final = {
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/xhtml+xml": "html",
    "text/html": "html",
    "text/markdown": "md",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "text/plain": "txt",
    "application/json": "json",
}
_KNOWN: Final = frozenset({*_EXTENSIONS.values(), "htm", "markdown", "text", "log"})
_OTHER: Final = frozenset({"doc", "xls", "ppt", "pptx", "docm", "xlsm", "rtf", "odt", "ods", "epub", "zip", "xml"})


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file, the name that says what kind it is, and where it came from."""

    data: bytes
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What was read out of a file."""

    text: str
    tables: list[list[list[Any]]]
    pages: int
    kind: str


class FileReader(Protocol):
    """Files as whoever is no node may have them read."""

    async def fetch(self, url: str, name: str = "") -> FetchedFile:
        """See `fetch_file`."""
        ...

    async def read(self, org_id: str, data: bytes, name: str) -> ReadFile:
        """See `read_file`."""
        ...


async def fetch_file(http: Http, url: str, name: str = "") -> FetchedFile:
    """Fetch a file of at most 20 MiB. Its name is the one given, the one in the URL, or what the server says."""
    said, url = file_name_of(url), without_file_name(url.strip())
    reply = await http.request("GET", url, timeout_seconds=FETCH_SECONDS, max_bytes=FILE_BYTES)
    check_status("GET", url, reply)
    return FetchedFile(reply.body, name.strip() or said.strip() or _name(reply, url), url)


async def read_file(sandbox: Sandbox, org_id: str, data: bytes, name: str) -> ReadFile:
    """Read a file in the jail. Raises `CodeFailed` in words about a document."""
    try:
        done = await sandbox.run(org_id, DocumentTask(data, name))
    except CodeFailed as failed:
        raise _told(failed, name) from failed
    value = cast("dict[str, Any]", done.value)
    return ReadFile(text=value["text"], tables=value["tables"], pages=value["pages"], kind=value["kind"])


def _name(reply: HttpReply, url: str) -> str:
    """The name that the server gives the file, or the URL; the content type tells the ending where that is no help."""
    told = Message()
    told["content-disposition"] = header(reply, "content-disposition").replace("\n", " ").replace("\r", " ")
    path = unquote(urlsplit(reply.url or url).path).rpartition("/")[2]
    for name in (told.get_filename() or "", path):
        if name.rpartition(".")[2].lower() in _KNOWN | _OTHER and "." in name:
            return name
    kind = header(reply, "content-type").partition(";")[0].strip().lower()
    return f"{path or 'document'}.{_EXTENSIONS[kind]}" if kind in _EXTENSIONS else path


def _told(failed: CodeFailed, name: str) -> CodeFailed:
    """The failure in words about a document, where the jail spoke of code."""
    facts: dict[str, Json] = {**failed.facts, "name": name}
    match failed.facts.get("reason"):
        case "timeout":
            return CodeFailed("The document takes longer to read than it may.", **facts)
        case "memory":
            return CodeFailed("The document takes more memory to read than it may.", **facts)
        case "crashed":
            return CodeFailed("The document broke what was to read it.", **facts)
        case _:
            return CodeFailed(failed.message, **facts)
