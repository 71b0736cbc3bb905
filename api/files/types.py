"""Which kinds of files there are, by the endings of their names, and by what their bytes begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Group = Literal["picture", "sound", "film", "pdf", "office", "archive", "text", "markup"]


@dataclass(frozen=True, slots=True)
class FileType:
    """A kind of file. Files of one `family` have the same beginning, and more than one ending."""

    mime_type: str
    group: Group
    family: str


def _types(group: Group, **kinds: str) -> dict[str, FileType]:
    found: dict[str, FileType] = {}
    for endings, mime_type in kinds.items():
        family, *more = endings.split("_")
        found |= {ending: FileType(mime_type, group, family) for ending in (family, *more)}
    return found


_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
TYPES: Final[Mapping[str, FileType]] = {
    **_types(
        "picture",
        png="image/png",
        jpg_jpeg="image/jpeg",
        gif="image/gif",
        webp="image/webp",
        bmp="image/bmp",
        tiff_tif="image/tiff",
        heic_heif="image/heic",
        avif="image/avif",
    ),
    **_types(
        "sound",
        mp3="audio/mpeg",
        wav="audio/wav",
        ogg_oga_opus="audio/ogg",
        flac="audio/flac",
        m4a="audio/mp4",
        aac="audio/aac",
    ),
    **_types(
        "film",
        mp4_m4v="video/mp4",
        mov="video/quicktime",
        webm="video/webm",
        mkv="video/x-matroska",
        avi="video/x-msvideo",
    ),
    **_types("pdf", pdf="application/pdf"),
    **_types(
        "office",
        docx=f"{_OFFICE}wordprocessingml.document",
        xlsx=f"{_OFFICE}spreadsheetml.sheet",
        pptx=f"{_OFFICE}presentationml.presentation",
    ),
    **_types("archive", zip="application/zip"),
    **_types(
        "text",
        txt_text_log="text/plain",
        md_markdown="text/markdown",
        csv="text/csv",
        tsv="text/tab-separated-values",
        json="application/json",
        jsonl="application/x-ndjson",
        yaml_yml="application/yaml",
        srt_vtt="text/plain",
        # Source text is handed out as text: no browser shall run it.
        py_js_ts_go_java_c_h_cpp_rs_rb_php_sql_sh_css_toml_ini="text/plain",
    ),
    **_types("markup", svg="image/svg+xml", html_htm="text/html", xml="application/xml"),
}

# What begins so, at this place, is of this family.
_MAGIC: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "jpg"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (8, b"WEBP", "webp"),
    (8, b"WAVE", "wav"),
    (8, b"AVI ", "avi"),
    (0, b"BM", "bmp"),
    (0, b"II*\x00", "tiff"),
    (0, b"MM\x00*", "tiff"),
    (0, b"ID3", "mp3"),
    (0, b"OggS", "ogg"),
    (0, b"fLaC", "flac"),
    (0, b"\x1aE\xdf\xa3", "webm"),
    (0, b"%PDF-", "pdf"),
    (0, b"PK\x03\x04", "zip"),
    (0, b"PK\x05\x06", "zip"),
)
_BRANDS: Final = (
    (b"heic", "heic"), (b"heix", "heic"), (b"hevc", "heic"), (b"mif1", "heic"), (b"msf1", "heic"),
    (b"avif", "avif"), (b"avis", "avif"), (b"M4A", "m4a"), (b"M4B", "m4a"), (b"qt  ", "mov"),
)  # fmt: skip
_ALIKE: Final = ({"webm", "mkv"}, {"mp4", "m4a", "mov"}, {"zip", "docx", "xlsx", "pptx"}, {"heic", "avif"})
"""Boxes that more than one kind comes in."""
REFUSED: Final = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an office file of the old kind, which may hold macros"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\xcf\xfa\xed\xfe", "a program"),
    (b"\xce\xfa\xed\xfe", "a program"),
    (b"\x00asm", "a program"),
    (b"Rar!\x1a\x07", "an archive of a kind that is not taken"),
    (b"7z\xbc\xaf\x27\x1c", "an archive of a kind that is not taken"),
    (b"\x1f\x8b", "an archive of a kind that is not taken"),
)


def family_of(head: bytes) -> str:
    """The family that the first bytes belong to; empty when they tell nothing."""
    if head[4:8] == b"ftyp":
        return next((family for brand, family in _BRANDS if head[8:12].startswith(brand)), "mp4")
    for place, magic, family in _MAGIC:
        if head.startswith(magic, place) and (place == 0 or head.startswith(b"RIFF")):
            return family
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        # A frame of MPEG audio has a layer, one of AAC has none.
        return "mp3" if head[1] & 0x06 else "aac"
    return ""


def fits(kind: FileType, family: str) -> bool:
    """Whether a file of this kind may begin as one of that family."""
    return kind.family == family or any({kind.family, family} <= box for box in _ALIKE)
