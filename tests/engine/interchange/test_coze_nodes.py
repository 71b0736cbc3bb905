"""Every node type of Coze: what becomes of its node here."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.interchange.coze import ExternalIds, import_canvas
from engine.interchange.coze.node_types import NODE_TYPES
from tests.engine.interchange.coze import (
    ENTRY,
    EXIT,
    answer,
    around,
    become,
    document,
    entry,
    leave,
    lit,
    node,
    params,
    ref,
    said,
    took,
    var,
    variable,
)

IDS = ExternalIds(
    {
        "model": {"17": "default", "18": "other"},
        "workflow": {"w": "100"},
        "plugin": {"p": "200"},
        "tool": {"t": "forecast"},
        "knowledge": {"k": "300"},
        "database": {"d": "400"},
        "field": {"d/1": "name", "d/2": "orders"},
    }
)
READ = params(x=ref(ENTRY, "input"))
X = {"x": {"ref": [ENTRY, "input"]}}
TEXT = {"x": {"type": "string"}}


def condition(*rows: tuple[Any, ...], logic: str = "AND") -> dict[str, Any]:
    made = [
        [{"name": "left", "input": lit(left)}, {"name": "operation", "input": lit(word)}]
        + [{"name": "right", "input": right} for right in rest]
        for left, word, *rest in rows
    ]
    return {"conditionList": made, "logic": logic}


def fields(**values: dict[str, Any]) -> list[Any]:
    return [
        [{"name": "fieldID", "input": lit(name.removeprefix("f"))}, {"name": "fieldValue", "input": value}]
        for name, value in values.items()
    ]


DATABASE: dict[str, Any] = {"databaseInfoList": [{"databaseInfoID": "d"}]}
ROWS = [var("outputList", "list", schema={"type": "object", "schema": [var("name")]}), var("rowNum", "integer")]
MODEL = {"modelType": 17, "temperature": 0.5, "systemPrompt": "mind {{x}}"}

SHAPES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "llm": (
        node("1", "3", [var("output"), var("reasoning_content")], inputParameters=READ, llmParam=[
            *params(modelType=lit("17", "integer"), modleName=lit("m"), temperature=lit("0.8", "float"),
                    topP=lit("0.7", "float"), maxTokens=lit("100", "integer"), responseFormat=lit("2", "integer"),
                    prompt=lit("about {{x}}"), systemPrompt=lit("be"), enableChatHistory=lit(True, "boolean"),
                    chatHistoryRound=lit("4", "integer")),
        ]),
        {"type": "llm", "types": TEXT, "settings": {"history": {"rounds": 4}}, "inputs": X | {
            "model": {"value": "default"}, "temperature": {"value": 0.8}, "top_p": {"value": 0.7},
            "max_tokens": {"value": 100}, "response_format": {"value": "json"},
            "prompt": {"template": "about {{x}}"}, "system_prompt": {"value": "be"},
        }},
    ),
    "plugin": (
        node("1", "4", [var("city")], inputParameters=READ, apiParam=params(
            pluginID=lit("p"), apiID=lit("t"), pluginVersion=lit("0"), apiName=lit("name"))),
        {"type": "plugin", "inputs": X, "types": TEXT,
         "settings": {"plugin": "200", "tool": "forecast", "version": "draft"}},
    ),
    "code": (
        node("1", "5", [var("n", "integer", required=True)], code="def main(args): ...", language=5,
             inputParameters=READ),
        {"type": "code", "inputs": X, "settings": {"language": "javascript", "source": "def main(args): ..."},
         "outputs": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}},
    ),
    "knowledge_retrieve": (
        node("1", "6", [var("outputList", "list")], inputParameters=params(Query=ref(ENTRY, "input")),
             datasetParam=params(datasetList=lit(["k"], "list"), topK=lit(5, "integer"), minScore=lit(0.4, "float"),
                                 useRerank=lit(True, "boolean"), strategy=lit(1, "integer")),
             chatHistorySetting={"enableChatHistory": True, "chatHistoryRound": 2}),
        {"type": "knowledge_retrieve", "inputs": {"Query": {"ref": [ENTRY, "input"]}},
         "settings": {"bases": ["300"], "search": "hybrid", "top_k": 5, "min_score": 0.4, "rerank": True,
                      "rewrite": False, "history": {"rounds": 2}}},
    ),
    "knowledge_write": (
        node("1", "27", [], inputParameters=params(knowledge=ref(ENTRY, "input")),
             datasetParam=params(datasetList=lit(["k"], "list")),
             strategyParam={"parsingStrategy": {"parsingType": "accurate", "imageOcr": True},
                            "chunkStrategy": {"chunkType": "custom", "separator": "\\n\\n", "maxToken": 500,
                                              "overlap": 0.2}, "indexStrategy": {}}),
        {"type": "knowledge_write", "settings": {
            "base": "300", "parsing": {"mode": "accurate", "images": False, "tables": False, "ocr": True},
            "chunking": {"mode": "custom", "separator": "\n\n", "max_tokens": 500, "overlap": 0.2}}},
    ),
    "knowledge_delete": (
        node("1", "60", [], inputParameters=params(documentID=ref(ENTRY, "input")),
             datasetParam=params(datasetList=lit(["k"], "list"))),
        {"type": "knowledge_delete", "settings": {"base": "300"}, "inputs": {"documentID": {"ref": [ENTRY, "input"]}}},
    ),
    "subworkflow": (
        node("1", "9", [var("output")], workflowId="w", workflowVersion="", type=0, spaceId="1", inputDefs=[],
             inputParameters=READ),
        {"type": "subworkflow", "inputs": X, "types": {"x": {"type": "string", "default": None}},
         "settings": {"workflow": "100", "version": "", "answers": False}},
    ),
    "database_sql": (
        node("1", "12", ROWS, **DATABASE, sql="select * from t where a = '{{x}}'", inputParameters=READ),
        {"type": "database_sql", "inputs": X, "types": TEXT,
         "settings": {"database": "400", "sql": "select * from t where a = '{{x}}'"}},
    ),
    "database_query": (
        node("1", "43", ROWS, **DATABASE, selectParam={
            "condition": condition(("name", "EQUAL", ref(ENTRY, "input")), ("orders", "IS_NULL"), logic="OR"),
            "orderByList": [{"fieldID": 2, "isAsc": False}], "limit": 10,
            "fieldList": [{"fieldID": 1, "isDistinct": True}]}),
        {"type": "database_query",
         "inputs": {"where": {"list": [
             {"object": {"left": {"value": "name"}, "operator": {"value": "EQUAL"},
                         "right": {"ref": [ENTRY, "input"]}}},
             {"object": {"left": {"value": "orders"}, "operator": {"value": "IS_NULL"}}}]}},
         "settings": {"database": "400", "logic": "or", "limit": 10, "fields": [{"name": "name", "distinct": True}],
                      "order_by": [{"name": "orders", "ascending": False}]}},
    ),
    "database_insert": (
        node("1", "46", ROWS, **DATABASE, insertParam={"fieldInfo": fields(f1=ref(ENTRY, "input"), f2=lit("3"))}),
        {"type": "database_insert", "settings": {"database": "400"},
         "inputs": {"values": {"object": {"name": {"ref": [ENTRY, "input"]}, "orders": {"value": "3"}}}}},
    ),
    "database_update": (
        node("1", "42", ROWS, **DATABASE, updateParam={
            "condition": condition(("name", "LIKE", lit("x"))), "fieldInfo": fields(f2=lit("4"))}),
        {"type": "database_update", "settings": {"database": "400", "logic": "and"}, "inputs": {
            "values": {"object": {"orders": {"value": "4"}}},
            "where": {"list": [{"object": {
                "left": {"value": "name"}, "operator": {"value": "LIKE"}, "right": {"value": "x"}}}]}}},
    ),
    "database_delete": (
        node("1", "44", ROWS, **DATABASE, deleteParam={"condition": condition(("name", "IS_NOT_NULL"))}),
        {"type": "database_delete", "settings": {"database": "400", "logic": "and"},
         "inputs": {"where": {"list": [{"object": {
             "left": {"value": "name"}, "operator": {"value": "IS_NOT_NULL"}}}]}}},
    ),
    "message": (
        node("1", "13", content=lit("hi {{ x }}"), streamingOutput=True, inputParameters=READ),
        {"type": "message", "inputs": X, "types": TEXT, "settings": {"content": "hi {{ x }}"}},
    ),
    "text_concat": (
        node("1", "15", [var("output")], method="concat", inputParameters=READ,
             concatParams=params(concatResult=lit("<{{x}}>"), arrayItemConcatChar=lit("、"))),
        {"type": "text_concat", "inputs": X | {"template": {"template": "<{{x}}>"}}, "settings": {"joiner": "、"}},
    ),
    "text_split": (
        node("1", "15", [var("output", "list")], method="split", inputParameters=params(String=ref(ENTRY, "input")),
             splitParams=params(delimiters=lit([";", ","], "list"))),
        {"type": "text_split", "inputs": {"text": {"ref": [ENTRY, "input"]}}, "settings": {"delimiters": [";", ","]},
         "types": {"text": {"type": "string"}}},
    ),
    "question_for_text": (
        node("1", "18", [var("USER_RESPONSE")], question="who? {{x}}", answer_type="text", inputParameters=READ,
             llmParam=MODEL),
        {"type": "question", "inputs": X | {"question": {"template": "who? {{x}}"}}, "types": TEXT},
    ),
    "question_that_extracts": (
        node("1", "18", [var("USER_RESPONSE"), var("age", "integer", required=True)], question="who?",
             answer_type="text", extra_output=True, limit=4, inputParameters=READ, llmParam=MODEL),
        {"type": "question", "settings": {"extract": True, "limit": 4},
         "inputs": X | {"question": {"value": "who?"}, "model": {"value": "default"}, "temperature": {"value": 0.5},
                        "system_prompt": {"template": "mind {{x}}"}},
         "outputs": {"type": "object", "required": ["age"],
                     "properties": {"answer": {"type": "string"}, "age": {"type": "integer"}}}},
    ),
    "question_of_the_run": (
        node("1", "18", [], question="which?", answer_type="option", option_type="dynamic", llmParam=MODEL,
             dynamic_option=ref(ENTRY, "items", "list", schema={"type": "string"})),
        {"type": "question", "settings": {"dynamic": True},
         "types": {"options": {"type": "array", "items": {"type": "string"}}}},
    ),
    "form": (
        node("1", "30", [var("name", required=True), var("n", "integer")],
             outputSchema=json.dumps([var("name", required=True), var("n", "integer")])),
        {"type": "form", "outputs": {"type": "object", "required": ["name"],
                                     "properties": {"name": {"type": "string"}, "n": {"type": "integer"}}}},
    ),
    "merge_variables": (
        node("1", "32", [var("Group1")], mergeGroups=[
            {"name": "Group1", "variables": [ref(ENTRY, "input"), lit("x")]}]),
        {"type": "merge_variables", "settings": {"groups": {"Group1": [{"ref": [ENTRY, "input"]}, {"value": "x"}]}}},
    ),
    "assign_variables": (
        node("1", "40", [var("isSuccess", "boolean")], variableTypeMap={}, inputParameters=[
            {"name": "a", "left": variable("user", "lang"), "input": ref(ENTRY, "input")},
            {"name": "b", "left": variable("app", "visits"), "input": lit("3", "integer")}]),
        {"type": "assign_variables", "inputs": {"lang": {"ref": [ENTRY, "input"]}, "visits": {"value": 3}},
         "settings": {"scopes": {"lang": "user", "visits": "app"}}},
    ),
    "json_to": (
        node("1", "58", [var("output")], inputParameters=params(input=ref(ENTRY, "items", "list"))),
        {"type": "json_to", "inputs": {"input": {"ref": [ENTRY, "items"]}}},
    ),
    "json_from": (
        node("1", "59", [var("output", "object")], inputParameters=params(input=ref(ENTRY, "input"))),
        {"type": "json_from", "outputs": {"type": "object", "properties": {"output": {"type": "object"}}}},
    ),
    "http_request": (
        node("1", "45", [var("body"), var("statusCode", "integer"), var("headers")],
             apiInfo={"method": "post", "url": "https://x.test/{{block_output_100001.input}}"},
             headers=params(**{"X-Id": lit("1")}), params=params(q=ref(ENTRY, "input")),
             auth={"authOpen": True, "authType": "CUSTOM_AUTH", "authData": {"customData": {
                 "addTo": "query", "data": params(Key=lit("k"), Value=lit("v"))}}},
             body={"bodyType": "JSON", "bodyData": {
                 "json": '{"a": "{{global_variable_user["na me"].x}}", "b": "{{nobody}}"}', "rawText": "left"}},
             setting={"timeout": 30, "retryTimes": 1}),
        {"type": "http_request", "inputs": {
            "method": {"value": "POST"}, "url": {"template": "https://x.test/{{100001.input}}"},
            "headers": {"object": {"X-Id": {"value": "1"}}}, "params": {"object": {"q": {"ref": [ENTRY, "input"]}}},
            "auth": {"object": {"kind": {"value": "custom"}, "place": {"value": "query"}, "name": {"value": "k"},
                                "value": {"value": "v"}}},
            "body_type": {"value": "json"},
            "body": {"template": '{"a": "{{user.na me.x}}", "b": "{{nobody}}"}'}, "timeout_seconds": {"value": 30}}},
    ),
    "http_form": (
        node("1", "45", apiInfo={"method": "POST", "url": "https://x.test"}, body={
            "bodyType": "FORM_DATA", "bodyData": {"formData": {
                "data": params(a=lit("1"), f=ref(ENTRY, "input", assistType=3)), "typeMapping": "{}"}}}),
        {"type": "http_request", "inputs": {
            "method": {"value": "POST"}, "url": {"value": "https://x.test"}, "body_type": {"value": "form_data"},
            "body": {"list": [{"object": {"name": {"value": "a"}, "value": {"value": "1"}}},
                              {"object": {"name": {"value": "f"}, "file_url": {"ref": [ENTRY, "input"]}}}]}}},
    ),
    "create_message": (
        node("1", "55", [var("isSuccess", "boolean")], inputParameters=params(
            conversationName=lit("Default"), role=lit("user"), content=ref(ENTRY, "input"))),
        {"type": "create_message", "inputs": {"conversationName": {"value": "Default"}, "role": {"value": "user"},
                                              "content": {"ref": [ENTRY, "input"]}}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_a_node_becomes_its_counterpart(name: str) -> None:
    given, expected = SHAPES[name]
    found = import_canvas(around(given), IDS)
    got = took(found, "1")
    assert {key: got.get(key) for key in expected} == expected
    assert said(found) == []
    assert got["title"] == "node 1"


def test_a_condition_keeps_its_branches_operators_and_types() -> None:
    both = [
        {"operator": 1, "left": {"input": ref(ENTRY, "input")}, "right": {"input": lit("7", "integer")}},
        {"operator": 10, "left": {"input": ref(ENTRY, "items", "list")}},
    ]
    branches = [{"condition": {"logic": 1, "conditions": both}}, {"condition": {"logic": 2, "conditions": both[:1]}}]
    got = become(node("1", "8", branches=branches))
    assert [(case["port"], case["logic"], len(case["comparisons"])) for case in got["settings"]["cases"]] == [
        ("true", "or", 2),
        ("true_1", "and", 1),
    ]
    assert got["settings"]["cases"][0]["comparisons"] == [
        {"operator": "equal", "left": {"ref": [ENTRY, "input"]}, "left_type": {"type": "string"}, "right": {"value": 7},
         "right_type": {"type": "integer"}},
        {"operator": "not_empty", "left": {"ref": [ENTRY, "items"]}, "left_type": {"type": "array"}},
    ]  # fmt: skip


def test_a_fixed_option_is_a_template_with_a_port() -> None:
    question = node("1", "18", [var("optionId")], question="which?", answer_type="option", option_type="static",
                    options=[{"name": "tea {{x}}"}, {"name": "{{1}}"}], inputParameters=READ,
                    llmParam=MODEL)  # fmt: skip
    lines = f"{ENTRY}>1 1:branch_0>{EXIT} 1:branch_1>{EXIT} 1:default>{EXIT}"
    found = import_canvas(document(entry(), question, leave(o=ref("1", "optionId")), lines=lines), IDS)
    assert took(found, "1")["settings"] == {"options": ["tea {{x}}", "{{_braces}}1}}"]}
    assert [one.get("sourcePortID") for one in found.canvas["edges"]] == [None, "option_0", "option_1", "other"]
    assert took(found, EXIT)["inputs"]["o"] == {"ref": ["1", "option_id"]}


def test_intents_have_ports_and_a_prompt_of_their_own() -> None:
    intent = node("1", "22", [var("classificationId", "integer")], intents=[{"name": "buy"}, {"name": "sell"}],
                  mode="top_speed", inputParameters=params(query=ref(ENTRY, "input")),
                  llmParam={**MODEL, "systemPrompt": lit("mind {{query}}"), "generationDiversity": "balance"},
                  chatHistorySetting={"enableChatHistory": True, "chatHistoryRound": 3})  # fmt: skip
    lines = f"{ENTRY}>1 1:branch_0>{EXIT} 1:branch_1>{EXIT} 1:default>{EXIT}"
    found = import_canvas(document(entry(), intent, leave(), lines=lines), IDS)
    got = took(found, "1")
    assert got["settings"] == {"intents": ["buy", "sell"], "mode": "fast", "history": {"rounds": 3}}
    assert got["inputs"]["system_prompt"] == {"template": "mind {{query}}"}
    assert [one.get("sourcePortID") for one in found.canvas["edges"]] == [None, "intent_0", "intent_1", "other"]


def test_an_answering_exit_has_a_template() -> None:
    found = import_canvas(
        document(entry(), answer("so: {{a}}", a=ref(ENTRY, "input", "integer")), lines=f"{ENTRY}>{EXIT}")
    )
    got = took(found, EXIT)
    assert (got["settings"], got["types"]) == ({"mode": "answer", "answer": "so: {{a}}"}, {"a": {"type": "integer"}})


def test_an_exit_declares_what_it_returns() -> None:
    found = import_canvas(
        document(entry(), leave(a=ref(ENTRY, "input"), n=lit("1", "integer")), lines=f"{ENTRY}>{EXIT}")
    )
    assert took(found, EXIT)["outputs"]["properties"] == {"a": {"type": "string"}, "n": {"type": "integer"}}


def test_tools_and_knowledge_of_a_model_are_kept() -> None:
    hidden = {"name": "unit", "local_disable": True, "local_default": "3", "type": 2}
    skills = {
        "workflowFCParam": {"workflowList": [{
            "workflow_id": "w", "workflow_version": "", "is_draft": False, "plugin_id": "1", "fc_setting": {
                "request_params": [hidden, {"name": "x"}],
                "response_params": [{"name": "log", "local_disable": True}]}}]},
        "pluginFCParam": {"pluginList": [{"plugin_id": "p", "api_id": "t", "api_name": "n", "plugin_version": "0"}]},
        "knowledgeFCParam": {"knowledgeList": [{"id": "k"}], "global_setting": {
            "search_mode": 20, "top_k": 2, "min_score": 0.3, "use_rerank": True, "no_recall_reply_mode": 1,
            "no_recall_reply_customize_prompt": "nothing"}},
    }  # fmt: skip
    given = node("1", "3", [var("output")], llmParam=params(modelType=lit("17", "integer")), fcParam=skills)
    found = import_canvas(around(given), IDS)
    assert said(found) == []
    assert took(found, "1")["settings"] == {
        "tools": [
            {"kind": "workflow", "workflow": "100", "version": "", "fixed": {"unit": 3}, "hidden": ["unit"],
             "hidden_results": ["log"]},
            {"kind": "plugin", "plugin": "200", "tool": "forecast", "version": "draft"},
        ],
        "knowledge": {"bases": ["300"], "search": "fulltext", "top_k": 2, "min_score": 0.3, "rerank": True,
                      "rewrite": False, "no_recall": "nothing"},
    }  # fmt: skip
    assert found.used["workflow"] == {"w": ("1",)}
    assert found.unmapped == {}


def test_a_comment_keeps_its_text_and_its_form() -> None:
    note = json.dumps([{"type": "paragraph", "children": [{"text": "先查"}, {"text": "库存"}]}, {"text": "then"}])
    given = node("1", "31", schemaType="slate", note=note)
    given["data"]["size"] = {"width": 240, "height": 150}
    got = become(given)
    assert got["settings"] == {
        "text": "先查库存\nthen",
        "original": note,
        "size": {"width": 240.0, "height": 150.0},
    }


def test_every_node_type_of_the_reference_is_known() -> None:
    known = [*range(1, 7), 8, 9, 12, 13, 15, *range(18, 23), *range(27, 33), *range(37, 41), *range(42, 47),
             *range(51, 61)]  # fmt: skip
    assert sorted(map(int, NODE_TYPES)) == known


def test_an_unknown_node_keeps_its_place_its_outputs_and_its_ports() -> None:
    given = node("1", "16", [var("image", assistType=2)], inputParameters=READ, style="ink")
    lines = f"{ENTRY}>1 1:branch_0>{EXIT} 1:default>{EXIT}"
    found = import_canvas(document(entry(), given, leave(), lines=lines))
    got = took(found, "1")
    assert got["type"] == "unavailable"
    assert got["settings"]["ports"] == ["branch_0", "default"]
    assert got["settings"]["original"] == given
    assert got["outputs"]["properties"] == {"image": {"type": "string", "format": "image"}}
    assert said(found) == [("unknown_node_type", "1", "type")]


def test_a_workflow_that_is_not_known_here_keeps_its_place() -> None:
    given = node("1", "9", [var("output")], workflowId="77", workflowVersion="v0.0.1", inputParameters=READ)
    found = import_canvas(around(given))
    assert took(found, "1")["type"] == "unavailable"
    assert "77" in took(found, "1")["settings"]["reason"]
    assert found.unmapped == {"workflow": {"77": ("1",)}}
    assert [one[0] for one in said(found)] == ["unmapped_workflow"]


@pytest.mark.parametrize("kind", sorted(NODE_TYPES))
def test_a_node_without_anything_is_told_about_and_kept(kind: str) -> None:
    found = import_canvas(around({"id": "1", "type": kind}))
    assert took(found, "1")
    assert all(one.message and one.code for one in found.diagnostics)


def test_a_model_with_a_tool_that_is_not_known_here_keeps_its_place() -> None:
    skills = {"workflowFCParam": {"workflowList": [{"workflow_id": "77"}]}}
    given = node("1", "3", [var("output")], llmParam=params(modelType=lit("17")), fcParam=skills)
    found = import_canvas(around(given), IDS)
    assert took(found, "1")["type"] == "unavailable"
    assert took(found, "1")["outputs"]["properties"] == {"output": {"type": "string"}}
    assert found.unmapped == {"workflow": {"77": ("1",)}}
