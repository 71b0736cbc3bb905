"""Files as people have them, made by the libraries that people make them with."""

from __future__ import annotations

import datetime
from io import BytesIO
from typing import Final

import docx
import openpyxl
from openpyxl.worksheet.table import Table

POEM: Final = "床前明月光，疑是地上霜。举头望明月，低头思故乡。"


def word() -> bytes:
    """Paragraphs, a table with one in a cell, a list, a tab and a footer."""
    document = docx.Document()
    document.add_heading("静夜思", 1)
    document.add_paragraph(POEM)
    document.add_paragraph("Li Bai\t李白", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for row, values in zip(table.rows, (("茶", "价格"), ("龙井", "90")), strict=True):
        for cell, value in zip(row.cells, values, strict=True):
            cell.text = value
    inner = table.rows[1].cells[1].add_table(rows=1, cols=1)
    inner.rows[0].cells[0].text = "per 100 g"
    run = document.add_paragraph("Line one").add_run()
    run.add_break()
    run.add_text("line two")
    document.sections[0].footer.paragraphs[0].text = "a footer"
    file = BytesIO()
    document.save(file)
    return file.getvalue()


def workbook() -> bytes:
    """Two sheets; texts, numbers, a date, a boolean, a formula, gaps, merged cells and a table."""
    book = openpyxl.Workbook()
    first = book.worksheets[0]
    first.title = "价格"
    first.append(["茶", "price", "since", "sold"])
    first.append(["龙井", 90.5, datetime.date(2024, 5, 1), True])
    first.append(["Assam", 40, datetime.datetime(2024, 5, 2, 8, 30), False])  # noqa: DTZ001 (a cell has no zone)
    first["A6"] = "after a gap"
    first["B6"] = "=SUM(B2:B3)"
    first.merge_cells("C6:D6")
    first.add_table(Table(displayName="Prices", ref="A1:D3"))
    second = book.create_sheet("Second")
    second["B2"] = "中文"
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def pdf(pages: list[str]) -> bytes:
    """A page for each text, whose characters are named by a map of the font's, as word processors write them."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"", _font(), _descendant(), _to_unicode("".join(pages))]
    kids: list[int] = []
    glyphs = {letter: number for number, letter in enumerate(sorted(set("".join(pages))), 1)}
    for text in pages:
        shown = "".join(f"{glyphs[letter]:04x}" for letter in text)
        content = f"BT /F1 12 Tf 20 150 Td <{shown}> Tj ET".encode()
        objects.append(_stream(content))
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 900 200]/Contents %d 0 R/Resources<</Font<</F1 3 0 R>>>>>>"
            % len(objects)
        )
        kids.append(len(objects))
    objects[1] = b"<</Type/Pages/Kids[%b]/Count %d>>" % (b" ".join(b"%d 0 R" % kid for kid in kids), len(kids))
    return pdf_of(objects)


def pdf_of(objects: list[bytes], *, trailer: bytes = b"") -> bytes:
    """The objects as a file, with the table of where each begins."""
    file = b"%PDF-1.7\n%\xe4\xbd\xa0\n"
    places: list[int] = []
    for number, body in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    end = b"trailer\n<</Root 1 0 R/Size %d%b>>\nstartxref\n%d\n%%%%EOF\n" % (count, trailer, len(file))
    return file + b"xref\n0 %d\n0000000000 65535 f \n%b%b" % (count, table, end)


def _stream(content: bytes) -> bytes:
    return b"<</Length %d>>stream\n%b\nendstream" % (len(content), content)


def _font() -> bytes:
    return b"<</Type/Font/Subtype/Type0/BaseFont/Song/Encoding/Identity-H/DescendantFonts[4 0 R]/ToUnicode 5 0 R>>"


def _descendant() -> bytes:
    return (
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/Song/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
        b"/Supplement 0>>/DW 1000>>"
    )


def _to_unicode(text: str) -> bytes:
    letters = sorted(set(text))
    pairs = "".join(
        f"<{number:04x}> <{letter.encode('utf-16-be').hex()}>\n" for number, letter in enumerate(letters, 1)
    )
    return _stream(
        (
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
            f"1 begincodespacerange <0000> <ffff> endcodespacerange\n{len(letters)} beginbfchar\n{pairs}endbfchar\n"
            "endcmap end end"
        ).encode()
    )


PAGE: Final = f"""<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>静夜思 &amp; more</title><style>p {{ color: red }}</style>
<script>document.write("not a word of this")</script></head>
<body><!-- nor this --><nav><a href="#">Home</a> <a href="#">茶</a></nav>
<h1>静夜思</h1><p>{POEM}<br>Li&nbsp;Bai, <b>李</b>白</p>
<ul><li>one</li><li>two</li></ul>
<table><thead><tr><th>茶</th><th>price</th></tr></thead>
<tr><td>龙井</td><td>90 <table><tr><td>per 100 g</td></tr></table></td></tr></table>
<pre>kept
  as it is</pre></body></html>"""

MARKDOWN: Final = f"""# 静夜思

{POEM}

| 茶 | price |
| --- | ---: |
| **龙井** | 90 |
| [Assam](https://example.test) | `40` |

```
| no | table |
| -- | ----- |
```
"""
