"""Whatever a document holds, reading it ends, and says what is wrong."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import FlowError
from engine.openapi.document import read_document
from engine.openapi.request import assemble
from engine.openapi.tool import HttpTool
from tests.engine.json_values import VALUES
from tests.engine.openapi_documents import SWAGGER
from tests.fakes.tool_server import described

WHOLE = described("https://tools.example.com", scheme={"type": "http", "scheme": "bearer"})
WORDS = st.sampled_from(
    ["$ref", "type", "properties", "items", "allOf", "oneOf", "parameters", "schema", "in", "name", "content", "paths",
     "required", "default", "enum", "security", "responses", "x-global-disable", "style", "explode", "swagger"]
)  # fmt: skip
ODD = st.one_of(
    VALUES,
    st.sampled_from(["#", "#/", "#/paths", "#/components/schemas/A", "https://a.example/b", "object", "array", "path"]),
    st.dictionaries(WORDS, VALUES, max_size=3),
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, one in inner for place in places(one, (*at, key)))]


DOCUMENTS = {"openapi": (WHOLE, places(WHOLE)[1:]), "swagger": (SWAGGER, places(SWAGGER)[1:])}


@given(document=st.one_of(st.dictionaries(WORDS, ODD), st.dictionaries(st.text(), VALUES)))
def test_any_object_is_read_or_found_wanting(document: dict[str, Any]) -> None:
    for version in ({}, {"openapi": "3.1.0"}, {"swagger": "2.0"}):
        described_ = read_document({**document, **version})
        assert described_.tools or any(one.severity == "error" for one in described_.findings)


@settings(max_examples=300)
@given(data=st.data())
def test_a_document_with_something_odd_in_it_is_read_all_the_same(data: st.DataObject) -> None:
    whole, known = DOCUMENTS[data.draw(st.sampled_from([*DOCUMENTS]))]
    document = copy.deepcopy(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(known))
        within: Any = document
        try:
            for key in way:
                within = within[key]
            if data.draw(st.booleans()):
                within[last] = data.draw(ODD)
            else:
                within[data.draw(WORDS)] = data.draw(ODD)
        except (KeyError, IndexError, TypeError):
            continue
    described_ = read_document(document)
    for tool in described_.tools:
        assert HttpTool.model_validate_json(tool.model_dump_json(exclude_defaults=True)) == tool
        arguments = {one.name: data.draw(VALUES) for one in tool.arguments}
        try:
            request, _ = assemble(tool, "https://tools.example.com", arguments, {})
        except FlowError:
            continue
        assert request.url.startswith("https://tools.example.com/")
