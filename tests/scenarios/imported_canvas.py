"""An imported canvas of everything that leaves something behind: rows, messages, documents, variables, calls, words."""

from __future__ import annotations

from typing import Any, Final

from tests.engine.interchange import coze
from tests.engine.interchange.coze import edges, entry, leave, lit, node, params, ref, var, variable

Document = dict[str, Any]

APP: Final = "shop"
CONVERSATION: Final = "visit"
DATABASE, KNOWLEDGE, PLUGIN, TOOL, MODEL = "7600", "7500", "7300", "7301", "61010"
ASKING, TELLING = "7401", "7402"
ITEMS: Final = [f'{{"n":{number}}}' if number % 4 else f"broken {number}" for number in range(20)]
TURNS: Final = ["红", "绿", "white"]
PERSON: Final[Document] = {
    "talk/tools[1.1]/colour": "red",
    "who": "I am Ada",
    "who.2": "36",
    "who.3": "from Hangzhou",
    "turns[0]/q": "one",
    "turns[1]/q": "二",
    "turns[2]/q": "three",
}
INPUTS: Final[Document] = {"items": ITEMS, "turns": TURNS}
WORDS: Final = ["Green ", "tea ", "it ", "is, ", "绿茶", "."]
KEPT: Final = {"rows": 1, "messages": 2, "documents": 1, "visits": 1}
"""What one run leaves behind."""
ASKED: Final = ("talk 0", "talk 1", "who 1", "who 2", "who 3", "want", "write")
"""What one run asks the model, each once."""

_STRINGS: Final = {"schema": {"type": "string"}}
_EMPTY: Final = {"type": "list", **_STRINGS, "value": {"type": "ref", "content": {"source": "", "blockID": ""}}}


def _text(name: str, template: str, **values: Any) -> Document:
    said = params(concatResult=lit(template), arrayItemConcatChar=lit(","))
    return node(name, "15", [var("output")], method="concat", inputParameters=params(**values), concatParams=said)


def _post(name: str, base: str, **error: Any) -> Document:
    return node(
        name,
        "45",
        [var("body"), var("statusCode", "integer"), var("headers")],
        apiInfo={"method": "POST", "url": f"{base}/say"},
        body={"bodyType": "RAW_TEXT", "bodyData": {"rawText": name}},
        headers=[],
        params=[],
        auth={"authType": "BEARER_AUTH", "authData": {"customData": {"addTo": "header"}}, "authOpen": False},
        setting={"timeout": 120, "retryTimes": 0},
        settingOnError={"processType": 1, "switch": False, "timeoutMs": 0, "retryTimes": 0},
        **error,
    )


def _model(prompt: str, system: str = "") -> Any:
    return params(
        modelType=lit(MODEL), prompt=lit(prompt), systemPrompt=lit(system), responseFormat=lit("0", "integer")
    )


def _question(name: str, question: str, **more: Any) -> Document:
    asked: Document = {
        "question": question,
        "answer_type": "text",
        "option_type": "static",
        "options": [],
        "extra_output": False,
        "limit": 3,
        "inputParameters": [],
        "llmParam": {"modelName": "x", "modelType": int(MODEL), "responseFormat": 2, "systemPrompt": "persona"},
        "dynamic_option": _EMPTY,
    }
    outputs = [var("USER_RESPONSE", required=True), *more.pop("fields", ())]
    return node(name, "18", outputs, **(asked | more))


def _talk() -> Document:
    setting: Document = {"request_params": [], "response_params": [], "is_draft": False}
    workflow: Document = {"workflow_id": ASKING, "workflow_version": "", "plugin_id": "0", "plugin_version": ""}
    workflow |= {"is_draft": False, "fc_setting": {"workflow_id": ASKING, **setting}}
    tool: Document = {"plugin_id": PLUGIN, "api_id": TOOL, "api_name": "order", "plugin_version": "", "is_draft": False}
    tool |= {"fc_setting": {"plugin_id": PLUGIN, "api_id": TOOL, "api_name": "order", **setting}}
    return node(
        "talk",
        "3",
        [var("output")],
        inputParameters=[],
        llmParam=_model("shop"),
        fcParam={"workflowFCParam": {"workflowList": [workflow]}, "pluginFCParam": {"pluginList": [tool]}},
    ) | {"version": "3"}


