"""ZIP archives and office files, judged by their directory alone: nothing in them is unpacked but a short list."""

from __future__ import annotations

import re
import struct
import zipfile
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

from api.errors import UnsupportedBody

_ENTRIES: Final = 2_000
_UNPACKED_BYTES: Final = 200_000_000
_RATIO: Final = 100
_SMALL_BYTES: Final = 4_000_000
"""What unpacks to less may be as empty as it likes."""
_DIRECTORY_BYTES: Final = 2_000_000
_LIST_BYTES: Final = 1_000_000
_END: Final = struct.Struct("<4s4H2LH")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_CONTENT_TYPES: Final = "[Content_Types].xml"
_MAIN: Final = {"docx": "word/document.xml", "xlsx": "xl/workbook.xml", "pptx": "ppt/presentation.xml"}
_MACROS: Final = re.compile(rb"macroEnabled|vbaProject|vnd\.ms-office\.activeX|<!DOCTYPE|<!ENTITY", re.IGNORECASE)
_MACRO_PARTS: Final = re.compile(r"(?:^|/)(?:vbaProject|vbaData|xlm)\w*\.(?:bin|xml)$|(?:^|/)macrosheets/", re.I)
TAIL: Final = _END.size + 0xFFFF


def ends_as_archive(tail: bytes) -> bool:
    """Whether the last bytes of a file are the directory of a ZIP archive: whatever else it seems to be."""
    at = tail.rfind(b"PK\x05\x06")
    return at >= 0 and len(tail) - at >= _END.size and b"PK\x01\x02" in tail[:at]


def check_archive(path: Path, extension: str) -> None:
    """Raises `UnsupportedBody` for a bomb, for a secret, for macros, and for what only looks like an archive."""
    with path.open("rb") as file:
        _check_end(file, path.stat().st_size, office=extension in _MAIN)
        try:
            with zipfile.ZipFile(file) as archive:
                entries = archive.infolist()
                _check_entries(entries)
                _check_places(file, entries, archive.start_dir)
                if extension in _MAIN:
                    _check_office(archive, {entry.filename for entry in entries}, extension)
        except (zipfile.BadZipFile, EOFError, NotImplementedError, struct.error, ValueError, OSError) as error:
            raise UnsupportedBody(f"The file is no sound ZIP archive: {str(error)[:200]}.") from error


def _check_end(file: BinaryIO, size: int, *, office: bool) -> None:
    file.seek(max(0, size - TAIL))
    tail = file.read(TAIL)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        _refuse("its archive is cut off")
    _, disk, first_disk, here, entries, length, offset, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail) or (office and comment):
        _refuse("something follows the archive that it is")
    if 0xFFFFFFFF in (length, offset) or entries > _ENTRIES or length > _DIRECTORY_BYTES:
        _refuse(f"it has more than {_ENTRIES:,} parts")
    where = max(0, size - len(tail)) + at
    if disk or first_disk or here != entries or offset + length != where:
        _refuse("its archive does not say where its own directory is")


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    packed = unpacked = 0
    for entry in entries:
        if entry.flag_bits & 0x1:
            _refuse("it is encrypted")
        if entry.file_size > _SMALL_BYTES and entry.file_size > _RATIO * max(1, entry.compress_size):
            _refuse(f"a part of it unpacks to more than {_RATIO} times its size")
        packed += entry.compress_size
        unpacked += entry.file_size
    if unpacked > _UNPACKED_BYTES:
        _refuse(f"it unpacks to more than {_UNPACKED_BYTES // 1_000_000} MB")
    if unpacked > _SMALL_BYTES and unpacked > _RATIO * max(1, packed):
        _refuse(f"it unpacks to more than {_RATIO} times its size")


def _check_places(file: BinaryIO, entries: list[zipfile.ZipInfo], directory: int) -> None:
    """No two parts share bytes, and nothing stands before the first."""
    free = 0
    for entry in sorted(entries, key=lambda one: one.header_offset):
        if entry.header_offset < free or (not free and entry.header_offset):
            _refuse("parts of it overlap, or something stands before them")
        file.seek(entry.header_offset)
        signature, *_, name, extra = _LOCAL.unpack(file.read(_LOCAL.size))
        if signature != b"PK\x03\x04":
            _refuse("its directory does not fit its parts")
        free = entry.header_offset + _LOCAL.size + name + extra + entry.compress_size
    if free > directory:
        _refuse("parts of it overlap")


def _check_office(archive: zipfile.ZipFile, names: set[str], extension: str) -> None:
    if _CONTENT_TYPES not in names or _MAIN[extension] not in names:
        _refuse(f"it is no .{extension}")
    with archive.open(_CONTENT_TYPES) as part:
        listed = part.read(_LIST_BYTES)
    if _MACROS.search(listed) or any(_MACRO_PARTS.search(name) for name in names):
        _refuse("it holds macros")


def _refuse(why: str) -> NoReturn:
    raise UnsupportedBody(f"The file is refused: {why}.")
