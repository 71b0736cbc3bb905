"""What kind of file it is: its name, its first bytes and, later, the reader have to agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from workers.coderunner.documents.extract import refused

Kind = Literal["pdf", "docx", "xlsx", "html", "md", "csv", "txt", "json"]

EXTENSIONS: Final[Mapping[str, Kind]] = {
    "pdf": "pdf",
    "docx": "docx",
    "xlsx": "xlsx",
    "html": "html",
    "htm": "html",
    "md": "md",
    "markdown": "md",
    "csv": "csv",
    "tsv": "csv",
    "txt": "txt",
    "text": "txt",
    "log": "txt",
    "json": "json",
}
_OFFICE: Final = ("docx", "xlsx")
_PDF, _ZIP, _OLE = "a PDF", "a ZIP archive", "an old Office file or one with a password"
_SIGNATURES: Final = (
    (b"%PDF-", _PDF),
    (b"PK\x03\x04", _ZIP),
    (b"PK\x05\x06", _ZIP),
    (b"PK\x07\x08", _ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OLE),
    (b"{\\rtf", "an RTF file"),
    (b"\x89PNG\r\n\x1a\n", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"BM", "an image"),
    (b"II*\x00", "an image"),
    (b"MM\x00*", "an image"),
    (b"\x1f\x8b", "a compressed file"),
    (b"BZh", "a compressed file"),
    (b"\xfd7zXZ\x00", "a compressed file"),
    (b"\x28\xb5\x2f\xfd", "a compressed file"),
    (b"7z\xbc\xaf\x27\x1c", "a compressed file"),
    (b"Rar!\x1a\x07", "a compressed file"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"%!PS", "a PostScript file"),
    (b"SQLite format 3\x00", "a database"),
    (b"OggS", "a sound or film"),
    (b"ID3", "a sound or film"),
    (b"RIFF", "a sound, film or image"),
)
# "BM" begins a text as well: an image says there how long it is.
_SHORT: Final = b"BM"


def kind_of(name: str, data: bytes) -> Kind:
    """The kind. Raises `TaskFailed` where the name tells none that is read, or the bytes tell another."""
    stem, dot, extension = name.rpartition(".")
    kind = EXTENSIONS.get(extension.strip().lower()) if dot and stem else None
    if kind is None:
        known = ", ".join(f".{one}" for one in EXTENSIONS)
        raise refused(f"The name does not say what kind of file it is: it must end in one of {known}.")
    if not data:
        raise refused("The file is empty.")
    found = _signature(data)
    match kind:
        case "pdf":
            fits = found == _PDF
        case "docx" | "xlsx":
            fits = found == _ZIP
        case _:
            fits = found is None
    if not fits:
        told = f"it is {found}" if found else f"it does not begin like a .{kind}"
        advice = f" Save it as .{kind} without a password." if kind in _OFFICE and found == _OLE else ""
        raise refused(f"The name says .{extension.lower()}, but {told}.{advice}")
    return kind


def _signature(data: bytes) -> str | None:
    for signature, found in _SIGNATURES:
        if data.startswith(signature):
            if signature == _SHORT and int.from_bytes(data[2:6], "little") != len(data):
                continue
            return found
    return None
