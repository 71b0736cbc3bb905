"""What lies in the vault is worth nothing to who has the database alone, and keys can be changed at any time."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from engine.errors import NotFound
from storage.data_keys import SqlDataKeys
from storage.keyring import KeyRing, NoKey, WrongKey
from storage.model_secret import ModelSecret
from storage.stores import Stores, open_stores
from storage.tables import OrganisationKey, Secret, WrappingKey
from storage.vault import SqlSecrets, last4_of, rewrap
from tests.storage.processes import Other, make_data_keys, rewrap_all
from tests.storage.samples import KEYS

TEXT = "sk-canary-3fa9c1-机密"
OLD = KeyRing({"old": bytes(range(32))})
NEW = KeyRing({"new": bytes(range(50, 82))})
BOTH = KeyRing({"new": bytes(range(50, 82)), "old": bytes(range(32))})


def contents(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.rglob("*") if file.is_file()]


async def tamper(stores: Stores, table: Any, **values: Any) -> None:
    await stores.database.write(lambda connection: connection.execute(update(table).values(**values)).close())


async def column(stores: Stores, what: Any) -> Sequence[Any]:
    return await stores.database.read(lambda connection: connection.scalars(select(what)).all())


async def test_neither_the_text_nor_its_key_is_in_the_files(tmp_path: Path) -> None:
    with open_stores(tmp_path, keys=KEYS) as stores:
        for number in range(20):
            await stores.secrets.put("7", "model", f"{TEXT}{number}")
        key = await stores.data_keys.current("7")
        files = contents(tmp_path)
    files += contents(tmp_path)
    for hidden in (b"canary", "机密".encode(), key.key, bytes(range(32))):
        assert not any(hidden in data for data in files)


@pytest.mark.parametrize("name", ["data", "wrapped", "nonce", "wrap_nonce"])
async def test_a_changed_secret_is_not_opened(stores: Stores, name: str) -> None:
    kept = await stores.secrets.put("7", "model", TEXT)
    (data,) = await column(stores, getattr(Secret, name))
    await tamper(stores, Secret, **{name: bytes([data[0] ^ 1]) + data[1:]})
    with pytest.raises(WrongKey):
        await stores.secrets.open("7", "model", kept)


async def test_a_secret_moved_to_another_place_is_not_opened(stores: Stores) -> None:
    kept = await stores.secrets.put("7", "model", TEXT)
    await tamper(stores, Secret, org_id=8)
    with pytest.raises(WrongKey):
        await stores.secrets.open("8", "model", kept)
    await tamper(stores, Secret, org_id=7, kind="plugin")
    with pytest.raises(WrongKey):
        await stores.secrets.open("7", "plugin", kept)
    await tamper(stores, Secret, kind="model", id=5)
    with pytest.raises(WrongKey):
        await stores.secrets.open("7", "model", "5")


async def test_the_content_of_one_secret_is_not_opened_as_another(stores: Stores) -> None:
    mine = await stores.secrets.put("7", "model", "mine")
    await stores.secrets.put("8", "model", TEXT)
    theirs = {
        name: (await column(stores, getattr(Secret, name)))[1] for name in ("data", "nonce", "wrapped", "wrap_nonce")
    }
    await tamper(stores, Secret, **theirs)
    with pytest.raises(WrongKey):
        await stores.secrets.open("7", "model", mine)


async def test_a_data_key_given_to_another_organisation_is_not_opened(stores: Stores) -> None:
    key = await stores.data_keys.current("7")
    await tamper(stores, OrganisationKey, org_id=8)
    fresh = SqlDataKeys(stores.database, KEYS)
    with pytest.raises(WrongKey):
        await fresh.current("8")
    with pytest.raises(WrongKey):
        await fresh.get(key.key_id)


async def test_without_keys_only_what_needs_them_is_refused(tmp_path: Path) -> None:
    with open_stores(tmp_path) as stores:
        for attempt in (
            stores.secrets.put("7", "model", TEXT),
            stores.secrets.open("7", "model", "1"),
            stores.data_keys.current("7"),
            stores.data_keys.renew("7"),
            stores.data_keys.get("1"),
            rewrap(stores.database, None),
        ):
            with pytest.raises(NoKey):
                await attempt
        assert await stores.secrets.hints("7", "model", ["1"]) == {}
        assert (await stores.organisations.ensure_default()).org_id


async def test_a_wrong_key_is_found_when_the_stores_are_opened(tmp_path: Path) -> None:
    with open_stores(tmp_path, keys=OLD) as stores:
        await stores.secrets.put("7", "model", TEXT)
    with pytest.raises(WrongKey, match=r"encrypted with the key old, which is not among those given \(new\)"):
        open_stores(tmp_path, keys=NEW)
    with pytest.raises(WrongKey, match="The encryption key old is not the one that was called so"):
        open_stores(tmp_path, keys=KeyRing({"old": bytes(32)}))
    with open_stores(tmp_path, keys=BOTH):
        pass


async def test_a_key_that_nothing_was_encrypted_with_may_be_changed_freely(tmp_path: Path) -> None:
    open_stores(tmp_path, keys=OLD).close()
    with open_stores(tmp_path, keys=NEW) as stores:
        assert await column(stores, col(WrappingKey.id)) == ["new"]


async def test_where_the_key_is_lost_for_good_another_begins_without_what_it_opened(tmp_path: Path) -> None:
    with open_stores(tmp_path, keys=OLD) as stores:
        kept = await stores.secrets.put("7", "model", TEXT)
        await stores.data_keys.current("7")
    # As docs/operating.md has it.
    with closing(sqlite3.connect(tmp_path / "mainspring.sqlite")) as connection:
        connection.execute("DELETE FROM secret")
        connection.execute("DELETE FROM organisation_key")
        connection.commit()
    with open_stores(tmp_path, keys=NEW) as stores:
        with pytest.raises(NotFound):
            await stores.secrets.open("7", "model", kept)
        assert await stores.secrets.open("7", "model", await stores.secrets.put("7", "model", TEXT)) == TEXT
        assert (await stores.data_keys.current("7")).key


async def test_everything_moves_to_the_new_key(tmp_path: Path) -> None:
    with open_stores(tmp_path, keys=OLD) as stores:
        secrets = [await stores.secrets.put("7", "model", f"{TEXT}{number}") for number in range(250)]
        keys = [await stores.data_keys.current(org) for org in ("7", "8", "")]
    with open_stores(tmp_path, keys=BOTH) as stores:
        assert [await stores.secrets.open("7", "model", one) for one in secrets[:2]] == [f"{TEXT}0", f"{TEXT}1"]
        done = await rewrap(stores.database, BOTH)
        assert (done.moved, done.retired) == (253, ("old",))
        assert (await rewrap(stores.database, BOTH)).moved == 0
    with open_stores(tmp_path, keys=NEW) as stores:
        assert [await stores.secrets.open("7", "model", one) for one in secrets] == [f"{TEXT}{n}" for n in range(250)]
        assert [await stores.data_keys.get(key.key_id) for key in keys] == keys
        assert [await stores.data_keys.current(org) for org in ("7", "8", "")] == keys
    with pytest.raises(WrongKey):
        open_stores(tmp_path, keys=OLD)


async def test_a_process_that_still_has_the_retired_key_alone_encrypts_nothing_with_it(stores: Stores) -> None:
    old = SqlSecrets(stores.database, OLD), SqlDataKeys(stores.database, OLD)
    with pytest.raises(WrongKey, match="was retired while this process ran"):
        await old[0].put("7", "model", TEXT)
    with pytest.raises(WrongKey, match="was retired while this process ran"):
        await old[1].current("7")


async def test_a_rotation_that_breaks_off_anywhere_leaves_everything_readable(tmp_path: Path) -> None:
    with open_stores(tmp_path, keys=OLD) as stores:
        kept = [await stores.secrets.put("7", "model", f"{TEXT}{number}") for number in range(600)]
    for _ in range(3):
        with Other(rewrap_all, tmp_path, BOTH.to_text()) as other:
            assert other.told.recv() == "begun"
            other.kill()
        with open_stores(tmp_path, keys=BOTH) as stores:
            assert [await stores.secrets.open("7", "model", one) for one in kept] == [f"{TEXT}{n}" for n in range(600)]
    with open_stores(tmp_path, keys=BOTH) as stores:
        await rewrap(stores.database, BOTH)
    with open_stores(tmp_path, keys=NEW) as stores:
        assert await stores.secrets.open("7", "model", kept[-1]) == f"{TEXT}599"


async def test_processes_that_ask_together_get_one_data_key(tmp_path: Path) -> None:
    open_stores(tmp_path, keys=OLD).close()
    organisations = [str(number) for number in range(1, 30)]
    others = [Other(make_data_keys, tmp_path, OLD.to_text(), organisations) for _ in range(3)]
    told = [other.rest() for other in others]
    for other in others:
        other.kill()
        other.told.close()
    assert told[0] == told[1] == told[2]
    assert len({*told[0]}) == 29


async def test_a_renewed_data_key_is_the_current_one_and_the_old_one_stays(stores: Stores) -> None:
    old = await stores.data_keys.current("7")
    new = await stores.data_keys.renew("7")
    assert old.key != new.key
    assert await stores.data_keys.current("7") == new == await SqlDataKeys(stores.database, KEYS).current("7")
    assert await SqlDataKeys(stores.database, KEYS).get(old.key_id) == old
    await stores.data_keys.current("")
    assert await stores.data_keys.organisations() == ["", "7"]


def test_of_a_short_secret_nothing_is_shown() -> None:
    assert [last4_of(text) for text in ("", "short", "x" * 11, "0123456789abcdef")] == ["", "", "", "cdef"]


def test_what_a_model_is_reached_with_is_one_text_and_never_shown() -> None:
    secret = ModelSecret(TEXT, {"X-Gateway": "机密"})
    assert ModelSecret.parse(secret.to_text()) == secret
    assert "canary" not in repr(secret)
    assert not ModelSecret()
