"""Forms with files (multipart/form-data), read whole: their size was bounded before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Final

from api.errors import MalformedBody, UnsupportedBody

_MOST_PARTS: Final = 50
LONGEST_HEAD: Final = 8_000
_LONGEST_FIELD: Final = 100_000
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Controls, and marks that turn the direction of writing: with them `gpj.exe` reads `exe.jpg`."""


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file in a form."""

    filename: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """The parts of a form by their names; of several of one name the last."""

    files: Mapping[str, SentFile]
    fields: Mapping[str, str]


def read_form(content_type: str, body: bytes) -> Form:
    """The form. Raises `UnsupportedBody` for what says it is none, `MalformedBody` for what is none."""
    boundary = boundary_of(content_type)
    # Every part begins behind a boundary on a line of its own; the first boundary need not follow one.
    preamble, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if not parts or not parts[-1].startswith(b"--") or preamble.strip():
        raise MalformedBody("The form is not whole: it does not begin and end with its boundary.")
    if len(parts) > _MOST_PARTS:
        raise MalformedBody(f"A form has at most {_MOST_PARTS} parts.")
    files: dict[str, SentFile] = {}
    fields: dict[str, str] = {}
    for part in parts[:-1]:
        name, filename, data = _part(part)
        if filename is not None:
            files[name] = SentFile(filename, data)
        elif len(data) > _LONGEST_FIELD:
            raise MalformedBody(f"The field {name[:100]!r} of the form is longer than {_LONGEST_FIELD} bytes.")
        else:
            fields[name] = _text(data, name)
    return Form(files, fields)


def boundary_of(content_type: str) -> bytes:
    """What stands between the parts. Raises `UnsupportedBody` for what says it is no form, `MalformedBody`."""
    said = _header("content-type", content_type)
    boundary = str(said.get_param("boundary", "", header="content-type"))
    if said.get_content_type() != "multipart/form-data":
        raise UnsupportedBody("Send a form with a file: Content-Type: multipart/form-data.")
    if not 1 <= len(boundary) <= 70 or not boundary.isascii():
        raise MalformedBody("The Content-Type of the form names no boundary.")
    return boundary.encode()


def _part(part: bytes) -> tuple[str, str | None, bytes]:
    head, found, data = part.partition(b"\r\n\r\n")
    if not found:
        raise MalformedBody("A part of the form has no head that can be read.")
    return *read_head(head), data


def read_head(head: bytes) -> tuple[str, str | None]:
    """What a part is called, and its file: what stands between its boundary and its content."""
    # What stands behind a boundary on its line is blanks.
    lines = head.split(b"\r\n")
    if lines[0].strip(b" \t") or len(head) > LONGEST_HEAD:
        raise MalformedBody("A part of the form has no head that can be read.")
    for line in lines[1:]:
        name, _, value = _text(line, "its head").partition(":")
        if name.strip().lower() == "content-disposition":
            said = _header("content-disposition", value.strip())
            field = said.get_param("name", None, header="content-disposition")
            if said.get_content_disposition() == "form-data" and isinstance(field, str):
                return field, _filename(said)
    raise MalformedBody("A part of the form does not say what it is called.")


def _filename(said: Message) -> str | None:
    """The name without the folders that a browser may tell, and without what would show it as another."""
    name = said.get_filename()
    return None if name is None else _UNSEEN.sub("", name.replace("\\", "/").rpartition("/")[2])


def _header(name: str, value: str) -> Message:
    message = Message()
    message[name] = value.replace("\r", " ").replace("\n", " ")
    return message


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise MalformedBody(f"{name[:100]} in the form is not UTF-8.") from error
