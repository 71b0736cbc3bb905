"""Files that mean harm, or are not what they say: made here, each with the words of its refusal."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Final, NamedTuple

from tests.workers.coderunner.good_files import pdf, pdf_of, word, workbook

BIG: Final = 20_000_000
_SHEET: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_WORD: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


class Bad(NamedTuple):
    """A name, how the file is made, and what of the refusal must be said. `None`: it may be read, or refused."""

    name: str
    make: Callable[[], bytes]
    told: str | None


def changed(file: bytes, parts: dict[str, bytes], *, left_out: str = "") -> bytes:
    """An office file with other parts."""
    made = BytesIO()
    with zipfile.ZipFile(BytesIO(file)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        names = [name for name in old.namelist() if name != left_out]
        for name in [*names, *(name for name in parts if name not in names)]:
            new.writestr(name, parts[name] if name in parts else old.read(name))
    return made.getvalue()


def zipped(parts: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP archive."""
    made = BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return made.getvalue()


def document(body: str, head: str = "") -> bytes:
    """A Word file with this body."""
    root = f'<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>'
    return changed(word(), {"word/document.xml": f'<?xml version="1.0" encoding="UTF-8"?>{head}{root}'.encode()})


def sheet(rows: str, before: str = "", head: str = "") -> bytes:
    """A workbook whose first sheet has these rows."""
    xml = f'<?xml version="1.0"?>{head}<worksheet xmlns="{_SHEET}">{before}<sheetData>{rows}</sheetData></worksheet>'
    return changed(workbook(), {"xl/worksheets/sheet1.xml": xml.encode()})


# --- archives ---


def bomb() -> bytes:
    """Two hundred megabytes of blanks in two hundred kilobytes."""
    return document("<w:p><w:r><w:t>" + " " * BIG * 10 + "</w:t></w:r></w:p>")


def wide_bomb() -> bytes:
    """Many parts, each of which passes for small."""
    return changed(word(), {f"word/part{number}.xml": b"<a>" + b" " * 99_000 + b"</a>" for number in range(1_960)})


def many_parts() -> bytes:
    return changed(word(), {f"p{number}": b"" for number in range(2_001)})


def overlapping() -> bytes:
    """Every entry of the directory points at the same bytes."""
    file = bytearray(changed(word(), {"word/second.xml": b"<a>" + b"x" * 500 + b"</a>"}))
    first = last = -1
    at = file.index(b"PK\x01\x02")
    while (at := file.find(b"PK\x01\x02", at)) >= 0:
        first = at if first < 0 else first
        last, at = at, at + 1
    file[last + 42 : last + 46] = file[first + 42 : first + 46]
    return bytes(file)


def with_flag(flag: int) -> bytes:
    """The directory says something else of its first entry."""
    file = bytearray(word())
    at = file.index(b"PK\x01\x02")
    file[at + 8 : at + 10] = struct.pack("<H", flag)
    return bytes(file)


def lying_size() -> bytes:
    """The directory says that the document is smaller than it is."""
    file = bytearray(word())
    at = file.index(b"PK\x01\x02")
    while not file[at + 46 :].startswith(b"word/document.xml"):
        at = file.index(b"PK\x01\x02", at + 1)
    file[at + 24 : at + 28] = struct.pack("<L", 40)
    return bytes(file)


def lying_count() -> bytes:
    file = bytearray(word())
    at = file.rindex(b"PK\x05\x06")
    file[at + 8 : at + 12] = struct.pack("<2H", 1, 1)
    return bytes(file)


def twice_the_same_part() -> bytes:
    made = BytesIO(word())
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr("WORD/document.xml", "<a/>")
    return made.getvalue()


def macros() -> bytes:
    types = zipfile.ZipFile(BytesIO(word())).read("[Content_Types].xml")
    types = types.replace(b".document.main+xml", b".document.macroEnabled.main+xml")
    return changed(word(), {"[Content_Types].xml": types, "word/vbaProject.bin": b"\xd0\xcf"})


def macros_by_another_name() -> bytes:
    types = zipfile.ZipFile(BytesIO(word())).read("[Content_Types].xml")
    hidden = b'<Override PartName="/word/a.bin" ContentType="application/vnd.ms-office.vbaProject"/></Types>'
    return changed(word(), {"[Content_Types].xml": types.replace(b"</Types>", hidden), "word/a.bin": b"\xd0\xcf"})


