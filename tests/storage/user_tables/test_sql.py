"""SQL as authors write it, MySQL's ways included, on a table with a Chinese name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from storage.ports.tables import Found, Slot, TableField, TableSettings, TableUse
from storage.user_tables.sqlite.tables import SqliteUserTables

ORDERS = TableSettings(
    "订单",
    (
        TableField("客户", "text", required=True),
        TableField("city", "text"),
        TableField("amount", "integer"),
        TableField("price", "number"),
        TableField("paid", "boolean"),
        TableField("due", "time"),
    ),
    access="unlimited",
)
ROWS: list[dict[str, Any]] = [
    {"客户": "李雷", "city": "北京", "amount": 3, "price": 9.5, "paid": True, "due": "2026-01-31 10:00:00"},
    {"客户": "Ada", "city": "London", "amount": 1, "price": 20, "paid": False, "due": "2026-02-14"},
    {"客户": "Hanako", "city": "京都", "amount": 7, "price": 1.25, "paid": True, "due": None},
    {"客户": "韩梅梅", "city": None, "amount": None, "price": None, "paid": None, "due": "2025-12-24 18:30:00"},
]
NOW_MS = 1_770_000_000_000  # 2026-02-02 02:40:00 UTC

# What is asked, and the rows that come, as lists of their values.
QUERIES: list[tuple[str, list[list[Any]]]] = [
    ("SELECT `客户` FROM `订单` WHERE `city` = '北京'", [["李雷"]]),
    ("select 客户 from 订单 where city = \"London\";", [["Ada"]]),
    ("SELECT o.`客户` AS 名字 FROM 订单 AS o WHERE o.amount >= 3 ORDER BY o.amount DESC", [["Hanako"], ["李雷"]]),
    ("SELECT 订单.客户 FROM 订单 WHERE 订单.amount = 1", [["Ada"]]),
    ("SELECT 客户 FROM 订单 ORDER BY id LIMIT 2", [["李雷"], ["Ada"]]),
    ("SELECT 客户 FROM 订单 ORDER BY id LIMIT 1, 2", [["Ada"], ["Hanako"]]),
    ("SELECT 客户 FROM 订单 ORDER BY id LIMIT 2 OFFSET 3", [["韩梅梅"]]),
    ("SELECT COUNT(*) FROM 订单", [[4]]),
    ("SELECT COUNT(city), COUNT(DISTINCT paid) FROM 订单", [[3, 2]]),
    ("SELECT SUM(amount), AVG(amount), MIN(amount), MAX(price) FROM 订单", [[11, 11 / 3, 1, 20.0]]),
    ("SELECT paid, COUNT(*) AS n FROM 订单 WHERE paid IS NOT NULL GROUP BY paid HAVING n > 1", [[True, 2]]),
    ("SELECT IFNULL(city, '?') FROM 订单 WHERE city IS NULL", [["?"]]),
    ("SELECT COALESCE(NULL, city, 'x') FROM 订单 WHERE 客户 = 'Ada'", [["London"]]),
    ("SELECT CONCAT(客户, ' - ', city) FROM 订单 WHERE amount = 1", [["Ada - London"]]),
    ("SELECT CONCAT(客户, city) FROM 订单 WHERE city IS NULL", [[None]]),
    ("SELECT CONCAT_WS('/', 客户, city, amount) FROM 订单 WHERE city IS NULL OR amount = 1 ORDER BY id",
     [["Ada/London/1"], ["韩梅梅"]]),
    ("SELECT GROUP_CONCAT(客户 SEPARATOR '; ') FROM 订单 WHERE paid", [["李雷; Hanako"]]),
    ("SELECT LENGTH(客户), CHAR_LENGTH(客户) FROM 订单 WHERE 客户 = '李雷'", [[6, 2]]),
    ("SELECT UPPER(客户), LCASE(客户) FROM 订单 WHERE 客户 = 'Ada'", [["ADA", "ada"]]),
    ("SELECT LEFT(客户, 2), RIGHT(客户, 2), SUBSTRING(客户, 2, 3), MID(客户, 1, 1) FROM 订单 WHERE amount = 7",
     [["Ha", "ko", "ana", "H"]]),
    ("SELECT REPLACE(客户, 'a', 'A'), TRIM('  x '), LOCATE('a', 客户), INSTR(客户, 'k') FROM 订单 WHERE amount = 7",
     [["HAnAko", "x", 2, 5]]),
    ("SELECT SUBSTRING_INDEX('a,b,c', ',', 2), SUBSTRING_INDEX('a,b,c', ',', -1), FIND_IN_SET('b', 'a,b')",
     [["a,b", "c", 2]]),
    ("SELECT 客户 FROM 订单 WHERE city IS NOT NULL ORDER BY FIELD(city, '京都', 'London', '北京')",
     [["Hanako"], ["Ada"], ["李雷"]]),
    ("SELECT ABS(-3), ROUND(2.567, 2), CEIL(1.2), FLOOR(-1.2), MOD(7, 3), 7 % 4, 7 DIV 2, 7 / 2, TRUNCATE(1.99, 1)",
     [[3, 2.57, 2, -2, 1, 3, 3, 3.5, 1.9]]),
    ("SELECT 1 / 0, MOD(1, 0)", [[None, None]]),
    ("SELECT GREATEST(1, 5, 3), LEAST(4, 2), NULLIF(1, 1), IF(1 > 2, 'a', 'b'), SIGN(-4)", [[5, 2, None, "b", -1]]),
    ("SELECT CASE WHEN amount > 5 THEN 'many' WHEN amount IS NULL THEN 'none' ELSE 'few' END FROM 订单 ORDER BY id",
     [["few"], ["few"], ["many"], ["none"]]),
    ("SELECT CASE paid WHEN 1 THEN 'yes' ELSE 'no' END FROM 订单 WHERE amount = 1", [["no"]]),
    ("SELECT CAST('12' AS SIGNED) + 1, CAST(12 AS CHAR), CAST('1.5' AS DECIMAL(10, 2))", [[13, "12", 1.5]]),
    ("SELECT NOW(), CURDATE(), CURRENT_TIMESTAMP, CURTIME()",
     [["2026-02-02 02:40:00", "2026-02-02", "2026-02-02 02:40:00", "02:40:00"]]),
    ("SELECT YEAR(due), MONTH(due), DAY(due), HOUR(due), QUARTER(due), WEEKDAY(due), DAYOFWEEK(due) FROM 订单"
     " WHERE 客户 = '李雷'", [[2026, 1, 31, 10, 1, 5, 7]]),
    ("SELECT DATE(due), DATE_FORMAT(due, '%Y年%m月%d日 %H:%i') FROM 订单 WHERE 客户 = '李雷'",
     [["2026-01-31", "2026年01月31日 10:00"]]),
    ("SELECT DATE_ADD(due, INTERVAL 1 MONTH), DATE_SUB(due, INTERVAL 2 HOUR), due + INTERVAL 1 DAY FROM 订单"
     " WHERE 客户 = '李雷'", [["2026-02-28 10:00:00", "2026-01-31 08:00:00", "2026-02-01 10:00:00"]]),
    ("SELECT DATEDIFF('2026-03-01', '2026-02-27'), TIMESTAMPDIFF(MONTH, '2026-01-31', '2026-03-30')", [[2, 1]]),
    ("SELECT UNIX_TIMESTAMP('2026-01-01 00:00:00'), FROM_UNIXTIME(0), LAST_DAY('2024-02-03')",
     [[1767225600, "1970-01-01 00:00:00", "2024-02-29"]]),
    ("SELECT EXTRACT(YEAR FROM due) FROM 订单 WHERE amount = 1", [[2026]]),
    ("SELECT 客户 FROM 订单 WHERE due < NOW() ORDER BY due", [["韩梅梅"], ["李雷"]]),
    ("SELECT 客户 FROM 订单 WHERE due BETWEEN '2026-02-01' AND '2026-03-01'", [["Ada"]]),
    ("SELECT 客户 FROM 订单 WHERE due >= DATE_SUB(NOW(), INTERVAL 7 DAY) AND due < NOW()", [["李雷"]]),
    ("SELECT 客户 FROM 订单 WHERE city LIKE '%京%' AND city NOT LIKE '北%'", [["Hanako"]]),
    ("SELECT '50% off' LIKE '50\\% off', 'x' LIKE '50\\%', 'a_c' LIKE 'a!_c' ESCAPE '!'", [[1, 0, 1]]),
    ("SELECT 客户 FROM 订单 WHERE amount IN (1, '7') ORDER BY amount", [["Ada"], ["Hanako"]]),
    ("SELECT 客户 FROM 订单 WHERE amount NOT IN (1, 7)", [["李雷"]]),
    ("SELECT 客户 FROM 订单 WHERE amount <=> NULL", [["韩梅梅"]]),
    ("SELECT 客户 FROM 订单 WHERE paid = TRUE AND NOT (amount > 5) && price != 0", [["李雷"]]),
    ("SELECT 客户 FROM 订单 WHERE paid IS FALSE OR amount = '3' ORDER BY 1", [["Ada"], ["李雷"]]),
    ("SELECT 客户 FROM 订单 WHERE amount + 1 = '4'", [["李雷"]]),
    ("SELECT 客户 FROM 订单 WHERE CHAR_LENGTH(客户) = '6'", [["Hanako"]]),
    ("SELECT 客户 FROM 订单 WHERE LEFT('07', 2) = 7 AND amount = 1", [["Ada"]]),
    ("SELECT DISTINCT paid FROM 订单 WHERE paid IS NOT NULL ORDER BY paid", [[False], [True]]),
    ("SELECT 客户 FROM 订单 WHERE amount = (SELECT MAX(amount) FROM 订单)", [["Hanako"]]),
    ("SELECT t.c FROM (SELECT city AS c, amount FROM 订单) AS t WHERE t.amount = 1", [["London"]]),
    ("WITH big AS (SELECT * FROM 订单 WHERE amount > 2) SELECT COUNT(*) FROM big", [[2]]),
    ("SELECT a.客户, b.客户 AS 另 FROM 订单 a JOIN 订单 b ON a.amount < b.amount WHERE a.amount = 3",
     [["李雷", "Hanako"]]),
    ("SELECT 客户 FROM 订单 WHERE amount = 1 UNION SELECT 客户 FROM 订单 WHERE amount = 3 ORDER BY 1",
     [["Ada"], ["李雷"]]),
    ("SELECT amount * 2 - 1, -amount, amount / 2 FROM 订单 WHERE amount = 3", [[5, -3, 1.5]]),
    ("SELECT uuid, sys_platform FROM 订单 WHERE id > 0 LIMIT 1", [["anna", "web"]]),
    ("SELECT bstudio_create_time FROM 订单 LIMIT 0", []),
    ("SELECT RAND() < 1 FROM 订单 ORDER BY RAND() LIMIT 1", [[1]]),
    ("SELECT 客户 -- the name\nFROM 订单 /* all */ WHERE amount = 1 # one", [["Ada"]]),
    ("SELECT 'it''s', 'a\\'b', \"say \"\"hi\"\"\"", [["it's", "a'b", 'say "hi"']]),
]  # fmt: skip


class Shop:
    def __init__(self, tables: SqliteUserTables, use: TableUse) -> None:
        self.tables = tables
        self.use = use

    async def sql(self, *parts: str | Slot, key: str = "") -> Found:
        return await self.tables.execute(self.use, parts, key=key)

    async def values(self, *parts: str | Slot) -> list[list[Any]]:
        return [[*row.values()] for row in (await self.sql(*parts)).rows]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    tables = SqliteUserTables(tmp_path, clock=lambda: NOW_MS)
    table = await tables.create("1", "2", ORDERS)
    made = Shop(tables, TableUse("1", "2", table.id, user="anna", channel="web"))
    await tables.insert(made.use, ROWS)
    yield made
    tables.close()


@pytest.mark.parametrize(("statement", "rows"), QUERIES, ids=lambda one: one[:80] if isinstance(one, str) else "")
async def test_a_query_gives_what_it_asks_for(shop: Shop, statement: str, rows: list[list[Any]]) -> None:
    assert await shop.values(statement) == rows


async def test_all_columns_come_under_the_names_that_authors_know(shop: Shop) -> None:
    (row,) = (await shop.sql("SELECT * FROM 订单 WHERE amount = 3")).rows
    assert [*row] == [
        "id",
        "客户",
        "city",
        "amount",
        "price",
        "paid",
        "due",
        "uuid",
        "sys_platform",
        "bstudio_create_time",
    ]
    assert row["id"].isdecimal()  # type: ignore[union-attr]
    assert row["due"] == "2026-01-31 10:00:00"


async def test_rows_are_inserted_with_what_every_row_has(shop: Shop) -> None:
    made = await shop.sql(
        "INSERT INTO `订单` (`客户`, amount, paid, due)"
        " VALUES ('a', '5', TRUE, NOW()), (CONCAT('b', 1), 7 / 2, 0, '2026/3/1')"
    )
    assert made.count == 2
    shown = [[row[name] for name in ("客户", "amount", "paid", "due", "uuid", "sys_platform")] for row in made.rows]
    assert shown == [
        ["a", 5, True, "2026-02-02 02:40:00", "anna", "web"],
        ["b1", 4, False, "2026-03-01 00:00:00", "anna", "web"],
    ]
    assert made.rows[0]["bstudio_create_time"] == "2026-02-02 02:40:00"


async def test_insert_set_is_an_insert(shop: Shop) -> None:
    assert (await shop.sql("INSERT INTO 订单 SET 客户 = 'a', amount = 1")).count == 1


async def test_rows_are_updated_and_deleted(shop: Shop) -> None:
    changed = await shop.sql("UPDATE `订单` AS o SET o.amount = o.amount + 1, city = UPPER(city) WHERE o.paid = 1")
    assert changed == Found(count=2)
    assert await shop.values("SELECT amount FROM 订单 WHERE paid ORDER BY id") == [[4], [8]]
    assert (await shop.sql("DELETE FROM 订单 WHERE amount > 1 ORDER BY amount DESC LIMIT 1")).count == 1
    assert await shop.values("SELECT COUNT(*) FROM 订单") == [[3]]


async def test_a_statement_with_a_key_is_done_once(shop: Shop) -> None:
    text = "UPDATE 订单 SET amount = amount + 1 WHERE amount = 3 OR amount = 4"
    assert (await shop.sql(text, key="run/step")).count == 1
    assert (await shop.sql(text, key="run/step")).count == 1
    assert await shop.values("SELECT amount FROM 订单 WHERE 客户 = '李雷'") == [[4]]
    first = await shop.sql("INSERT INTO 订单 (客户) VALUES ('x')", key="run/add")
    assert await shop.sql("INSERT INTO 订单 (客户) VALUES ('x')", key="run/add") == first


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("INSERT INTO 订单 (客户, amount) VALUES ('a', 'many')", "amount takes a whole number"),
        ("INSERT INTO 订单 (客户, due) VALUES ('a', 'soon')", "due takes a time"),
        ("INSERT INTO 订单 (客户) VALUES (NULLIF('a', 'a'))", "needs a value for 客户"),
        ("UPDATE 订单 SET 客户 = NULL WHERE amount = 1", "needs a value for 客户"),
        ("UPDATE 订单 SET paid = 'perhaps' WHERE amount = 1", "paid takes true or false"),
        ("UPDATE 订单 SET nope = 1 WHERE amount = 1", "no column nope; it has: 客户"),
    ],
)
async def test_a_value_that_does_not_fit_changes_nothing(shop: Shop, statement: str, told: str) -> None:
    before = await shop.values("SELECT * FROM 订单")
    with pytest.raises(Exception, match=told):
        await shop.sql(statement)
    assert await shop.values("SELECT * FROM 订单") == before


async def test_slots_are_values_in_quotes_and_text_elsewhere(shop: Shop) -> None:
    found = await shop.values("SELECT 客户 FROM 订单 WHERE city = '", Slot("北京"), "' LIMIT ", Slot("5"))
    assert found == [["李雷"]]
    assert await shop.values("SELECT 客户 FROM 订单 WHERE city LIKE '%", Slot("京"), "%' ORDER BY id") == [
        ["李雷"],
        ["Hanako"],
    ]
    assert await shop.values("SELECT 客户 FROM 订单 WHERE amount > '", Slot("5"), "'") == [["Hanako"]]
    listed = ("SELECT 客户 FROM 订单 WHERE amount IN (", Slot("1, 7"), ") ORDER BY ", Slot("amount DESC"))
    assert await shop.values(*listed) == [["Hanako"], ["Ada"]]
    assert await shop.values("SELECT 客户 FROM 订单 ORDER BY id LIMIT '", Slot("1"), "'") == [["李雷"]]
    assert await shop.values(Slot("SELECT COUNT(*) FROM 订单")) == [[4]]


async def test_nothing_between_quotes_is_an_empty_text_and_elsewhere_null(shop: Shop) -> None:
    nothing = Slot("", "NULL")
    made = await shop.sql("INSERT INTO 订单 (客户, city, amount) VALUES ('a', '", nothing, "', ", nothing, ")")
    assert (made.rows[0]["city"], made.rows[0]["amount"]) == ("", None)
