"""Models of organisations and of the instance: found by the names that nodes use, changed by those who own them."""

import asyncio
from typing import Any

import pytest

from engine.errors import Conflict, InvalidInput, NotFound
from storage.models import INSTANCE, ModelRepository, ModelSettings
from storage.stores import Stores
from storage.tables import Model


@pytest.fixture
def models(stores: Stores) -> ModelRepository:
    return stores.models(7)


def settings(key: str = "模型", **given: Any) -> ModelSettings:
    known: dict[str, Any] = {"title": "一个模型", "kind": "chat", "provider": "openai", "vendor_model": "gpt-5"}
    return ModelSettings(key=key, **{**known, **given})


async def keys(models: ModelRepository, **given: Any) -> list[str]:
    return [model.key for model in (await models.page(**given)).items]


async def test_a_model_comes_back_as_it_was_made(models: ModelRepository) -> None:
    made = await models.create(
        settings(
            base_url="https://api.example.com/v1",
            options={"api_version": "1"},
            secret_id=5,
            defaults={"temperature": 0.5},
            capabilities={"images": True},
            quota={"concurrency": 2},
            patience={"gap_seconds": 9.5},
            prices={"input": 1.5, "currency": "CNY"},
            fallback=("备用", "other"),
            media="url",
        )
    )
    found = await models.get("模型")
    assert found == made == await models.get(str(made.id))
    assert (found.title, found.fallback, found.prices) == (
        "一个模型",
        ["备用", "other"],
        {"input": 1.5, "currency": "CNY"},
    )
    assert (found.revision, found.enabled, found.org_id) == (1, 1, 7)


async def test_the_key_is_taken_once_among_the_living(stores: Stores, models: ModelRepository) -> None:
    made = await models.create(settings("gpt"))
    with pytest.raises(Conflict, match="key"):
        await models.create(settings("gpt", kind="embedding"))
    await stores.models(8).create(settings("gpt"))
    await stores.instance_models().create(settings("gpt"))
    await models.delete(made.id)
    await models.create(settings("gpt"))
    await models.delete((await models.get("gpt")).id)


@pytest.mark.parametrize("key", ["gpt-5", "qwen2.5:7b", "模型一", "a", "claude@vertex", "A.b_c+d"])
async def test_the_names_that_vendors_give_may_be_keys(models: ModelRepository, key: str) -> None:
    assert (await models.create(settings(key))).key == key


@pytest.mark.parametrize(
    "key",
    ["", "a b", "a/b", " a", "-a", "a\n", "123", "x" * 101, "default", "Default", "scripted", "scripted:slow", "a~b"],
)
async def test_what_cannot_be_a_key_is_refused(models: ModelRepository, key: str) -> None:
    with pytest.raises(InvalidInput):
        await models.create(settings(key))
    made = await models.create(settings("good"))
    with pytest.raises(InvalidInput):
        await models.change(made.id, {"key": key}, revision=1)


async def test_a_key_is_the_same_however_its_letters_are_composed(models: ModelRepository) -> None:
    await models.create(settings("cafe\u0301"))
    assert (await models.resolve("caf\u00e9", "chat")).key == "caf\u00e9"


async def test_only_the_given_settings_change(models: ModelRepository) -> None:
    made = await models.create(settings(defaults={"top_p": 1}))
    changed = await models.change(made.id, {"title": "新名", "enabled": False, "revision": 99, "id": 3}, revision=1)
    assert (changed.title, changed.enabled, changed.defaults, changed.revision) == ("新名", 0, {"top_p": 1}, 2)
    assert changed.id == made.id


async def test_of_two_who_change_a_model_the_second_is_told(models: ModelRepository) -> None:
    made = await models.create(settings())
    await models.change(made.id, {"title": "one"}, revision=1)
    with pytest.raises(Conflict) as error:
        await models.change(made.id, {"title": "two"}, revision=1)
    assert error.value.facts == {"revision": 2}
    outcomes = await asyncio.gather(
        *(models.change(made.id, {"title": f"t{number}"}, revision=2) for number in range(10)), return_exceptions=True
    )
    assert sum(isinstance(one, Model) for one in outcomes) == 1


async def test_a_key_cannot_be_changed_to_one_that_is_taken(models: ModelRepository) -> None:
    await models.create(settings("a"))
    b = await models.create(settings("b"))
    with pytest.raises(Conflict, match="key"):
        await models.change(b.id, {"key": "a", "title": "t"}, revision=1)
    assert (await models.get("b")).title == "一个模型"