# --- XML ---

LAUGHS: Final = (
    '<!DOCTYPE l [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]>"
)
EXTERNAL: Final = '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
_NOISE: Final = "".join(f"{number * 7919 % 99_991} " for number in range(60_000))
_LONG_COMMENT: Final = f"<!--{_NOISE}-->"


def in_utf16() -> bytes:
    """A DOCTYPE that one who looks for its bytes does not find."""
    xml = f'<?xml version="1.0" encoding="UTF-16"?>{EXTERNAL}<w:document xmlns:w="{_WORD}">&x;</w:document>'
    return changed(word(), {"word/document.xml": xml.encode("utf-16")})


def in_ebcdic() -> bytes:
    xml = f'<?xml version="1.0" encoding="cp037"?>{EXTERNAL}<w:document xmlns:w="{_WORD}">&x;</w:document>'
    return changed(word(), {"word/document.xml": xml.encode("cp037")})


def in_utf7() -> bytes:
    xml = f'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE x><w:document xmlns:w="{_WORD}"/>'
    return changed(word(), {"word/document.xml": xml.encode()})


# --- PDF ---


def polyglot() -> bytes:
    """A PDF from the front, an archive from the back."""
    return pdf(["tea"]) + zipped({"a": b"b"})


def archive_with_a_pdf_in_front() -> bytes:
    made = BytesIO(pdf(["tea"]))
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr("a", "b")
    return made.getvalue()


def page_loop() -> bytes:
    """The pages are their own children."""
    kids = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 9>>",
        b"<</Type/Pages/Kids[2 0 R]/Count 9>>",
    ]
    return pdf_of(kids)


def many_pages() -> bytes:
    return pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 999999999>>", b"<</Type/Page>>"])


def nested_arrays() -> bytes:
    return pdf_of(
        [b"<</Type/Catalog/Pages 2 0 R/X " + b"[" * 500_000 + b"]" * 500_000 + b">>", b"<</Type/Pages/Count 0>>"]
    )


def content_bomb() -> bytes:
    """Half a gigabyte of blanks, most of it compressed twice."""
    import zlib

    once = zlib.compress(b" " * 100_000_000)
    twice = zlib.compress(zlib.compress(b"\0" * 400_000_000))
    streams = [
        b"<</Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (len(once), once),
        b"<</Filter[/FlateDecode/FlateDecode]/Length %d>>stream\n%b\nendstream" % (len(twice), twice),
    ]
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents[4 0 R 5 0 R]>>"
    return pdf_of(
        [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, *streams],
    )


def locked() -> bytes:
    """A PDF with a password that nobody knows."""
    rights = b"<</Filter/Standard/V 1/R 2/O<" + b"11" * 32 + b">/U<" + b"22" * 32 + b">/P -4/Length 40>>"
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>", rights]
    return pdf_of(objects, trailer=b"/Encrypt 3 0 R/ID[<00><00>]")


