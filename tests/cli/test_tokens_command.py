"""`mainspring tokens`, as an operator uses it."""

from __future__ import annotations

from pathlib import Path

import httpx2

from cli.data_folder import DataFolder
from tests.cli.command import mainspring, result, standing


def answered(folder: Path, token: str) -> int:
    """What a token is answered by the server that is up on a folder."""
    where = DataFolder(folder).api()
    assert where is not None
    headers = {"authorization": f"Bearer {token}"}
    return httpx2.get(f"{where.url}/api/v1/tokens", headers=headers, trust_env=False).status_code


def test_a_token_is_made_listed_used_and_revoked(tmp_path: Path) -> None:
    folder = ("--data-dir", tmp_path / "数据")
    with standing(tmp_path / "数据"):
        token = mainspring("tokens", "create", "夜间导入", "--days", "7", "--scope", "token.*", *folder)
        assert token.stdout.startswith("pat_"), token.stderr
        assert answered(tmp_path / "数据", token.stdout.strip()) == 200
        (known,) = result(mainspring("tokens", "list", "--json", *folder))
        assert (known["name"], known["scopes"]) == ("夜间导入", ["token.*"])
        assert known["prefix"] in mainspring("tokens", "list", *folder).stdout
        gone = mainspring("tokens", "revoke", known["id"], *folder)
        assert gone.stdout == f"The token {known['id']} opens nothing any more.\n"
        assert answered(tmp_path / "数据", token.stdout.strip()) == 401
        assert mainspring("tokens", "revoke", known["id"], *folder).returncode == 1
        wrong = mainspring("tokens", "create", "a", "--account", "nobody@example.com", *folder)
        assert (wrong.returncode, "no account" in wrong.stderr) == (1, True)
        assert mainspring("tokens", "list", *folder).stdout == "There are no tokens.\n"


def test_the_operators_token_is_replaced_under_a_server_that_is_up(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with standing(folder):
        old = (folder / "token").read_text().strip()
        assert answered(folder, old) == 200
        said = mainspring("tokens", "replace-instance", "--data-dir", folder)
        assert (said.returncode, "is a new one" in said.stdout) == (0, True), said.stderr
        new = (folder / "token").read_text().strip()
        assert new not in said.stdout + said.stderr
        assert (answered(folder, old), answered(folder, new)) == (401, 200)
        assert (folder / "token").stat().st_mode & 0o777 == 0o600
        assert mainspring("tokens", "list", "--data-dir", folder).returncode == 0


def test_a_token_whose_file_was_deleted_opens_nothing_after_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with standing(folder):
        old = (folder / "token").read_text().strip()
    (folder / "token").unlink()
    with standing(folder):
        new = (folder / "token").read_text().strip()
        assert (answered(folder, old), answered(folder, new)) == (401, 200)
