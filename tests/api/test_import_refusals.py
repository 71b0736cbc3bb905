"""Bundles that cannot be imported: they are refused whole, and leave nothing behind."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.drawings import greeting
from tests.api.serving import Serving
from tests.api.test_import import WEATHER

Document = dict[str, Any]

TABLE: Document = {"id": "t", "definition": {"name": "visitors", "fields": [{"name": "name"}]}}
BASE: Document = {"id": "b", "definition": {"name": "rules"}}


def plugin(*versions: Any, document: Any = WEATHER) -> Document:
    return {"id": "p", "definition": {"plugin": {"document": document}, "versions": [*versions]}}


def bundle(*versions: str, key: str = "", plugins: tuple[Document, ...] = (), bases: tuple[Document, ...] = ()) -> Any:
    flow = {
        "id": "1",
        "key": key,
        "name": "w",
        "draft": greeting(),
        "versions": [{"version": one, "canvas": greeting()} for one in versions],
    }
    return {
        "bundle": {
            "kind": "mainspring-bundle",
            "format": 1,
            "root": "1",
            "workflows": [flow],
            "databases": [TABLE],
            "plugins": [*plugins],
            "knowledge": [*bases],
        }
    }


@pytest.mark.parametrize(
    "body",
    [
        bundle("v0.0.2", "v0.0.1"),
        bundle("v0.0.1", "v0.0.1"),
        bundle("newest"),
        bundle(*(f"v0.0.{number}" for number in range(1, 300))),
        bundle(key="not a key"),
        bundle(plugins=(plugin("v0.0.1", {"a": 1}),)),
        bundle(plugins=(plugin(*(f"v0.0.{number}" for number in range(1, 300))),)),
        bundle(plugins=(plugin("v0.0.1", document={"openapi": "3.0.3"}),)),
        bundle(plugins=(plugin("v0.0.1"),), bases=({"id": "b", "definition": {"name": "x" * 999}},)),
        bundle(plugins=(plugin("v0.0.1"),), bases=(BASE,), key="not a key"),
    ],
)
async def test_what_is_refused_leaves_nothing_behind(serving: Serving, body: Document) -> None:
    answer = await serving.post("/workflows/import", body)
    assert answer.status_code == 422, answer.text
    for place in ("workflows", "databases", "plugins", "knowledge"):
        assert (await serving.get(f"/{place}")).json()["items"] == [], place
