"""The library: our node types, those of other packages, and what happens when a package is broken."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nodes.library import ENTRY_POINTS, Library, built_in_library, load_library, modules
from nodes.palette import palette_entry
from nodes.surface import ActivityNode
from tests.architecture.source import ROOT
from tests.nodes.context import NodeWorld

OURS = {
    "start", "end", "message", "condition", "text_concat", "text_split", "json_to", "json_from", "set_variable",
    "assign_variables", "merge_variables", "loop", "batch", "break", "continue", "subworkflow", "http_request",
    "llm", "question", "form", "delay", "code", "text_template", "read_document", "plugin", "comment", "unavailable",
    "database_query", "database_insert", "database_update", "database_delete", "database_sql", "intent",
    "clear_conversation_history", "conversation_history", "create_conversation", "create_message",
    "delete_conversation", "delete_message", "knowledge_delete", "knowledge_retrieve", "knowledge_write",
    "list_conversations", "list_messages", "update_conversation", "update_message",
}  # fmt: skip

SHOUT = '''
from pydantic import BaseModel
from nodes.surface import Category, Example, NodeContext, activity_node

class Inputs(BaseModel):
    text: str

class Output(BaseModel):
    output: str

@activity_node({name!r}, title="Shout", category=Category.TEXT, examples=(Example({{"text": "a"}}, {{"output": "A"}}),))
async def shout(inputs: Inputs, ctx: NodeContext) -> Output:
    """Say it louder."""
    return Output(output=inputs.text.upper())

both = [shout]
again = shout
'''

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """Installs a package with one module and one entry point, for the time of a test."""
    before = set(sys.modules)

    def package(name: str, module: str, text: str, value: str = "") -> None:
        (tmp_path / f"{module}.py").write_text(text, encoding="utf-8")
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\n{module} = {value or module}\n")
        importlib.invalidate_caches()

    sys.path.insert(0, str(tmp_path))
    try:
        yield package
    finally:
        sys.path.remove(str(tmp_path))
        for name in set(sys.modules) - before:
            if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
                del sys.modules[name]


def findings(library: Library) -> list[tuple[str, str, object]]:
    return [(one.code, one.severity, one.facts["distribution"]) for one in library.diagnostics]


def test_every_node_type_of_the_issue_is_there() -> None:
    library = load_library()
    assert library.types.keys() == OURS
    assert library.activities.keys() == {
        "llm", "http_request", "assign_variables", "code", "text_template", "read_document", "plugin",
        "question.read", "clear_conversation_history", "conversation_history", "create_conversation",
        "create_message", "database_delete", "database_insert", "database_query", "database_sql", "database_update",
        "delete_conversation", "delete_message", "intent", "knowledge_delete", "knowledge_retrieve",
        "knowledge_write", "list_conversations", "list_messages", "update_conversation", "update_message",
    }  # fmt: skip
    assert library.diagnostics == ()
    assert {one.source for one in library.types.values()} == {"mainspring"}


def test_every_module_in_the_folders_is_looked_at() -> None:
    found = {path.relative_to(ROOT).as_posix() for path in (ROOT / "nodes").glob("*/*.py")}
    assert {f"{name.replace('.', '/')}.py" for name in modules()} == {one for one in found if "__init__" not in one}


def test_importing_a_node_registers_it_nowhere() -> None:
    for name in modules():
        tree = ast.parse((ROOT / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8"))
        calls = [one for one in tree.body if isinstance(one, ast.Expr) and not isinstance(one.value, ast.Constant)]
        assert calls == [], name


@pytest.mark.parametrize("value", ["shouting", "shouting:shout", "shouting:both"])
async def test_another_packages_node_types_join_ours(install: Install, value: str) -> None:
    install("loud-nodes", "shouting", SHOUT.format(name="shout"), value)
    library = load_library()
    assert library.types.keys() == OURS | {"shout"}
    assert library.types["shout"].source == "loud-nodes"
    shout = library.activities["shout"]
    assert isinstance(shout, ActivityNode)
    assert shout.type is library.types["shout"]
    assert await shout.run({"text": "hé"}, NodeWorld()) == {"output": "HÉ"}
    assert library.diagnostics == ()
    assert "shout" not in built_in_library().types


@pytest.mark.parametrize(
    ("text", "value", "sentence"),
    [
        ("import nothing_of_this_name", "", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("raise SystemExit(3)", "", "SystemExit: 3"),
        ("def oops(:", "", "SyntaxError"),
        ("x = 1", "broken:y", "has no attribute 'y'"),
        ("x = 1", "broken:x", "it is of type int, and neither a node nor a module or a list of nodes"),
    ],
)
def test_a_broken_package_is_told_about_and_holds_up_nothing(
    install: Install, text: str, value: str, sentence: str
) -> None:
    install("broken-nodes", "broken", text, value)
    install("loud-nodes", "shouting", SHOUT.format(name="shout"))
    library = load_library()
    assert library.types.keys() == OURS | {"shout"}
    assert findings(library) == [("package_not_loaded", "warning", "broken-nodes")]
    assert sentence in library.diagnostics[0].message


def test_a_node_type_that_no_editor_could_show_is_told_about(install: Install) -> None:
    text = SHOUT.format(name="shout").replace("category=", "settings=Turtles, category=")
    turtles = "class Turtles(BaseModel):\n    below: 'list[Turtles]' = []\n\n@activity_node"
    install("loud-nodes", "shouting", text.replace("@activity_node", turtles))
    library = load_library()
    assert "Turtles contains Turtles within itself" in library.diagnostics[0].message
    assert library.types.keys() == OURS


def test_a_node_type_may_leave_its_settings_to_the_author(install: Install) -> None:
    text = SHOUT.format(name="shout").replace("category=", "settings=Volume, category=")
    volume = "class Volume(BaseModel):\n    decibels: int\n\n@activity_node"
    install("loud-nodes", "shouting", text.replace("@activity_node", volume))
    library = load_library()
    assert library.diagnostics == ()
    assert palette_entry(library.types["shout"])["data"] == {"title": "Shout", "inputs": {"text": {"value": ""}}}


def test_a_package_without_node_types_is_told_about(install: Install) -> None:
    install("empty-nodes", "nothing", "x = 1")
    assert findings(load_library()) == [("package_without_nodes", "warning", "empty-nodes")]


def test_a_name_of_ours_is_not_given_away(install: Install) -> None:
    install("loud-nodes", "shouting", SHOUT.format(name="llm"))
    library = load_library()
    assert library.types["llm"].source == "mainspring"
    assert findings(library) == [("name_taken", "warning", "loud-nodes")]


def test_of_two_packages_with_one_name_the_first_by_its_own_name_has_it(install: Install) -> None:
    install("zebra-nodes", "zebra", SHOUT.format(name="shout"))
    install("apple-nodes", "apple", SHOUT.format(name="shout"))
    library = load_library()
    assert library.types["shout"].source == "apple-nodes"
    assert findings(library) == [("name_taken", "warning", "zebra-nodes")]


async def test_the_node_type_of_the_guide_works_as_it_stands(install: Install) -> None:
    guide = (ROOT / "docs" / "writing-node-types.md").read_text(encoding="utf-8")
    install("loud-nodes", "shouting", guide.partition("```python\n")[2].partition("```")[0])
    library = load_library()
    assert library.diagnostics == ()
    node = library.activities["shout"]
    assert isinstance(node, ActivityNode)
    for example in node.type.examples:
        assert await node.run(example.inputs, NodeWorld()) == example.output
