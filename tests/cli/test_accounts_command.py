"""The first login, and `mainspring accounts`, as whoever runs the machine meets them."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2

from cli.data_folder import DataFolder
from tests.cli.command import Service, mainspring, result, standing

PAGE = {"x-requested-with": "test"}
FIRST = re.compile(r"^  administrator +(\S+)  (\S+)  \(shown this once", re.M)


def log_in(folder: Path, email: str, password: str) -> httpx2.Response:
    where = DataFolder(folder).api()
    assert where is not None
    body = {"email": email, "password": password}
    return httpx2.post(f"{where.url}/api/v1/login", json=body, headers=PAGE, timeout=60)


def first_login(up: Service) -> tuple[str, str]:
    found = FIRST.search(up.said)
    assert found is not None, up.said
    return found[1], found[2]


def test_the_first_start_shows_a_password_for_one_login_and_keeps_it_nowhere(tmp_path: Path) -> None:
    folder = tmp_path / "数据"
    with standing(folder, MAINSPRING_ADMINISTRATOR="Root@例子.中国") as up:
        _, password = first_login(up)
        answer = log_in(folder, "root@例子.中国", password)
        assert (answer.status_code, answer.json()["change_password"]) == (200, True)
        up.stop()
    kept = [file for file in folder.rglob("*") if file.is_file() and password.encode() in file.read_bytes()]
    assert kept == []
    with standing(folder) as again:
        assert FIRST.search(again.said) is None
        assert password not in again.said
        again.stop()


def test_whoever_has_the_machine_looks_after_accounts(up: Service, data_dir: Path) -> None:
    where = ("--data-dir", data_dir)
    root, _ = first_login(up)
    made = mainspring("accounts", "create", "Li@Example.com", "--name", "李雷", "--locale", "zh", *where)
    assert made.returncode == 0, made.stderr
    password = made.stdout.splitlines()[1].split()[0]
    assert log_in(data_dir, "li@example.com", password).status_code == 200
    assert mainspring("accounts", "create", "li@example.com", *where).returncode == 1
    listed = mainspring("accounts", "list", *where)
    assert "li@example.com" in listed.stdout
    assert "李雷" in listed.stdout
    assert [one["email"] for one in result(mainspring("accounts", "list", "--json", *where))][-1] == root

    assert "disabled" in mainspring("accounts", "disable", "LI@example.com", *where).stdout
    assert log_in(data_dir, "li@example.com", password).status_code == 403
    assert len(result(mainspring("accounts", "list", "--disabled", "--json", *where))) == 1
    assert "enabled" in mainspring("accounts", "enable", "li@example.com", *where).stdout
    reset = mainspring("accounts", "reset-password", "li@example.com", *where)
    assert log_in(data_dir, "li@example.com", password).status_code == 401
    assert log_in(data_dir, "li@example.com", reset.stdout.split()[0]).status_code == 200


def test_what_cannot_be_done_with_an_account_is_told_in_a_sentence(up: Service, data_dir: Path) -> None:
    where = ("--data-dir", data_dir)
    root, _ = first_login(up)
    for words, sentence in (
        (("disable", root), "The last administrator of the instance stays one."),
        (("enable", "nobody@example.com"), "There is no account with the address nobody@example.com."),
        (("disable", "12345"), "There is no such account."),
        (("reset-password", "王"), "An account is named by its address or its id, but '王' came."),
        (("create", "no address"), "This is no e-mail address."),
    ):
        done = mainspring("accounts", *words, *where)
        assert (done.returncode, sentence in done.stderr) == (1, True), done.stderr


def test_who_is_locked_out_gets_a_password_though_nothing_is_up(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with standing(folder) as up:
        email, lost = first_login(up)
        up.stop()
    reset = mainspring("accounts", "reset-password", email, "--data-dir", folder)
    assert reset.returncode == 0, reset.stderr
    with standing(folder) as up:
        assert log_in(folder, email, lost).status_code == 401
        assert log_in(folder, email, reset.stdout.split()[0]).status_code == 200
        up.stop()
