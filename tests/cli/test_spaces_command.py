"""`mainspring spaces`, `roles`, `audit`, and the space that commands work in, as a person uses them."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cli.asking import millis
from tests.cli.command import Service, mainspring, result


class Shell:
    """Commands on one data folder, on which a server is up."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return mainspring(*words, **{"MAINSPRING_DATA_DIR": str(self._folder), **more})

    def json(self, *words: str, **more: str) -> Any:
        return result(self(*words, "--json", **more))


@pytest.fixture
def shell(up: Service, data_dir: Path) -> Shell:
    return Shell(data_dir)


def an_account(shell: Shell, email: str) -> str:
    """The id of a new account."""
    return str(shell.json("accounts", "create", email, "--name", "王小明")["id"])


def test_a_space_is_made_filled_with_people_worked_in_and_deleted(shell: Shell) -> None:
    an_account(shell, "wang@spaces.example.com")
    li = an_account(shell, "li@spaces.example.com")
    made = shell.json("spaces", "create", "市场部", "--key", "market", "--owner", "wang@spaces.example.com")
    assert (made["key"], made["kind"]) == ("market", "team")
    assert "market" in shell("spaces", "list").stdout
    told = shell("spaces", "invite", "market", li, "nobody@example.com", "--role", "viewer", "--until", "2090-01-01")
    assert (told.returncode, f"{li} is in now, as viewer." in told.stdout, "no account" in told.stderr) == (
        1,
        True,
        True,
    )
    members = {one["email"]: one["role"] for one in shell.json("spaces", "members", "market")}
    assert members == {"wang@spaces.example.com": "owner", "li@spaces.example.com": "viewer"}
    assert "2090" in shell("spaces", "members", "market").stdout

    defined = ("variables", "define", "shade", "--type", "string")
    assert shell("--space", "market", *defined).returncode == 0
    assert [one["name"] for one in shell.json("variables", "list", MAINSPRING_SPACE=made["id"])] == ["shade"]
    assert "shade" not in [one["name"] for one in shell.json("variables", "list")]
    lost = shell("--space", "nowhere", "variables", "list")
    assert (lost.returncode, "There is no such space." in lost.stderr) == (1, True)
    assert "by its id or its key" in shell("--space", "市场", "variables", "list").stderr

    assert shell("spaces", "remove", "market", "LI@spaces.example.com").returncode == 0
    assert "last owner" in shell("spaces", "remove", "market", "wang@spaces.example.com").stderr
    assert shell("spaces", "delete", "market", "--yes").returncode == 0
    assert "market" in shell("spaces", "list", "--deleted").stdout
    assert "with the key market" in shell("spaces", "restore", made["id"]).stdout


def test_a_role_is_made_given_taken_and_deleted_and_all_of_it_is_told(shell: Shell) -> None:
    li = an_account(shell, "li@roles.example.com")
    made = shell.json("roles", "create", "人事专员", "employee.view", "employee.create", "--key", "hr")
    assert "employee.create" in shell("roles", "show", "hr").stdout
    assert "space_editor" in shell("roles", "list").stdout
    assert "workflow.publish" in shell("roles", "permissions").stdout
    given = shell.json("roles", "grant", "hr", "--account", li, "--until", "2090-01-01")
    assert "hr" in shell("roles", "grants", "--account", li).stdout
    assert "is given once" in shell("roles", "delete", "hr").stderr
    assert shell("roles", "take", given["id"]).returncode == 0
    assert "Nothing is given." in shell("roles", "grants", "--role", made["id"]).stdout
    assert shell("roles", "delete", "hr").returncode == 0
    assert "There is no role hr." in shell("roles", "show", "hr").stderr
    told = shell.json("audit", "--action", "role.", "--search", "人事")
    assert [one["action"] for one in told] == ["role.delete", "role.create"]
    assert "role.take" in shell("audit", "--since", "2020-01-01", "--action", "role.").stdout
    rows = [*csv.DictReader(io.StringIO(shell("audit", "--export", "csv", "--action", "role.").stdout[1:]))]
    assert {"role.grant", "role.take"} <= {row["action"] for row in rows}
    lines = shell("audit", "--export", "jsonl", "--action", "role.create").stdout.splitlines()
    assert "人事专员" in [json.loads(line)["target_name"] for line in lines]


def test_dates_are_of_their_zone_or_of_utc() -> None:
    assert millis("1970-01-02") == 86_400_000
    assert millis("1970-01-01T08:00+08:00") == 0
    with pytest.raises(Exception, match="is no date"):
        millis("morgen")


def test_people_departments_organisations_and_spaces_are_named_by_what_people_know(shell: Shell) -> None:
    east = shell.json("organisations", "create", "华东公司", "--key", "named-east")
    shell.json("departments", "create", "研发部", "--organisation", "named-east")
    number = shell.json("departments", "create", "平台组", "--below", "研发部", "--organisation", "named-east")["id"]
    han = shell.json("accounts", "create", "han@named.example.com", "--organisation", "named-east")
    assert han["organisation_id"] == east["id"]
    shell.json("roles", "create", "人事", "employee.view", "--key", "named-hr", "--organisation", "named-east")

    there = ("--organisation", "named-east")
    assert shell.json("roles", "grant", "named-hr", "--department", "研发部/平台组", *there)["department_id"] == number
    given = shell.json("roles", "grant", "named-hr", "--account", "han@named.example.com", *there)
    assert (given["account_id"], given["organisation_id"]) == (han["id"], east["id"])
    assert [one["id"] for one in shell.json("roles", "grants", "--account", "han@named.example.com")] == [given["id"]]
    nobody = shell("roles", "grant", "named-hr", "--account", "nobody@named.example.com", *there)
    assert (nobody.returncode, "no account with the address nobody@" in nobody.stderr) == (1, True)

    told = shell.json("audit", "--action", "role.grant", *there)
    assert {one["user_agent"] for one in told} == {"mainspring"}
    assert {one["organisation_id"] for one in told} == {east["id"]}
    space = shell.json("spaces", "create", "空间", "--key", "named-space", *there)
    assert space["organisation_id"] == east["id"]
    row = next(line for line in shell("spaces", "list").stdout.splitlines() if space["id"] in line)
    assert "named-east" in row
