"""What every vault keeps: texts come back to those they belong to, and to nobody else."""

import asyncio

import pytest

from engine.errors import InvalidInput, NotFound
from storage.ports import Secrets

TEXT = "sk-钥匙-🔑-" + "x" * 40


@pytest.mark.parametrize("text", [TEXT, "", "x", "行\n" * 5_000])
async def test_a_text_comes_back_as_it_was(secrets: Secrets, text: str) -> None:
    assert await secrets.open("7", "model", await secrets.put("7", "model", text)) == text


async def test_each_text_has_an_id_of_its_own(secrets: Secrets) -> None:
    ids = await asyncio.gather(*(secrets.put("7", "model", f"{TEXT}{number}") for number in range(20)))
    assert len({*ids}) == 20
    assert [await secrets.open("7", "model", one) for one in ids] == [f"{TEXT}{number}" for number in range(20)]


async def test_a_text_is_replaced_under_its_id(secrets: Secrets) -> None:
    kept = await secrets.put("7", "model", TEXT, last4="xxxx")
    assert await secrets.put("7", "model", "新的", secret_id=kept) == kept
    assert await secrets.open("7", "model", kept) == "新的"
    assert await secrets.hints("7", "model", [kept]) == {kept: ""}


@pytest.mark.parametrize(("org", "kind"), [("8", "model"), ("", "model"), ("7", "plugin")])
async def test_another_organisation_and_another_kind_find_nothing(secrets: Secrets, org: str, kind: str) -> None:
    kept = await secrets.put("7", "model", TEXT, last4="xxxx")
    with pytest.raises(NotFound):
        await secrets.open(org, kind, kept)
    with pytest.raises(NotFound):
        await secrets.put(org, kind, "mine", secret_id=kept)
    assert await secrets.hints(org, kind, [kept]) == {}
    if org != "7":
        await secrets.delete(org, kept)
    assert await secrets.open("7", "model", kept) == TEXT


@pytest.mark.parametrize("secret_id", ["1", "no id", "-1", "9" * 30])
async def test_what_is_not_there_is_not_found(secrets: Secrets, secret_id: str) -> None:
    with pytest.raises(NotFound):
        await secrets.open("7", "model", secret_id)
    with pytest.raises(NotFound):
        await secrets.put("7", "model", TEXT, secret_id=secret_id)
    assert await secrets.hints("7", "model", [secret_id]) == {}
    await secrets.delete("7", secret_id)


async def test_the_instance_has_secrets_of_its_own(secrets: Secrets) -> None:
    kept = await secrets.put("", "model", TEXT)
    assert await secrets.open("", "model", kept) == TEXT
    with pytest.raises(NotFound):
        await secrets.open("7", "model", kept)


async def test_only_what_was_said_to_be_shown_is_shown(secrets: Secrets) -> None:
    shown, hidden = await secrets.put("7", "model", TEXT, last4="尾巴四个"), await secrets.put("7", "model", TEXT)
    assert await secrets.hints("7", "model", [shown, hidden, "5"]) == {shown: "尾巴四个", hidden: ""}
    assert await secrets.hints("7", "model", []) == {}
    with pytest.raises(InvalidInput):
        await secrets.put("7", "model", TEXT, last4="12345")


async def test_a_deleted_secret_is_gone(secrets: Secrets) -> None:
    kept = await secrets.put("7", "model", TEXT)
    await secrets.delete("7", kept)
    await secrets.delete("7", kept)
    with pytest.raises(NotFound):
        await secrets.open("7", "model", kept)


@pytest.mark.parametrize("kind", ["", "k" * 33, "a|b"])
async def test_a_kind_that_cannot_be_one_takes_nothing(secrets: Secrets, kind: str) -> None:
    with pytest.raises(InvalidInput):
        await secrets.put("7", kind, TEXT)