def _intent() -> Document:
    return node(
        "want",
        "22",
        [var("classificationId", "integer"), var("reason")],
        inputParameters=params(query=ref("who", "USER_RESPONSE")),
        intents=[{"name": "buy"}, {"name": "return"}],
        mode="top_speed",
        llmParam={
            "modelType": int(MODEL),
            "prompt": lit("{{query}}"),
            "systemPrompt": lit(""),
            "enableChatHistory": False,
        },
        chatHistorySetting={"enableChatHistory": False, "chatHistoryRound": 3},
    )


def _insert() -> Document:
    def value(number: str, given: Any) -> Any:
        return [{"name": "fieldID", "input": lit(number)}, {"name": "fieldValue", "input": given}]

    fields = [value("1", ref("who", "name")), value("2", ref("who", "age", "integer"))]
    return node(
        "insert",
        "46",
        [var("outputList", "list", schema={"type": "object", "schema": []}), var("rowNum", "integer")],
        databaseInfoList=[{"databaseInfoID": DATABASE}],
        insertParam={"fieldInfo": fields},
    )


def _message(name: str, role: str, text: Any) -> Document:
    given = params(conversationName=lit(CONVERSATION), role=lit(role), content=text)
    outputs = [var("isSuccess", "boolean"), var("message", "object", schema=[var("messageId"), var("content")])]
    return node(name, "55", outputs, inputParameters=given)


def _count() -> tuple[Document, Document]:
    code = "async def main(args: Args) -> Output:\n    return {'n': (args.params['n'] or 0) + 1}\n"
    more = node(
        "more",
        "5",
        [var("n", "integer")],
        inputParameters=params(n=variable("app", "visits", kind="integer")),
        code=code,
        language=3,
    )
    items = [{"name": "v", "left": variable("app", "visits", kind="integer"), "input": ref("more", "n", "integer")}]
    return more, node("count", "40", [var("isSuccess", "boolean")], inputParameters=items)


def _learn(base: str) -> Document:
    lists = [{"name": "datasetList", "input": lit([KNOWLEDGE], "list", **_STRINGS)}]
    return node(
        "learn",
        "27",
        [var("documentId"), var("fileName"), var("fileUrl")],
        inputParameters=params(knowledge=lit(f"{base}/files/tea.txt", assistType=1)),
        datasetParam=lists,
        strategyParam={
            "parsingStrategy": {"parsingType": "fast"},
            "chunkStrategy": {"chunkType": "default"},
            "indexStrategy": {},
        },
    )


def _turns(base: str) -> Document:
    loop = node(
        "turns",
        "21",
        [
            {"name": "said", "input": ref("q", "USER_RESPONSE", "list", **_STRINGS)},
            {"name": "sum", "input": ref("turns", "sum")},
        ],
        loopType="array",
        loopCount=lit(3, "integer"),
        variableParameters=params(sum=lit(">")),
        inputParameters=params(l=ref(coze.ENTRY, "turns", "list", **_STRINGS)),
    )
    return loop | {
        "blocks": [
            _question("q", "{{l}}?", inputParameters=params(l=ref("turns", "l"))),
            _text("add", "{{s}}{{a}}", s=ref("turns", "sum"), a=ref("q", "USER_RESPONSE")),
            node("keep", "20", [], inputParameters=[{"left": ref("turns", "sum"), "right": ref("add", "output")}]),
            _post("turn", base),
        ],
        "edges": [
            {"sourceNodeID": "turns", "targetNodeID": "q", "sourcePortID": "loop-function-inline-output"},
            *edges("q>add>keep>turn"),
            {"sourceNodeID": "turn", "targetNodeID": "turns", "targetPortID": "loop-function-inline-input"},
        ],
    }


