"""`mainspring databases`, as a person uses it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.complaint import CommandFailed
from cli.database_files import definition_of_csv, read_definition
from tests.cli.command import mainspring, result, standing

SHOP = """\ufeffname,price (USD),since,code,paid,amount,empty
李雷,1.5,2026-01-02,007,yes,3,
"a, b",2,2026-02-03,8,no,,
"""


def test_a_database_is_made_of_a_csv_looked_into_and_taken_away(tmp_path: Path) -> None:
    folder = ("--data-dir", tmp_path / "数据")
    (tmp_path / "my shop.csv").write_text(SHOP, "utf-8")
    made = result(mainspring("databases", "create", tmp_path / "my shop.csv", "--json", *folder))
    assert (made["name"], made["access"]) == ("my_shop", "read_only")
    with standing(tmp_path / "数据"):
        listed = mainspring("databases", "list", *folder)
        assert "my_shop" in listed.stdout
        shown = mainspring("databases", "show", "my_shop", *folder)
        assert "price_USD  number" in shown.stdout
        rows = result(mainspring("databases", "rows", made["id"], "--json", *folder))
        assert [(row["name"], row["code"], row["paid"], row["amount"]) for row in rows] == [
            ("a, b", "8", False, None),
            ("李雷", "007", True, 3),
        ]
        exported = mainspring("databases", "export", "my_shop", *folder)
        (tmp_path / "again.csv").write_text(exported.stdout, "utf-8")
        added = mainspring("databases", "import", "my_shop", tmp_path / "again.csv", "--draft", *folder)
        assert added.stdout == "Added 2 rows.\n", added.stderr
        gone = mainspring("databases", "delete", "my_shop", "--yes", *folder)
        assert (gone.returncode, gone.stdout) == (0, "The database my_shop is gone.\n")
        assert mainspring("databases", "list", *folder).stdout == "There are no databases.\n"


def test_a_database_is_made_of_a_definition_and_filled(tmp_path: Path) -> None:
    folder = ("--data-dir", tmp_path / "data")
    definition = {"name": "notes", "fields": [{"name": "title", "required": True}, {"name": "n", "type": "integer"}]}
    (tmp_path / "notes.json").write_text(json.dumps(definition))
    made = result(
        mainspring(
            "databases", "create", tmp_path / "notes.json", "--name", "mine", "--access", "unlimited", "--json", *folder
        )
    )
    assert (made["name"], made["access"], [one["number"] for one in made["fields"]]) == ("mine", "unlimited", [1, 2])
    (tmp_path / "rows.json").write_text('[{"title": "a", "n": 1}, {"n": 2}, {"title": "c", "n": "x"}]')
    with standing(tmp_path / "data"):
        refused = mainspring("databases", "import", "mine", tmp_path / "rows.json", *folder)
        assert (refused.returncode, "2 rows do not fit" in refused.stderr, "rows.3.n" in refused.stderr) == (
            1,
            True,
            True,
        )
        added = mainspring(
            "databases", "import", "mine", tmp_path / "rows.json", "--skip-bad-rows", "--user", "u", *folder
        )
        assert (added.stdout, "row 2, title: Every row needs a value" in added.stderr) == ("Added 1 rows.\n", True)
        assert "There are no rows." in mainspring("databases", "rows", "mine", "--user", "v", *folder).stdout
        assert " 1 " in mainspring("databases", "rows", "mine", "--user", "u", *folder).stdout


def test_the_types_of_columns_are_found_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(SHOP, "utf-8")
    made = definition_of_csv(tmp_path / "a.csv", "")
    assert [(one["name"], one["type"]) for one in made["fields"]] == [
        ("name", "text"), ("price_USD", "number"), ("since", "time"), ("code", "text"), ("paid", "boolean"),
        ("amount", "integer"), ("empty", "text"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "a,,b\n", '"a\n'])
def test_what_is_no_csv_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(CommandFailed):
        definition_of_csv(tmp_path / "a.csv", "")


@pytest.mark.parametrize("data", [b"{", b"[]", b"\xff\xfe"])
def test_what_is_no_definition_is_told(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(CommandFailed):
        read_definition(tmp_path / "a.json")
