"""The encryption key comes from where it was put, and nothing starts with a wrong one or, in production, without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from cli.complaint import CommandFailed
from cli.composition import lay_groundwork
from cli.data_folder import DataFolder
from cli.keys import key_ring
from conf.settings import Settings
from storage.keyring import KeyRing, WrongKey

KEY = "mine:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "数据")
    made.prepare()
    return made


def settings(folder: DataFolder, key: str = "", **given: Any) -> Settings:
    return Settings(data_dir=folder.path, encryption_key=SecretStr(key), **given)


async def with_a_secret(folder: DataFolder, key: str = "") -> None:
    ground = lay_groundwork(settings(folder, key), folder)
    await ground.stores.secrets.put("7", "model", "机密")
    ground.stores.close()


def test_without_one_the_data_folder_makes_its_own(folder: DataFolder) -> None:
    ring = key_ring(settings(folder), folder)
    assert KeyRing.parse(folder.encryption_key() or "").ids == ring.ids == key_ring(settings(folder), folder).ids


def test_the_environment_and_a_file_come_before_it(folder: DataFolder, tmp_path: Path) -> None:
    file = tmp_path / "密钥"
    file.write_text(KEY + "\n", "utf-8")
    assert key_ring(settings(folder, KEY), folder).current == "mine"
    assert key_ring(settings(folder, encryption_key_file=str(file)), folder).current == "mine"
    assert folder.encryption_key() is None


def test_only_one_of_them_is_taken(folder: DataFolder, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="set one"):
        key_ring(settings(folder, KEY, encryption_key_file=str(tmp_path / "key")), folder)


def test_a_key_file_that_cannot_be_read_is_named(folder: DataFolder, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="missing-key cannot be read: No such file"):
        key_ring(settings(folder, encryption_key_file=str(tmp_path / "missing-key")), folder)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(CommandFailed, match="it is no text"):
        key_ring(settings(folder, encryption_key_file=str(tmp_path / "bytes")), folder)


def test_what_is_no_key_is_said_to_be_none_where_it_stands(folder: DataFolder) -> None:
    with pytest.raises(CommandFailed, match=r"MAINSPRING_ENCRYPTION_KEY: .*32 bytes; one has 3\..*openssl"):
        key_ring(settings(folder, "AAEC"), folder)
    folder.encryption_key_file.write_text("AAEC\n")
    with pytest.raises(CommandFailed, match=r"encryption-key: .*32 bytes"):
        key_ring(settings(folder), folder)


def test_production_starts_with_a_key_from_outside_alone(folder: DataFolder) -> None:
    folder.ensure_encryption_key()
    with pytest.raises(CommandFailed, match="In production the encryption key has to come from outside"):
        lay_groundwork(settings(folder, mode="production"), folder)
    assert key_ring(settings(folder, KEY, mode="production"), folder).current == "mine"


async def test_a_lost_key_is_not_replaced_by_a_new_one(folder: DataFolder) -> None:
    await with_a_secret(folder)
    (key_id,) = KeyRing.parse(folder.encryption_key() or "").ids
    folder.encryption_key_file.rename(folder.path / "away")
    with pytest.raises(CommandFailed, match=rf"encryption-key is missing.*\(the key {key_id}\)"):
        key_ring(settings(folder), folder)
    assert folder.encryption_key() is None
    (folder.path / "away").rename(folder.encryption_key_file)
    lay_groundwork(settings(folder), folder).stores.close()


async def test_nothing_starts_with_another_key_than_what_is_there_needs(folder: DataFolder) -> None:
    await with_a_secret(folder)
    with pytest.raises(WrongKey, match="which is not among those given"):
        lay_groundwork(settings(folder, KEY), folder)


def test_the_key_is_not_among_the_settings_that_are_shown(folder: DataFolder) -> None:
    assert "AAECAwQ" not in repr(settings(folder, KEY)) + settings(folder, KEY).model_dump_json()
