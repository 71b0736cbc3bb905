"""The zip file that a .docx or .xlsx is: what its directory says is checked before anything in it is looked at."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from workers.coderunner.documents.extract import damaged, refused

ENTRIES: Final = 2_000
UNPACKED_BYTES: Final = 200_000_000
RATIO: Final = 100
SMALL_BYTES: Final = 4_000_000
"""What unpacks to less may be as empty as it likes: a table of a thousand empty rows is packed well."""
DIRECTORY_BYTES: Final = 2_000_000

_END: Final = struct.Struct("<4s4H2LH")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_CONTENT_TYPES: Final = "[Content_Types].xml"
_OVERRIDE: Final = re.compile(rb"<(?:[\w.-]+:)?Override\b[^>]*>")
_ATTRIBUTE: Final = re.compile(rb"(PartName|ContentType)\s*=\s*[\"']([^\"']*)[\"']")
_MACROS: Final = re.compile(rb"macroEnabled|vbaProject|vnd\.ms-office\.activeX", re.IGNORECASE)
_MACRO_PARTS: Final = re.compile(
    r"(?:^|/)(?:vbaProject|vbaData|xlm)\w*\.(?:bin|xml)$|(?:^|/)macrosheets/", re.IGNORECASE
)
_XML: Final = (".xml", ".rels", ".vml")
_CHUNK: Final = 256 * 1024
_DOCTYPE: Final = b"<!DOCTYPE"
_ENCODINGS: Final = (b"utf-8", b"utf-16", b"us-ascii", b"ascii")


@dataclass(frozen=True)
class Package:
    """A zip file that passed. `parts` are the names of its parts by their content types."""

    archive: zipfile.ZipFile
    parts: dict[str, list[str]]

    def read(self, name: str) -> Iterator[bytes]:
        """A part, piece by piece."""
        with self.archive.open(name) as part:
            while piece := part.read(_CHUNK):
                yield piece


def open_package(data: bytes) -> Package:
    """Check the directory, then every XML part for what it may not hold. Raises `TaskFailed`."""
    _check_end(data)
    try:
        archive = zipfile.ZipFile(BytesIO(data))
        entries = archive.infolist()
        _check_entries(entries)
        _check_places(data, entries, archive.start_dir)
        package = Package(archive, _parts(archive, entries))
        _check_contents(package, entries)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, struct.error, UnicodeDecodeError, ValueError) as error:
        raise damaged(f"it is no sound ZIP archive ({error})") from None
    return package


def _check_end(data: bytes) -> None:
    """One directory, at the very end, and nothing before the first entry: the file is this archive and nothing else."""
    at = data.rfind(b"PK\x05\x06", max(0, len(data) - _END.size - 0xFFFF))
    if at < 0 or at + _END.size > len(data):
        raise damaged("it is cut off")
    _, disk, first_disk, here, entries, size, offset, comment = _END.unpack_from(data, at)
    if at + _END.size + comment != len(data):
        raise refused("The file is refused: something follows the ZIP archive that it is.")
    if 0xFFFFFFFF in (size, offset) or 0xFFFF in (here, entries):
        raise refused(f"The file is refused: it has more than {ENTRIES:,} parts, or is written as if it had.")
    if disk or first_disk or here != entries or offset + size != at:
        raise refused("The file is refused: its ZIP archive does not say where its own directory is.")
    if entries > ENTRIES or size > DIRECTORY_BYTES:
        raise refused(f"The file is refused: it has more than {ENTRIES:,} parts.")


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > ENTRIES:
        raise refused(f"The file is refused: it has more than {ENTRIES:,} parts.")
    if len({entry.filename.casefold() for entry in entries}) != len(entries):
        raise refused("The file is refused: two of its parts have the same name.")
    packed = unpacked = 0
    for entry in entries:
        if entry.flag_bits & 0x1:
            raise refused("The file is refused: it is encrypted. Save it without a password.")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise refused("The file is refused: it is compressed in a way that office files are not.")
        if _MACRO_PARTS.search(entry.filename):
            raise refused("The file is refused: it holds macros. Save it as a document without macros.")
        if entry.file_size > SMALL_BYTES and entry.file_size > RATIO * max(1, entry.compress_size):
            raise refused(f"The file is refused: a part of it unpacks to more than {RATIO} times its size.")
        packed += entry.compress_size
        unpacked += entry.file_size
    if unpacked > UNPACKED_BYTES:
        raise refused(f"The file is refused: it unpacks to more than {UNPACKED_BYTES // 1_000_000} MB.")
    if unpacked > SMALL_BYTES and unpacked > RATIO * max(1, packed):
        raise refused(f"The file is refused: it unpacks to more than {RATIO} times its size.")


def _check_places(data: bytes, entries: list[zipfile.ZipInfo], directory: int) -> None:
    """No two parts share bytes: shared, a few megabytes would be gigabytes."""
    free = 0
    for entry in sorted(entries, key=lambda one: one.header_offset):
        signature, *_, name, extra = _LOCAL.unpack_from(data, entry.header_offset)
        if entry.header_offset < free or signature != b"PK\x03\x04":
            raise refused("The file is refused: parts of it overlap.")
        free = entry.header_offset + _LOCAL.size + name + extra + entry.compress_size
    if free > directory:
        raise refused("The file is refused: parts of it overlap.")


def _parts(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> dict[str, list[str]]:
    names = {entry.filename for entry in entries}
    if _CONTENT_TYPES not in names:
        raise refused("The file is a ZIP archive, but no office document.")
    listed = archive.read(_CONTENT_TYPES)
    if _MACROS.search(listed):
        raise refused("The file is refused: it holds macros. Save it as a document without macros.")
    parts: dict[str, list[str]] = {}
    for override in _OVERRIDE.findall(listed):
        told = {key: value.decode() for key, value in _ATTRIBUTE.findall(override)}
        name = told.get(b"PartName", "").lstrip("/")
        if name in names:
            parts.setdefault(told.get(b"ContentType", ""), []).append(name)
    return parts


def _check_contents(package: Package, entries: list[zipfile.ZipInfo]) -> None:
    """Unpack everything once, without keeping it: sizes and checksums hold, and no XML brings definitions along."""
    unpacked = 0
    for entry in entries:
        is_xml = entry.filename.lower().endswith(_XML)
        tail, first = b"", True
        for piece in package.read(entry.filename):
            unpacked += len(piece)
            if unpacked > UNPACKED_BYTES:
                raise refused(f"The file is refused: it unpacks to more than {UNPACKED_BYTES // 1_000_000} MB.")
            if is_xml:
                check_xml(tail + piece, first=first)
                tail, first = piece[-2 * len(_DOCTYPE) :], False


def check_xml(piece: bytes, *, first: bool) -> None:
    """Refuse a DOCTYPE, and encodings in which one could hide. `piece` is the first of a part, or a later one."""
    if first:
        start = piece.removeprefix(b"\xef\xbb\xbf").lstrip()
        if not start.startswith((b"<", b"\xff\xfe<\0", b"\xfe\xff\0<")):
            raise damaged("a part of it is no XML")
        head = start[:200].replace(b"\0", b"")
        if (named := re.search(rb"encoding\s*=\s*[\"']([^\"']*)", head)) and named[1].lower() not in _ENCODINGS:
            raise refused("The file is refused: its XML is in an encoding that office documents do not use.")
    if _DOCTYPE in piece.replace(b"\0", b"").upper():
        raise refused("The file is refused: its XML has a DOCTYPE, which no office document needs.")
