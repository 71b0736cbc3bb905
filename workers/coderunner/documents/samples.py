"""A small file of each kind: read before the jail closes, so that all that is needed later has been loaded."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Final

_TYPES: Final = "http://schemas.openxmlformats.org/package/2006/content-types"
_LINKS: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_WORD: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_SHEET: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_WORD_TYPE: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_SHEET_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def samples() -> Iterator[tuple[str, bytes]]:
    """Names and contents."""
    yield "sample.txt", "茶".encode()
    yield "sample.txt", "茶".encode("gb18030")
    for codec in ("utf-8-sig", "utf-16", "utf-32"):
        yield "sample.txt", "茶 tea".encode(codec)
    for codec in ("utf-16-le", "utf-16-be"):
        yield "sample.txt", "plain tea".encode(codec)
    yield "sample.json", b'{"a": [1, 2.5, null]}'
    yield "sample.csv", b"a,b\n1,2\n"
    yield "sample.md", b"# T\n\n| a | b |\n| - | - |\n| 1 | *2* &amp; [x](y) |\n"
    yield (
        "sample.html",
        (
            "<!DOCTYPE html><html><head><meta charset=gbk><title>茶</title></head><body><p>a&nbsp;&lt;<table><tr><td>1"
            "</table><!-- x --><script>y</script><pre>z</pre></body></html>"
        ).encode("gbk"),
    )
    yield "sample.docx", _word()
    yield "sample.xlsx", _workbook()
    yield "sample.pdf", _pdf()


def _packed(parts: dict[str, str]) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return file.getvalue()


def _content_types(overrides: dict[str, str]) -> str:
    told = "".join(f'<Override PartName="/{name}" ContentType="{kind}"/>' for name, kind in overrides.items())
    rels = "application/vnd.openxmlformats-package.relationships+xml"
    return f'<Types xmlns="{_TYPES}"><Default Extension="rels" ContentType="{rels}"/>{told}</Types>'


def _links(targets: dict[str, str]) -> str:
    told = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets.items(), 1)
    )
    return f'<Relationships xmlns="{_LINKS}">{told}</Relationships>'


def _word() -> bytes:
    table = "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>1</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
    body = f"<w:body><w:p><w:r><w:t>茶</w:t></w:r></w:p>{table}</w:body>"
    return _packed(
        {
            "[Content_Types].xml": _content_types({"word/document.xml": f"{_WORD_TYPE}.document.main+xml"}),
            "_rels/.rels": _links({"officeDocument": "word/document.xml"}),
            "word/document.xml": f'<w:document xmlns:w="{_WORD}">{body}</w:document>',
        }
    )


def _workbook() -> bytes:
    cells = (
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1"><v>1.5</v></c><c r="C1" s="1"><v>45000.5</v></c>'
        '<c r="D1" t="b"><v>1</v></c><c r="E1" t="e"><v>#N/A</v></c><c r="F1" t="inlineStr"><is><t>x</t></is></c>'
        '<c r="G1" t="d"><v>2024-05-01</v></c><c r="H1" t="str"><f>A1</f><v>y</v></c></row>'
    )
    styles = (
        '<fonts count="1"><font/></fonts><fills count="1"><fill><patternFill patternType="none"/></fill></fills>'
        '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
        '<cellXfs count="2"><xf/><xf numFmtId="22" applyNumberFormat="1"/></cellXfs>'
    )
    return _packed(
        {
            "[Content_Types].xml": _content_types(
                {
                    "xl/workbook.xml": f"{_SHEET_TYPE}.sheet.main+xml",
                    "xl/worksheets/sheet1.xml": f"{_SHEET_TYPE}.worksheet+xml",
                    "xl/styles.xml": f"{_SHEET_TYPE}.styles+xml",
                    "xl/sharedStrings.xml": f"{_SHEET_TYPE}.sharedStrings+xml",
                }
            ),
            "_rels/.rels": _links({"officeDocument": "xl/workbook.xml"}),
            "xl/workbook.xml": f'<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}"><sheets><sheet name="茶" sheetId="1" '
            'r:id="rId1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": _links(
                {"worksheet": "worksheets/sheet1.xml", "styles": "styles.xml", "sharedStrings": "sharedStrings.xml"}
            ),
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_SHEET}"><sheetData>{cells}</sheetData></worksheet>',
            "xl/styles.xml": f'<styleSheet xmlns="{_SHEET}">{styles}</styleSheet>',
            "xl/sharedStrings.xml": f'<sst xmlns="{_SHEET}"><si><t>茶</t></si></sst>',
        }
    )


def _pdf() -> bytes:
    """One page; PDFium finds its parts without a table of where they are."""
    content = b"BT /F1 12 Tf 20 100 Td (tea) Tj ET"
    parts = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%b\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    objects = b"".join(b"%d 0 obj%b endobj\n" % (number, part) for number, part in enumerate(parts, 1))
    return b"%PDF-1.4\n" + objects + b"trailer<</Root 1 0 R/Size 6>>\n%%EOF\n"
