"""Documents in the real jail: files as people have them are read, and those that mean harm do none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.workers.coderunner.bad_files import CASES, Bad, sheet
from tests.workers.coderunner.good_files import MARKDOWN, PAGE, POEM, pdf, word, workbook
from tests.workers.coderunner.running import Running, code_runner
from workers.coderunner.documents.samples import samples
from workers.coderunner.engine import TaskFailed


@pytest.fixture(scope="module")
def reader() -> Iterator[Running]:
    with code_runner(processes=1, leave_out=("python", "javascript")) as running:
        yield running


async def read(reader: Running, name: str, data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = (
        await reader.client.run({"engine": "document", "name": name, "data": data}, seconds=30)
    ).value
    assert found.keys() == {"text", "tables", "pages", "kind"}
    return found


async def test_a_word_document_gives_its_paragraphs_and_tables(reader: Running) -> None:
    found = await read(reader, "诗.docx", word())
    lines = found["text"].splitlines()
    assert lines[:3] == ["静夜思", POEM, "Li Bai\t李白"]
    assert lines[3:] == ["茶\t价格", "龙井\t90 per 100 g", "", "Line one", "line two"]
    assert found["tables"] == [[["茶", "价格"], ["龙井", "90\nper 100 g"]], [["per 100 g"]]]
    assert (found["pages"], found["kind"]) == (1, "docx")


async def test_a_workbook_gives_its_sheets_and_cells_keep_their_type(reader: Running) -> None:
    found = await read(reader, "prices.XLSX", workbook())
    prices, second = found["tables"]
    assert prices[:3] == [
        ["茶", "price", "since", "sold"],
        ["龙井", 90.5, "2024-05-01", True],
        ["Assam", 40, "2024-05-02 08:30:00", False],
    ]
    assert prices[3:] == [[], [], ["after a gap"]]
    assert second == [[], [None, "中文"]]
    assert found["text"].startswith("价格\n茶\tprice\tsince\tsold\n龙井\t90.5\t2024-05-01\ttrue\n")
    assert "Second\n\n\t中文" in found["text"]
    assert (found["pages"], found["kind"]) == (2, "xlsx")


async def test_cells_are_read_as_they_are_written_whatever_writes_them(reader: Running) -> None:
    cells = (
        '<row><c t="inlineStr"><is><r><t>龙</t></r><r><t>井</t></r><rPh><t>long</t></rPh></is></c>'
        "<c><v>1.50</v></c></row>"
        '<row r="3"><c r="C3" t="b"><v>1</v></c><c r="A3"><v>1E+3</v></c><c><v>7</v></c></row>'
        '<row r="4"><c t="e"><v>#N/A</v></c><c t="str"><f>A1</f><v>x</v></c><c t="d"><v>2024-05-01</v></c><c/></row>'
        '<row r="5"><c s="99"><f>SUM(A1:A3)</f></c></row>'
        '<row r="6"><c><v>12345678901234567890</v></c><c><v>1E400</v></c><c><v>nonsense</v></c></row>'
    )
    (first, *_) = (await read(reader, "a.xlsx", sheet(cells, '<dimension ref="A1"/>')))["tables"]
    assert first == [
        ["龙井", 1.5],
        [],
        [1000.0, 7, True],
        ["#N/A", "x", "2024-05-01"],
        [],
        ["1.2345678901234567e+19", "inf", "nonsense"],
    ]


async def test_a_pdf_gives_the_text_of_its_pages(reader: Running) -> None:
    found = await read(reader, "a.pdf", pdf(["静夜思 page one", POEM]))
    assert found == {"text": f"静夜思 page one\n\n{POEM}", "tables": [], "pages": 2, "kind": "pdf"}


async def test_a_page_gives_what_a_reader_sees_of_it(reader: Running) -> None:
    for data in (PAGE.encode(), PAGE.replace("utf-8", "gbk").encode("gbk"), PAGE.encode("utf-16")):
        found = await read(reader, "a.html", data)
        text = found["text"].replace("\xa0", " ")
        assert text.startswith(f"静夜思 & more\n\nHome 茶\n静夜思\n{POEM}\nLi Bai, 李白\none\ntwo\n茶\tprice\n")
        assert text.endswith("kept\n  as it is")
        assert "word of this" not in text
        assert found["tables"] == [[["茶", "price"], ["龙井", "90 per 100 g"]], [["per 100 g"]]]


async def test_markdown_stays_as_it_is_and_its_tables_are_told_besides(reader: Running) -> None:
    found = await read(reader, "README.md", MARKDOWN.encode())
    assert found["text"] == MARKDOWN.strip()
    assert found["tables"] == [[["茶", "price"], ["龙井", "90"], ["Assam", "40"]]]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("茶,price\n龙井,90\n", ["龙井", "90"]),
        ("茶;price\n龙井;90,5\n", ["龙井", "90,5"]),
        ("茶\tprice\n龙井\t90, or so\n", ["龙井", "90, or so"]),
        ("茶|price\r\n龙井|90\r\n", ["龙井", "90"]),
        ('茶,price\n"龙井, the ""best""\nthere is",90\n', ['龙井, the "best"\nthere is', "90"]),
    ],
)
async def test_rows_are_divided_by_what_divides_them(reader: Running, text: str, row: list[str]) -> None:
    found = await read(reader, "a.csv", text.encode())
    assert found["tables"] == [[["茶", "price"], row]]
    assert found["text"] == text.replace("\r\n", "\n").strip("\n")


@pytest.mark.parametrize(
    "codec", ["utf-8", "utf-8-sig", "gbk", "gb2312", "gb18030", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
async def test_a_text_is_read_whatever_its_encoding(reader: Running, codec: str) -> None:
    text = f"{POEM}\nA plain line, and another one.\r\n"
    found = await read(reader, "a.txt", text.encode(codec))
    assert found == {"text": f"{POEM}\nA plain line, and another one.", "tables": [], "pages": 1, "kind": "txt"}


async def test_json_stays_as_it_is(reader: Running) -> None:
    text = json.dumps({"茶": [1, None, True]}, ensure_ascii=False, indent=2)
    assert (await read(reader, "a.json", text.encode()))["text"] == text


@pytest.mark.parametrize(("name", "data"), list(samples()), ids=lambda value: value if isinstance(value, str) else "")
async def test_the_samples_that_are_read_before_the_jail_closes_can_be_read_within(
    reader: Running, name: str, data: bytes
) -> None:
    assert (await read(reader, name, data))["kind"] == name.partition(".")[2]


async def told(reader: Running, case: Bad) -> str | None:
    """What is said of a file; None when it is read."""
    try:
        found = await read(reader, case.name, case.make())
    except TaskFailed as failed:
        return failed.message
    assert "root:" not in found["text"]
    return None


@pytest.mark.parametrize("case", list(CASES.values()), ids=list(CASES))
async def test_a_hostile_file_does_no_harm_and_the_next_one_is_read(reader: Running, case: Bad) -> None:
    said = await told(reader, case)
    assert case.told is None or (said is not None and case.told in said), said
    assert "/etc" not in (said or "")
    assert (await read(reader, "a.txt", "茶".encode()))["text"] == "茶"


async def test_many_files_are_read_at_once(reader: Running) -> None:
    found = await asyncio.gather(*(read(reader, "a.docx", word()) for _ in range(8)))
    assert {one["kind"] for one in found} == {"docx"}
