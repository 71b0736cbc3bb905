"""`mainspring organisations`, `departments` and `employees`, as an operator uses them."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import mainspring, result

ROSTER = "name,number,departments\n李雷,1,研发部/平台组\n韩梅梅,2,RD\n"


def test_people_are_taken_in_let_go_and_brought_back(tmp_path: Path) -> None:
    folder = ("--data-dir", tmp_path / "数据")
    here = ("--organisation", "huaxia", *folder)
    made = mainspring("organisations", "create", "华夏集团", "--key", "huaxia", "--kind", "group", *folder)
    assert (made.returncode, made.stderr) == (0, "")
    assert mainspring("departments", "create", "研发部", "--code", "RD", *here).returncode == 0
    deeper = mainspring("departments", "create", "平台组", "--below", "研发部", *here)
    assert "华夏集团/研发部/平台组" in deeper.stdout

    added = mainspring(
        "employees", "add", "王小明", "--in", "研发部/平台组", "--email", "w@example.com", "--account", *here
    )
    assert added.returncode == 0, added.stderr
    assert "shown this once" in added.stdout
    imported = mainspring("employees", "import", "-", *here, given=ROSTER)
    assert "2 people" in imported.stdout
    people = result(mainspring("employees", "list", "--in", "RD", "--json", *here))
    assert [one["name"] for one in people] == ["韩梅梅", "李雷", "王小明"]

    who = people[0]["id"]
    assert "韩梅梅 has resigned" in mainspring("employees", "resign", who, *here).stdout
    assert "works here again" in mainspring("employees", "restore", who, "--in", "RD", *here).stdout
    tree = mainspring("organisations", "tree", "huaxia", "--departments", *folder).stdout
    assert tree.splitlines() == ["华夏集团  group, huaxia  (3)", "  研发部  RD  (3)", "    平台组  (2)"]
    refused = mainspring("departments", "delete", "RD", *here)
    assert (refused.returncode, "1 departments" in refused.stderr) == (1, True)
