"""What a canvas needs of what lies around it, and how it is told that these are called something else."""

from typing import Any

from engine.interchange.needs import Need, in_order, needs, renamed


def canvas() -> dict[str, Any]:
    return {
        "nodes": [
            {"id": "start", "type": "start"},
            {
                "id": "ask",
                "type": "llm",
                "data": {
                    "inputs": {
                        "model": {"value": "gpt"},
                        "fallback_models": {"list": [{"value": "qwen"}, {"ref": ["start", "model"]}]},
                    },
                    "settings": {
                        "tools": [
                            {"kind": "workflow", "workflow": "11", "version": "v1.0.0"},
                            {"kind": "plugin", "plugin": "21", "tool": "weather"},
                        ],
                        "knowledge": {"bases": ["31", "32"]},
                    },
                },
            },
            {
                "id": "each",
                "type": "loop",
                "blocks": [
                    {"id": "sub", "type": "subworkflow", "data": {"settings": {"workflow": "12", "version": ""}}},
                    {"id": "rows", "type": "database_query", "data": {"settings": {"database": "41"}}},
                ],
            },
            "no node",
        ],
        "edges": [],
    }


def test_everything_a_canvas_names_is_found_with_its_version() -> None:
    assert needs(canvas()) == [
        Need("model", "gpt", "ask"),
        Need("model", "qwen", "ask"),
        Need("workflow", "11", "ask", "v1.0.0"),
        Need("plugin", "21", "ask"),
        Need("knowledge", "31", "ask"),
        Need("knowledge", "32", "ask"),
        Need("workflow", "12", "sub"),
        Need("database", "41", "rows"),
    ]


def test_renaming_changes_the_names_that_are_known_and_nothing_else() -> None:
    table = {"workflow": {"11": "91", "12": "92"}, "knowledge": {"32": "93"}, "database": {"41": "94", "11": "95"}}
    made = renamed(canvas(), table)
    assert [need.id for need in needs(made)] == ["gpt", "qwen", "91", "21", "31", "93", "92", "94"]
    back = {"workflow": {"91": "11", "92": "12"}, "knowledge": {"93": "32"}, "database": {"94": "41"}}
    assert renamed(made, back) == canvas()


def test_what_is_no_canvas_needs_nothing() -> None:
    strange: list[dict[str, Any]] = [
        {}, {"nodes": 7}, {"nodes": [{"type": "llm", "data": []}]},
        {"nodes": [{"type": "llm", "data": {"settings": {"tools": {"workflow": "1"}}}}]},
        {"nodes": [{"type": "subworkflow", "data": {"settings": {"workflow": 5}}}]},
    ]  # fmt: skip
    for document in strange:
        assert needs(document) == []
        assert renamed(document, {"workflow": {"1": "2"}}) == document


def test_what_is_needed_comes_first_and_a_circle_ends() -> None:
    assert in_order({"a": ["b", "c"], "b": ["c"], "c": [], "d": ["x"]}) == ["c", "b", "a", "d"]
    assert set(in_order({"a": ["b"], "b": ["a"]})) == {"a", "b"}
    deep = {str(number): [str(number + 1)] for number in range(50_000)}
    assert in_order(deep)[0] == "49999"
