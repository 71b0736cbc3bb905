"""`mainspring conversations`, `variables`, and the options of `run` that say on whose behalf, as a person uses them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import mainspring, result, standing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder of a machine on which nothing was ever started."""
    return tmp_path / "数据"


def chat(folder: Path) -> Path:
    """A chat workflow that counts its runs in a variable of the application, and answers with what it heard."""
    nodes = [
        {
            "id": "start",
            "type": "start",
            "data": {
                "outputs": {
                    "type": "object",
                    "properties": {"USER_INPUT": {"type": "string"}, "CONVERSATION_NAME": {"type": "string"}},
                }
            },
        },
        {
            "id": "keep",
            "type": "assign_variables",
            "data": {
                "inputs": {"latest": {"ref": ["start", "USER_INPUT"]}},
                "settings": {"scopes": {"latest": "app"}},
            },
        },
        {
            "id": "end",
            "type": "end",
            "data": {
                "inputs": {"name": {"ref": ["start", "CONVERSATION_NAME"]}, "latest": {"ref": ["app", "latest"]}},
                "settings": {"mode": "answer", "answer": "{{name}}: {{latest}}"},
            },
        },
    ]
    edges = [{"sourceNodeID": "start", "targetNodeID": "keep"}, {"sourceNodeID": "keep", "targetNodeID": "end"}]
    file = folder / "chat.json"
    file.write_text(json.dumps({"nodes": nodes, "edges": edges}, ensure_ascii=False), "utf-8")
    return file


def test_a_run_is_a_turn_of_a_conversation_and_sets_a_variable(tmp_path: Path, folder: Path) -> None:
    where = ("--data-dir", folder)
    made = mainspring("conversations", "create", "售后", "--user", "安娜", "--app", "shop", "--draft", *where)
    assert made.returncode == 0, made.stderr
    talk = made.stdout.strip()
    run = result(
        mainspring("run", chat(tmp_path), "--set", "USER_INPUT=发货了吗？", "--conversation", talk, "--json", *where)
    )
    assert (run["answer"], run["user_id"], run["conversation_id"]) == ("售后: 发货了吗？", "安娜", talk)
    shown = mainspring("conversations", "show", talk, *where)
    assert shown.stdout == "user  发货了吗？\nassistant  售后: 发货了吗？\n"
    values = result(mainspring("variables", "values", "--app", "shop", "--json", *where))
    assert [(one["name"], one["value"]) for one in values] == [("latest", "发货了吗？")]


def test_conversations_are_listed_named_cleared_and_deleted(folder: Path) -> None:
    where = ("--data-dir", folder)
    talk = result(mainspring("conversations", "create", "售后", "--user", "安娜", "--json", *where))["id"]
    with standing(folder):
        assert mainspring("conversations", "say", talk, "你好", *where).returncode == 0
        assert mainspring("conversations", "clear", talk, *where).returncode == 0
        assert mainspring("conversations", "say", talk, "您好", "--role", "assistant", *where).returncode == 0
        shown = mainspring("conversations", "show", talk, *where)
        assert shown.stdout == "user  你好\n— cleared —\nassistant  您好\n"
        assert mainspring("conversations", "rename", talk, "退货", *where).returncode == 0
        listed = mainspring("conversations", "list", "--user", "安娜", "--online", *where)
        assert "退货" in listed.stdout
        assert result(mainspring("conversations", "list", "--draft", "--json", *where)) == []
        assert mainspring("conversations", "delete", talk, "--yes", *where).returncode == 0
        gone = mainspring("conversations", "show", talk, *where)
        assert (gone.returncode, "There is no such conversation." in gone.stderr) == (1, True)


def test_variables_are_defined_set_and_reset(folder: Path) -> None:
    where = ("--data-dir", folder)
    made = mainspring("variables", "define", "visits", "--type", "integer", "--default", "3", "--app", "shop", *where)
    assert made.returncode == 0, made.stderr
    with standing(folder):
        assert "visits" in mainspring("variables", "list", "--app", "shop", *where).stdout
        set_ = result(mainspring("variables", "set", "visits=12", "--app", "shop", "--json", *where))
        assert [(one["value"], one["set"]) for one in set_] == [(12, True)]
        refused = mainspring("variables", "set", "visits=many", "--app", "shop", *where)
        assert (refused.returncode, "visits" in refused.stderr) == (1, True)
        assert mainspring("variables", "reset", "visits", "--app", "shop", *where).returncode == 0
        values = result(mainspring("variables", "values", "--app", "shop", "--json", *where))
        assert [(one["value"], one["set"]) for one in values] == [(3, False)]
        assert mainspring("variables", "remove", made.stdout.strip(), *where).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("variables", "define", "x", "--type", "date"), "A type is one of"),
        (("variables", "set", "visits"), "NAME=VALUE"),
    ],
)
def test_what_makes_no_sense_is_said_so(folder: Path, words: tuple[str, ...], said: str) -> None:
    done = mainspring(*words, "--data-dir", folder)
    assert (done.returncode, said in done.stderr) == (1, True)