def _many(base: str) -> Document:
    batch = node(
        "many",
        "28",
        [{"name": "heard", "input": ref("way", "g", "list", **_STRINGS)}],
        batchSize=lit(20, "integer"),
        concurrentSize=lit(4, "integer"),
        inputParameters=params(l=ref(coze.ENTRY, "items", "list", **_STRINGS)),
    )
    read = node(
        "read",
        "59",
        [var("output", "object", schema=[var("n", "integer")]), var("isSuccess", "boolean")],
        inputParameters=params(input=ref("many", "l")),
        settingOnError={"processType": 3, "switch": True, "timeoutMs": 0, "retryTimes": 0},
    )
    group = {"name": "g", "variables": [ref("work", "body"), ref("badly", "output")]}
    return batch | {
        "blocks": [
            read,
            _post("work", base),
            _text("badly", "no: {{l}}", l=ref("many", "l")),
            node("way", "32", [var("g")], mergeGroups=[group]),
        ],
        "edges": [
            {"sourceNodeID": "many", "targetNodeID": "read", "sourcePortID": "batch-function-inline-output"},
            *edges("read:default>work>way read:branch_error>badly>way"),
            {"sourceNodeID": "way", "targetNodeID": "many", "targetPortID": "batch-function-inline-input"},
        ],
    }


def _call(name: str, workflow: str, **values: Any) -> Document:
    return node(
        name, "9", [var("output")], workflowId=workflow, workflowVersion="", spaceId="1", type=1, inputDefs=[],
        inputParameters=params(**values),
    )  # fmt: skip


def outer(base: str) -> Document:
    """The canvas."""
    merge = node("pick", "32", [var("g")], mergeGroups=[{"name": "g", "variables": [ref("tell", "output")]}])
    tell = node(
        "say",
        "13",
        inputParameters=params(o=ref("pick", "g")),
        content=lit("[{{o}}]"),
        streamingOutput=True,
    )
    end = leave(
        talk=ref("talk", "output"),
        name=ref("who", "name"),
        age=ref("who", "age", "integer"),
        city=ref("who", "city"),
        want=ref("want", "classificationId", "integer"),
        rows=ref("insert", "rowNum", "integer"),
        visits=ref("more", "n", "integer"),
        sum=ref("turns", "sum"),
        said=ref("turns", "said", "list", **_STRINGS),
        many=ref("many", "heard", "list", **_STRINGS),
        told=ref("tell", "output"),
        post=ref("post", "body"),
    )
    lists = {"type": "list", "schema": {"type": "string"}}
    fields = (var("name", required=True), var("age", "integer", required=True), var("city", required=True))
    opened = node(
        "open",
        "39",
        [var("isSuccess", "boolean"), var("isExisted", "boolean"), var("conversationId")],
        inputParameters=params(conversationName=lit(CONVERSATION)),
    )
    return coze.document(
        entry({"name": "items", **lists}, {"name": "turns", **lists}),
        _talk(),
        _question("who", "Who are you?", extra_output=True, limit=4, fields=fields),
        _intent(),
        _text("bought", "bought"),
        _text("returned", "returned"),
        _text("other", "other"),
        _insert(),
        opened,
        _message("hear", "user", ref("who", "USER_RESPONSE")),
        _message("reply", "assistant", ref("talk", "output")),
        *_count(),
        _learn(base),
        _turns(base),
        _many(base),
        _call("tell", TELLING, topic=lit("茶")),
        merge,
        tell,
        _post("post", base),
        end,
        lines=(
            f"{coze.ENTRY}>talk>who>want want:branch_0>bought>insert want:branch_1>returned>insert "
            "want:default>other>insert insert>open>hear>reply>more>count>learn>turns "
            f"turns:loop-output>many many:batch-output>tell>pick>say>post>{coze.EXIT}"
        ),
    )


def asking() -> Document:
    """The tool that asks a person."""
    return coze.document(
        entry(var("tea")),
        _question("colour", "Which colour has {{tea}}?", inputParameters=params(tea=ref(coze.ENTRY, "tea"))),
        leave(output=ref("colour", "USER_RESPONSE")),
        lines=f"{coze.ENTRY}>colour>{coze.EXIT}",
    )


def telling() -> Document:
    """The sub-workflow whose answer streams."""
    write = node(
        "write", "3", [var("output")], inputParameters=params(t=ref(coze.ENTRY, "topic")), llmParam=_model("tell {{t}}")
    ) | {"version": "3"}
    end = coze.answer("«{{o}}»", o=ref("write", "output"))
    end["data"]["inputs"]["streamingOutput"] = True
    return coze.document(entry(var("topic")), write, end, lines=f"{coze.ENTRY}>write>{coze.EXIT}")
