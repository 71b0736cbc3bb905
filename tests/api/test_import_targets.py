"""A table of ids may lead to what is not here: the import says so, node by node."""

from __future__ import annotations

from typing import Any

from tests.api.serving import Serving
from tests.api.test_import import coze


def searching(base: str) -> dict[str, Any]:
    bases = {"type": "list", "schema": {"type": "string"}, "value": {"type": "literal", "content": [base]}}
    canvas: dict[str, Any] = coze()
    canvas["nodes"].append(
        {
            "id": "2001",
            "type": "6",
            "data": {
                "nodeMeta": {"title": "检索"},
                "outputs": [],
                "inputs": {"inputParameters": [], "datasetParam": [{"name": "datasetList", "input": bases}]},
            },
        }
    )
    return canvas


async def test_a_table_that_leads_to_nothing_is_told_and_what_is_here_is_not(serving: Serving) -> None:
    base = (await serving.post("/knowledge", {"name": "规则"})).json()["id"]
    order = {
        "from": "coze",
        "documents": [{"id": "1", "canvas": searching("7401")}],
        "table": {"knowledge": {"7401": "382966000000000000"}},
    }
    for there, said in (("382966000000000000", 1), (base, 0)):
        order |= {"table": {"knowledge": {"7401": there}}, "existing": "update"}
        told = (await serving.post("/workflows/import", order)).json()["workflows"][0]["diagnostics"]
        found = [(one["node"], one["severity"]) for one in told if one["code"] == "unmapped_knowledge"]
        assert found == [("2001", "warning")] * said, told
