"""The body of a request: what an author says of it, as bytes and a content type."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal
from urllib.parse import quote, unquote, urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, model_validator

from engine.errors import InvalidInput, LimitExceeded, NodeFailed
from engine.file_names import file_name_of
from engine.json_text import read_json, write_json
from engine.templates import to_text
from nodes.context import FilePart, Http
from nodes.reading import read_inputs
from nodes.tools.http_reply import check_status, header, without_secrets

BodyType = Literal["none", "json", "raw_text", "form_data", "form_urlencoded", "binary"]
FILE_BYTES: Final = 20 * 1024 * 1024
"""For all files of a request together."""
FILE_SECONDS: Final = 20.0


class FormField(BaseModel):
    """One field of a form: a value, or a file that is fetched from a URL."""

    model_config = ConfigDict(extra="forbid")

    name: str
    value: Any = None
    file_url: str | None = None
    filename: str = ""
    content_type: str = ""

    @model_validator(mode="after")
    def _one_of_both(self) -> FormField:
        if self.file_url is not None and self.value is not None:
            raise ValueError("a field has a value or a file_url, not both.")
        return self


class _Form(BaseModel):
    body: list[FormField]


async def make_body(kind: BodyType, body: Any, http: Http) -> tuple[str, bytes] | None:
    """The content type and the bytes; None where nothing is sent. Raises `InvalidInput` when `body` does not fit."""
    match kind:
        case "none":
            return None
        case "json":
            return "application/json", _json(body)
        case "raw_text":
            return "text/plain; charset=utf-8", to_text(body).encode()
        case "form_urlencoded":
            return "application/x-www-form-urlencoded", _urlencoded(_fields(body))
        case "form_data":
            return await _form_data(_fields(body), http)
        case "binary":
            if not isinstance(body, str) or not body:
                raise InvalidInput(
                    "With the body_type binary, body is the URL of a file that is fetched and sent.", field="body"
                )
            return "application/octet-stream", (await _Files(http).fetch(body)).content


def text_pairs(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and values as texts. A list repeats its name; null is left out, as the source of the value did not run."""
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                yield name, to_text(one)


def _json(body: Any) -> bytes:
    if body is None:
        raise InvalidInput("With the body_type json, body is missing: a value, or a JSON text.", field="body")
    if not isinstance(body, str):
        return write_json(body).encode()
    try:
        read_json(body)
    except InvalidInput as error:
        raise InvalidInput(
            f"The body is sent as JSON, so a text must be JSON itself. {error.message}", field="body"
        ) from error
    return body.encode()


def _fields(body: Any) -> list[FormField]:
    """The fields of a form: a list of fields, or an object with their values."""
    if isinstance(body, dict):
        return [FormField(name=str(name), value=value) for name, value in body.items()]
    return read_inputs(_Form, {"body": [] if body is None else body}).body


def _urlencoded(fields: list[FormField]) -> bytes:
    if files := [field.name for field in fields if field.file_url is not None]:
        raise InvalidInput(f"The field {files[0]} is a file, which needs the body_type form_data.", field="body")
    return urlencode(
        [pair for field in fields for pair in text_pairs({field.name: field.value})], quote_via=quote
    ).encode()


async def _form_data(fields: list[FormField], http: Http) -> tuple[str, bytes]:
    files = _Files(http)
    parts: list[tuple[str, str] | FilePart] = []
    for field in fields:
        if field.file_url is None:
            parts.extend(text_pairs({field.name: field.value}))
        else:
            parts.append(await files.fetch(field.file_url, field))
    return http.multipart(parts)


class _Files:
    """Fetches the files of one request, and counts their bytes."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._left = FILE_BYTES

    async def fetch(self, url: str, field: FormField | None = None) -> FilePart:
        reply = await self._http.request("GET", url, timeout_seconds=FILE_SECONDS, max_bytes=FILE_BYTES)
        check_status("GET", url, reply)
        if reply.status != 200:
            place = without_secrets(url)
            raise NodeFailed(
                f"The file at {place} was answered with the status {reply.status} instead of 200.",
                status=reply.status,
                url=place,
            )
        self._left -= len(reply.body)
        if self._left < 0:
            raise LimitExceeded(
                f"The files of a request may have {FILE_BYTES // 1024**2} MiB together; these have more.",
                limit=FILE_BYTES,
            )
        name = field.name if field is not None else "file"
        own = field.filename if field is not None else ""
        filename = own or file_name_of(url) or unquote(urlsplit(url).path.rpartition("/")[2]) or name
        told = (field.content_type if field is not None else "") or header(reply, "content-type")
        guessed = mimetypes.guess_type(filename)[0] or "application/octet-stream"
        return FilePart(name=name, filename=filename, content=reply.body, content_type=told or guessed)