async def test_another_organisations_model_is_not_found(stores: Stores, models: ModelRepository) -> None:
    made = await models.create(settings())
    others = stores.models(8)
    for attempt in (
        others.get("模型"),
        others.get(str(made.id)),
        others.change(made.id, {"title": "mine"}, revision=1),
        others.delete(made.id),
        others.resolve("模型", "chat"),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await keys(others) == []
    assert (await models.get("模型")).revision == 1


async def test_everybody_sees_the_models_of_the_instance_and_none_can_change_them(stores: Stores) -> None:
    shared = await stores.instance_models().create(settings("shared"))
    ours = stores.models(7)
    assert shared.org_id == INSTANCE
    assert await keys(ours) == ["shared"]
    assert (await ours.get(str(shared.id))).key == "shared"
    with pytest.raises(NotFound):
        await ours.change(shared.id, {"title": "mine"}, revision=1)
    with pytest.raises(NotFound):
        await ours.delete(shared.id)


async def test_a_nodes_name_means_ones_own_model_before_the_instances(stores: Stores, models: ModelRepository) -> None:
    await stores.instance_models().create(settings("gpt", title="shared"))
    assert (await models.resolve("gpt", "chat")).title == "shared"
    await models.create(settings("gpt", title="own"))
    assert (await models.resolve("gpt", "chat")).title == "own"
    assert (await models.get("gpt")).title == "own"
    assert (await stores.models(8).resolve("gpt", "chat")).title == "shared"


async def test_a_model_of_another_kind_is_not_meant(models: ModelRepository) -> None:
    await models.create(settings("bge", kind="embedding"))
    with pytest.raises(NotFound, match="no chat model 'bge'"):
        await models.resolve("bge", "chat")
    assert (await models.resolve("bge", "embedding")).key == "bge"


async def test_a_model_that_is_switched_off_is_not_stood_in_for(stores: Stores, models: ModelRepository) -> None:
    await stores.instance_models().create(settings("gpt"))
    own = await models.create(settings("gpt"))
    await models.change(own.id, {"enabled": False}, revision=1)
    for name in ("gpt", "default"):
        with pytest.raises(NotFound, match="switched off"):
            await models.resolve(name, "chat")
    assert await models.names("embedding") == []


async def test_the_first_of_a_kind_is_the_default_until_another_is_said_to_be(models: ModelRepository) -> None:
    first = await models.create(settings("first"))
    second = await models.create(settings("second"))
    await models.create(settings("vectors", kind="embedding"))
    assert (await models.resolve("default", "chat")).key == "first"
    await models.change(second.id, {"is_default": True}, revision=1)
    assert (await models.resolve("default", "chat")).key == "second"
    assert (await models.resolve("default", "embedding")).key == "vectors"
    third = await models.create(settings("third", is_default=True))
    assert [model.key for model in (await models.page(kind="chat")).items if model.is_default] == ["third"]
    await models.delete(third.id)
    with pytest.raises(NotFound):
        await models.resolve("default", "chat")
    assert (await models.get(str(first.id))).is_default == 0


async def test_without_a_default_of_its_own_an_organisation_has_the_instances(stores: Stores) -> None:
    await stores.instance_models().create(settings("shared"))
    assert (await stores.models(7).resolve("default", "chat")).key == "shared"
    await stores.models(7).create(settings("own", is_default=False))
    assert (await stores.models(7).resolve("default", "chat")).key == "shared"
    await stores.models(7).create(settings("mine", is_default=True))
    assert (await stores.models(7).resolve("default", "chat")).key == "mine"
    assert (await stores.models(8).resolve("default", "chat")).key == "shared"


async def test_the_names_are_listed_once_each(stores: Stores, models: ModelRepository) -> None:
    await stores.instance_models().create(settings("b"))
    for key in ("c", "b", "a"):
        await models.create(settings(key))
    assert await models.names("chat") == ["a", "b", "c"]


async def test_models_come_in_pages_and_can_be_searched(models: ModelRepository) -> None:
    for number in range(5):
        await models.create(settings(f"m{number}", title=f"第{number}个", kind="chat" if number % 2 else "rerank"))
    page = await models.page(limit=2)
    assert [model.key for model in page.items] == ["m4", "m3"]
    assert [model.key for model in (await models.page(limit=2, cursor=page.next)).items] == ["m2", "m1"]
    assert await keys(models, search="第3") == ["m3"]
    assert await keys(models, search="%") == []
    assert await keys(models, kind="chat") == ["m3", "m1"]