def _cases() -> Iterator[tuple[str, Bad]]:
    broken = "The file is damaged"
    too_much = "which is the most that is read"
    # What the name says and the bytes do not.
    yield "a PDF that says .txt", Bad("a.txt", lambda: pdf(["tea"]), "it is a PDF")
    yield "a text that says .pdf", Bad("a.pdf", lambda: b"tea", "it does not begin like a .pdf")
    yield "a text that says .docx", Bad("a.docx", lambda: b"tea", "it does not begin like a .docx")
    yield "a workbook that says .docx", Bad("a.docx", workbook, "no Word document")
    yield "a document that says .xlsx", Bad("a.xlsx", word, "no Excel workbook")
    yield "a document that says .csv", Bad("a.csv", word, "it is a ZIP archive")
    yield "an archive that says .docx", Bad("a.docx", lambda: zipped({"a": b"b"}), "no office document")
    yield (
        "an old Word file",
        Bad("a.docx", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_000), "Save it as .docx"),
    )
    yield "an image that says .md", Bad("a.md", lambda: b"\x89PNG\r\n\x1a\n" + bytes(99), "it is an image")
    yield "a program that says .txt", Bad("a.txt", lambda: b"\x7fELF" + bytes(99), "it is a program")
    yield "a name without an ending", Bad("readme", lambda: b"tea", "must end in one of .pdf")
    yield "a name of an ending alone", Bad(".txt", lambda: b"tea", "must end in one of")
    yield "an unknown ending", Bad("a.docm", macros, "must end in one of")
    yield "an ending after another", Bad("a.pdf.exe", lambda: pdf(["tea"]), "must end in one of")
    yield "nothing at all", Bad("a.txt", lambda: b"", "The file is empty")
    # Archives.
    yield "a bomb", Bad("a.docx", bomb, "unpacks to more than")
    yield "a bomb of many parts", Bad("a.docx", wide_bomb, "unpacks to more than")
    yield "many parts", Bad("a.docx", many_parts, "more than 2,000 parts")
    yield "parts that overlap", Bad("a.docx", overlapping, "overlap")
    yield "an encrypted part", Bad("a.docx", lambda: with_flag(1), "encrypted")
    yield "a part with a wrong size", Bad("a.docx", lying_size, broken)
    yield "a wrong number of parts", Bad("a.docx", lying_count, None)
    yield "a part of the same name", Bad("a.docx", twice_the_same_part, "the same name")
    yield (
        "a part in another compression",
        Bad("a.docx", lambda: zipped({"[Content_Types].xml": b"<a/>"}, zipfile.ZIP_LZMA), "compressed in a way"),
    )
    yield "something before the archive", Bad("a.docx", lambda: b"PK\x03\x04junk" + word(), "does not say where")
    yield "something after the archive", Bad("a.docx", lambda: word() + b"junk", "something follows")
    yield "an archive that is cut off", Bad("a.docx", lambda: word()[:-2_000], broken)
    yield "an archive with a broken part", Bad("a.docx", lambda: word()[:200] + b"\0" * 50 + word()[250:], broken)
    yield "macros", Bad("a.docx", macros, "holds macros")
    yield "macros by another name", Bad("a.docx", macros_by_another_name, "holds macros")
    yield (
        "macros of a workbook",
        Bad("a.xlsx", lambda: changed(workbook(), {"xl/vbaProject.bin": b"x"}), "holds macros"),
    )
    # XML.
    yield (
        "a file from outside",
        Bad("a.docx", lambda: document("<w:p><w:r><w:t>&x;</w:t></w:r></w:p>", EXTERNAL), "DOCTYPE"),
    )
    yield "a billion laughs", Bad("a.docx", lambda: document("<w:p><w:r><w:t>&j;</w:t></w:r></w:p>", LAUGHS), "DOCTYPE")
    yield (
        "a billion laughs in a workbook",
        Bad("a.xlsx", lambda: sheet("<row><c><v>&j;</v></c></row>", head=LAUGHS), "DOCTYPE"),
    )
    yield "a DOCTYPE after a long comment", Bad("a.docx", lambda: document("", _LONG_COMMENT + EXTERNAL), "DOCTYPE")
    yield (
        "a DOCTYPE in the styles",
        Bad("a.docx", lambda: changed(word(), {"word/styles.xml": f"{LAUGHS}<a>&j;</a>".encode()}), "DOCTYPE"),
    )
    yield "a DOCTYPE in UTF-16", Bad("a.docx", in_utf16, "DOCTYPE")
    yield "a DOCTYPE in EBCDIC", Bad("a.docx", in_ebcdic, "no XML")
    yield "a DOCTYPE in UTF-7", Bad("a.docx", in_utf7, "an encoding that office documents do not use")
    yield "elements within elements", Bad("a.docx", lambda: document("<w:p>" * 9_999 + "</w:p>" * 9_999 + _NOISE), None)
    yield (
        "tables within tables",
        Bad("a.docx", lambda: document("<w:tbl><w:tr><w:tc>" * 60 + "</w:tc></w:tr></w:tbl>" * 60), None),
    )
    yield "XML that is cut off", Bad("a.docx", lambda: changed(word(), {"word/document.xml": b"<w:document"}), broken)
    yield (
        "a document without its document",
        Bad("a.docx", lambda: changed(word(), {}, left_out="word/document.xml"), "no Word document"),
    )
    # Workbooks.
    yield "a million rows", Bad("a.xlsx", lambda: sheet("<row><c><v>1</v></c></row>" * 1_000_000), None)
    yield (
        "a hundred thousand and one rows",
        Bad(
            "a.xlsx",
            lambda: sheet("".join(f'<row r="{n}"><c><v>{n * 7919}</v></c></row>' for n in range(1, 100_002))),
            too_much,
        ),
    )
    yield (
        "a sheet that says it is all there can be",
        Bad("a.xlsx", lambda: sheet("<row><c><v>1</v></c></row>", '<dimension ref="A1:XFD1048576"/>'), None),
    )
    yield (
        "one cell at the very end",
        Bad("a.xlsx", lambda: sheet('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), "1,000 columns"),
    )
    yield (
        "a row beyond all rows",
        Bad("a.xlsx", lambda: sheet('<row r="99999999"><c r="A99999999"><v>1</v></c></row>'), "the last is 1,048,576"),
    )
    yield (
        "a text that is not there",
        Bad("a.xlsx", lambda: sheet('<row r="1"><c r="A1" t="s"><v>99999</v></c></row>'), None),
    )
    yield (
        "a number of many digits",
        Bad("a.xlsx", lambda: sheet(f'<row r="1"><c r="A1"><v>{"9" * 9_999}</v></c></row>'), None),
    )
    yield "a workbook that is cut off", Bad("a.xlsx", lambda: workbook()[:-3_000], broken)
    # PDFs.
    yield "a PDF that is an archive too", Bad("a.pdf", polyglot, "a PDF and a ZIP archive at once")
    yield "an archive behind a PDF", Bad("a.pdf", archive_with_a_pdf_in_front, "a PDF and a ZIP archive at once")
    yield "an archive behind a PDF that says .docx", Bad("a.docx", archive_with_a_pdf_in_front, "it is a PDF")
    yield "pages that hold themselves", Bad("a.pdf", page_loop, broken)
    yield "a billion pages", Bad("a.pdf", many_pages, None)
    yield "arrays within arrays", Bad("a.pdf", nested_arrays, None)
    yield "a page of half a gigabyte", Bad("a.pdf", content_bomb, None)
    yield "a PDF with a password", Bad("a.pdf", locked, None)
    yield "a PDF that is cut off", Bad("a.pdf", lambda: pdf(["tea"])[:120], broken)
    yield "a PDF of noise", Bad("a.pdf", lambda: b"%PDF-1.7\n" + bytes(range(256)) * 400, broken)
    # Texts.
    yield "NUL in a text", Bad("a.txt", lambda: b"tea\0 and more tea, in plain letters", "is no text")
    yield "NUL late in a text", Bad("a.txt", lambda: b"tea " * 40_000 + b"\0", "NUL")
    yield "noise", Bad("a.txt", lambda: bytes(range(1, 256)) * 99, "is no text")
    yield "control characters", Bad("a.csv", lambda: b"\x01\x02\x03\x04" * 99, "is no text")
    yield "half of UTF-16", Bad("a.txt", lambda: b"\xff\xfe\x00", "is no text")
    yield "much text", Bad("a.txt", lambda: b"tea " * 5_000_001, "20 MB of text")
    yield "many columns", Bad("a.csv", lambda: b"1," * 1_001 + b"1", "1,000 columns")
    yield "many rows", Bad("a.csv", lambda: b"1\n" * 100_001, "100,000 rows")
    yield "a field without end", Bad("a.csv", lambda: b'"' + b"x" * 1_000_001, broken)
    yield "brackets without end", Bad("a.json", lambda: b"[" * 1_000_000, "nested too deeply")
    yield "no JSON", Bad("a.json", lambda: b'{"a": 1,}', "it is no JSON")
    yield "a number that is none", Bad("a.json", lambda: b"[NaN]", "NaN is no number")
    yield "a number of too many digits", Bad("a.json", lambda: b"9" * 9_999, "it is no JSON")
    yield "tags within tags", Bad("a.html", lambda: b"<div>" * 30_000 + "茶".encode(), None)
    yield "entities in a page", Bad("a.html", lambda: f"{LAUGHS}<p>&j;</p>".encode(), None)
    yield (
        "many cells in a page",
        Bad("a.html", lambda: b"<table><tr>" + b"<td>x" * 1_001 + b"</table>", "1,000 columns"),
    )
    yield "emphasis without end", Bad("a.md", lambda: b"| a |\n|---|\n| " + b"*a **b" * 9_000 + b" |", None)
    yield "quotes within quotes", Bad("a.md", lambda: b"> " * 20_000 + b"\n---|---\n", None)


CASES: Final[dict[str, Bad]] = dict(_cases())
