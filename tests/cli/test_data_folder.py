"""A data folder keeps its token, and tells other processes where to find what runs on it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cli.complaint import CommandFailed
from cli.data_folder import ApiAddress, DataFolder, TemporalAddress, TemporalIdentity
from storage.keyring import KeyRing


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "数据")
    made.prepare()
    return made


def test_a_token_is_made_once_and_only_its_owner_may_read_it(folder: DataFolder) -> None:
    token, fresh = folder.ensure_token()
    assert fresh
    assert token.startswith("ms_")
    assert folder.ensure_token() == (token, False)
    assert folder.token_file.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in folder.path.iterdir()] == ["token"]


def test_a_token_that_somebody_else_put_there_stays(folder: DataFolder) -> None:
    folder.token_file.write_text("ms_given\n")
    assert folder.ensure_token() == ("ms_given", False)


def test_there_is_no_token_before_the_first_start(folder: DataFolder) -> None:
    assert folder.token() is None


def test_addresses_are_told_and_forgotten(folder: DataFolder) -> None:
    api = ApiAddress("http://127.0.0.1:1", os.getpid())
    temporal = TemporalAddress("127.0.0.1:2", "", "default", os.getpid())
    folder.tell(api)
    folder.tell(temporal)
    assert (folder.api(), folder.temporal()) == (api, temporal)
    folder.forget(api)
    assert (folder.api(), folder.temporal()) == (None, temporal)


def test_what_another_process_has_told_since_is_not_forgotten(folder: DataFolder) -> None:
    mine, theirs = ApiAddress("http://127.0.0.1:1", 1), ApiAddress("http://127.0.0.1:2", 2)
    folder.tell(mine)
    folder.tell(theirs)
    folder.forget(mine)
    assert folder.api() == theirs


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": 1}'])
def test_an_address_that_makes_no_sense_is_none(folder: DataFolder, text: str) -> None:
    (folder.path / "api.json").write_text(text)
    assert folder.api() is None


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandFailed, match=r"The data folder .*file/data cannot be made: Not a directory"):
        DataFolder(tmp_path / "file" / "data").prepare()


HERE = TemporalIdentity("default", "one")


def test_a_folder_belongs_to_the_temporal_of_its_first_connection(folder: DataFolder) -> None:
    folder.belong_to(HERE)
    DataFolder(folder.path).belong_to(HERE)
    assert [file.name for file in folder.path.iterdir()] == ["temporal-identity.json"]


@pytest.mark.parametrize("other", [TemporalIdentity("prod", "one"), TemporalIdentity("default", "two")])
def test_another_namespace_or_cluster_is_refused_until_the_file_is_deleted(
    folder: DataFolder, other: TemporalIdentity
) -> None:
    folder.belong_to(HERE)
    with pytest.raises(CommandFailed) as refused:
        folder.belong_to(other)
    file = folder.path / "temporal-identity.json"
    assert all(str(named) in refused.value.message for named in (HERE, other, file))
    file.unlink()
    folder.belong_to(other)


def test_an_identity_that_cannot_be_read_is_not_written_over(folder: DataFolder) -> None:
    file = folder.path / "temporal-identity.json"
    file.write_text("{")
    with pytest.raises(CommandFailed, match="cannot be read"):
        folder.belong_to(HERE)
    assert file.read_text() == "{"


def test_an_encryption_key_is_made_once_and_only_its_owner_may_read_it(folder: DataFolder) -> None:
    assert folder.encryption_key() is None
    key = folder.ensure_encryption_key()
    assert KeyRing.parse(key).to_text() == key
    assert KeyRing.parse(folder.ensure_encryption_key()).ids == KeyRing.parse(key).ids
    assert folder.encryption_key_file.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in folder.path.iterdir()] == ["encryption-key"]


def test_of_many_who_make_the_encryption_key_at_once_one_wins(folder: DataFolder) -> None:
    with ThreadPoolExecutor(8) as several:
        made = {made.result().strip() for made in [several.submit(folder.ensure_encryption_key) for _ in range(40)]}
    assert made == {folder.encryption_key()}
    assert [file.name for file in folder.path.iterdir()] == ["encryption-key"]


def test_an_empty_encryption_key_is_not_silently_replaced(folder: DataFolder) -> None:
    folder.encryption_key_file.touch()
    with pytest.raises(CommandFailed, match="is empty"):
        folder.ensure_encryption_key()


def test_an_encryption_key_is_replaced_whole_and_stays_its_owners(folder: DataFolder) -> None:
    folder.ensure_encryption_key()
    folder.replace_encryption_key("another\n")
    assert folder.encryption_key() == "another"
    assert folder.encryption_key_file.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in folder.path.iterdir()] == ["encryption-key"]
