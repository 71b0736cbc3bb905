"""What every uploaded file has to pass: its ending, bytes and parts agree, and it is of a kind that is taken."""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

from api.errors import UnsupportedBody
from api.files.archives import TAIL, check_archive, ends_as_archive
from api.files.names import clean_name, extension_of
from api.files.types import REFUSED, TYPES, FileType, family_of, fits
from storage.files import FileFacts

MOST_PIXELS: Final = 50_000_000
_HEAD: Final = 4_096
_PIECE: Final = 256 * 1024
_NULS: Final = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_PAGE: Final = re.compile(rb"<(?:!doctype\s+html|html|script|svg|iframe)[\s>]", re.IGNORECASE)
_SVG: Final = re.compile(r"<svg[\s>]")
_DECLARED: Final = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_SIDE: Final = re.compile(r"\b(width|height)\s*=\s*[\"'](\d{1,6})(?:\.\d+)?(?:px)?[\"']")


def inspect(path: Path, given_name: str, allowed: Collection[str], size: int, sha256: str) -> FileFacts:
    """What a file is that has come in whole. It is read, never decoded and never unpacked. Runs in a thread.

    Raises `UnsupportedBody` with the reason.
    """
    name = clean_name(given_name)
    extension = extension_of(name)
    kind = TYPES.get(extension)
    if kind is None or extension not in allowed:
        shown = f".{extension[:16]}" if extension else "without an ending in their names"
        raise UnsupportedBody(f"Files {shown} are not taken here.", extension=extension[:16])
    if size == 0:
        raise UnsupportedBody("The file is empty.")
    with path.open("rb") as file:
        head = file.read(_HEAD)
        file.seek(max(0, size - TAIL))
        tail = file.read(TAIL)
    _check_beginning(head, tail, kind, extension)
    width = height = 0
    match kind.group:
        case "picture":
            width, height = _measure(path, extension)
        case "office" | "archive":
            check_archive(path, extension)
        case "text":
            _read_text(path, extension)
        case "markup":
            begins = _read_text(path, extension)
            if extension != "html" and extension != "htm" and _DECLARED.search(begins):
                raise UnsupportedBody("The file is refused: it declares entities or a document type.")
            if extension == "svg":
                width, height = _measure_svg(begins)
        case _:
            pass
    return FileFacts(size, name, extension, kind.mime_type, sha256, width, height)


def _check_beginning(head: bytes, tail: bytes, kind: FileType, extension: str) -> None:
    """The bytes are those of the ending, and of nothing else at the same time."""
    for magic, what in REFUSED:
        if head.startswith(magic) and not (magic == b"MZ" and kind.group == "text" and b"\x00" not in head):
            raise UnsupportedBody(f"The file is refused: it is {what}.")
    family = family_of(head)
    if kind.group in {"text", "markup"}:
        # What else is no text is found out by reading it.
        if family in {"pdf", "gif", "zip"}:
            raise _other(extension, family)
    elif not fits(kind, family):
        raise _other(extension, family)
    elif kind.family == "pdf" and b"%%EOF" not in tail[-2_048:]:
        raise UnsupportedBody("The file is refused: the PDF is cut off, or something follows it.")
    elif kind.family != "pdf" and b"%PDF-" in head[:1_024]:
        raise UnsupportedBody("The file is refused: it is a PDF as well.")
    elif kind.group in {"picture", "sound", "film"} and _PAGE.search(head):
        raise UnsupportedBody("The file is refused: it is a web page as well.")
    if kind.group not in {"office", "archive"} and ends_as_archive(tail):
        raise UnsupportedBody("The file is refused: it is a ZIP archive as well.")
    _ask_again(head, tail, kind)


def _ask_again(head: bytes, tail: bytes, kind: FileType) -> None:
    """A second opinion: what is known as a program by others is one, whatever our own table says."""
    # Imported when the first file comes: it reads its own table of a few hundred kinds.
    import puremagic

    if kind.group in {"text", "markup"}:
        return
    try:
        found = puremagic.magic_string(head, filename=None)
    except (puremagic.PureError, ValueError):
        return
    sure = [one for one in found if one.confidence >= 0.8]
    if sure and all(one.extension in _PROGRAMS for one in sure):
        raise UnsupportedBody("The file is refused: it is a program.")


_PROGRAMS: Final = frozenset({".exe", ".dll", ".elf", ".so", ".class", ".jar", ".msi", ".scr", ".com", ".lnk", ".chm"})


def _other(extension: str, family: str) -> UnsupportedBody:
    seen = f"it begins as .{family} does" if family else "its content is something else"
    return UnsupportedBody(f"The file is no .{extension}: {seen}.", extension=extension)


def _measure(path: Path, extension: str) -> tuple[int, int]:
    """Width and height, from the head of the picture alone."""
    import imagesize

    try:
        with path.open("rb") as file:
            width, height = imagesize.get(file)
    except Exception as error:
        # Whatever its readers trip over, the head is broken: they expect sound pictures, and here comes anything.
        raise UnsupportedBody(f"The file is no sound .{extension}.") from error
    if width < 1 or height < 1:
        raise UnsupportedBody(f"The file is no sound .{extension}: it does not say how large the picture is.")
    return _within(int(width), int(height))


def _measure_svg(text: str) -> tuple[int, int]:
    if (found := _SVG.search(text)) is None:
        raise UnsupportedBody("The file is no .svg: no drawing begins in it.")
    sides = {name: int(number) for name, number in _SIDE.findall(text[found.start() :].partition(">")[0])}
    return _within(sides.get("width", 0), sides.get("height", 0))


def _within(width: int, height: int) -> tuple[int, int]:
    if width * height > MOST_PIXELS:
        raise UnsupportedBody(f"The picture has more than {MOST_PIXELS // 1_000_000} million pixels.")
    return width, height


def _read_text(path: Path, extension: str) -> str:
    """Read a text through, and give how it begins. Raises `UnsupportedBody` when it is none."""
    with path.open("rb") as file:
        mark = file.read(4)
    encodings = ["utf-16"] if mark[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        if (begins := _decoded(path, encoding)) is not None:
            return begins
    raise UnsupportedBody(f"The file is no .{extension}: it is no text in UTF-8, UTF-16 or GB 18030.")


def _decoded(path: Path, encoding: str) -> str | None:
    decoder = codecs.getincrementaldecoder(encoding)()
    begins = ""
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                text = decoder.decode(piece)
                if _NULS.search(text):
                    return None
                begins = begins or text
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return begins
