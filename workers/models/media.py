"""What kind of picture, sound, film or file a part of a message is, where nobody has said it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from nodes.chat import MediaKind, MediaPart

_BEGINNINGS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
_IN_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS: Final = {
    b"M4A": "audio/mp4",
    b"qt ": "video/quicktime",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"avif": "image/avif",
}
_ENDINGS: Final = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "bmp": "image/bmp", "heic": "image/heic", "heif": "image/heif", "mp3": "audio/mpeg", "wav": "audio/wav",
    "m4a": "audio/mp4", "aac": "audio/aac", "flac": "audio/flac", "ogg": "audio/ogg", "mp4": "video/mp4",
    "mov": "video/quicktime", "webm": "video/webm", "avi": "video/x-msvideo", "pdf": "application/pdf",
    "txt": "text/plain", "md": "text/markdown", "csv": "text/csv", "html": "text/html", "json": "application/json",
    "xml": "application/xml",
}  # fmt: skip
_LIKELY: Final[Mapping[MediaKind, str]] = {
    "image": "image/jpeg",
    "audio": "audio/mpeg",
    "video": "video/mp4",
    "file": "application/octet-stream",
}
_TEXTS: Final = frozenset({"application/json", "application/xml", "application/yaml", "application/x-yaml"})


def mime_type_of(part: MediaPart) -> str:
    """What was said, else what the bytes begin with, else how the name ends, else what is likely."""
    said = part.mime_type.partition(";")[0].strip().lower()
    if said and said != "application/octet-stream":
        return "image/jpeg" if said == "image/jpg" else said
    return _by_bytes(part.data or b"") or _by_name(part.name) or _by_name(_path(part.url)) or _LIKELY[part.kind]


def is_text(mime_type: str) -> bool:
    """Whether a file of this type can be read to a model as text."""
    return mime_type.startswith("text/") or mime_type in _TEXTS


def _by_bytes(data: bytes) -> str:
    if data[:4] == b"RIFF":
        return _IN_RIFF.get(data[8:12], "")
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        return next((kind for mark, kind in _BRANDS.items() if brand.startswith(mark)), "video/mp4")
    return next((kind for mark, kind in _BEGINNINGS if data.startswith(mark)), "")


def _by_name(name: str) -> str:
    return _ENDINGS.get(name.rpartition(".")[2].lower(), "") if "." in name else ""


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""
