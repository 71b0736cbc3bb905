"""How long a large canvas of Coze takes until it could run: imported, validated, compiled, in CPU time."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from bench.figures import Figure, Report, percentile
from engine.canvas import Canvas
from engine.compile import compile_canvas
from engine.interchange.coze import ExternalIds, import_canvas
from engine.validation import validate
from nodes.library import built_in_library

NODES = 300
AIM_MS = 100.0
IDS = ExternalIds({"model": {"*": "scripted"}})


def measure_imports(report: Report, share: float) -> None:
    """Measure the whole way, and each part of it."""
    text = json.dumps(document(NODES), ensure_ascii=False)
    library = built_in_library().types
    model = import_canvas(text, IDS).model
    runs = max(5, int(40 * share))
    found = validate(model, library)
    if [one for one in found if one.severity == "error"]:
        raise RuntimeError(f"The canvas that is measured has errors: {found[0].message}")

    def whole() -> None:
        compile_canvas(import_canvas(text, IDS).model, library)

    taken = _timed(whole, runs)
    parts: dict[str, Callable[[], object]] = {
        "import": partial(import_canvas, text, IDS),
        "validate": partial(validate, model, library),
        "compile": partial(_compiled, model, library),
    }
    more = {f"{name}_ms": percentile(_timed(part, runs), 0.5) for name, part in parts.items()}
    # Compiling begins with validating: what is compiled may come from anywhere.
    compiled = more["compile_ms"]
    name = f"validate and compile {NODES} imported nodes, p50"
    report.add(Figure(name, compiled, "ms", None, f"≤ {AIM_MS:.0f} ms", compiled <= AIM_MS, more))
    more = {"least": min(taken), "p95": percentile(taken, 0.95), "bytes": float(len(text))}
    report.add(Figure("… with the import itself, p50", percentile(taken, 0.5), "ms", more=more))


def _compiled(model: Canvas, library: Any) -> object:
    return compile_canvas(model, library)


def _timed(work: Callable[[], object], runs: int) -> list[float]:
    """The milliseconds of each run, without those that the collector of an older one's garbage takes."""
    work()
    taken = []
    for _ in range(runs):
        gc.collect()
        gc.disable()
        began = time.process_time()
        work()
        taken.append((time.process_time() - began) * 1000)
        gc.enable()
    return taken


# --- the canvas that is measured: chains of the usual nodes, side by side, and loops among them ---


def document(count: int) -> dict[str, Any]:
    """A canvas as Coze saves it, with this many nodes, children of loops counted."""
    outputs = [_variable("input"), _variable("items", "list", schema={"type": "string"}), _variable("n", "integer")]
    nodes = [_node("100001", "1", "开始", {}, outputs)]
    edges: list[dict[str, str]] = []
    made, before, number = 2, "100001", 0
    makers = (_text, _model, _branch, _loop, _code, _request)
    while made < count:
        number += 1
        maker = makers[number % len(makers)]
        node = maker(f"{110000 + number}", before)
        made += 1 + len(node.get("blocks", ()))
        nodes.append(node)
        edges += _ways(before, nodes[-2]["type"], node["id"])
        before = node["id"]
    returned = [_parameter("output", before, _OUTPUT[nodes[-1]["type"]])]
    last = nodes[-1]["type"]
    nodes.append(_node("900001", "2", "结束", {"terminatePlan": "returnVariables", "inputParameters": returned}))
    return {"nodes": nodes, "edges": [*edges, *_ways(before, last, "900001")], "versions": {"loop": "v2"}}


_OUTPUT = {"1": "input", "15": "output", "3": "output", "8": "", "21": "all", "5": "text", "45": "body"}


def _ways(source: str, kind: str, target: str) -> list[dict[str, str]]:
    ports = ("true", "false") if kind == "8" else ("loop-output",) if kind == "21" else ("",)
    return [
        {"sourceNodeID": source, "targetNodeID": target} | ({"sourcePortID": port} if port else {}) for port in ports
    ]


def _variable(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "required": False, **more}


def _ref(block: str, name: str, kind: str = "string") -> dict[str, Any]:
    content = {"source": "block-output", "blockID": block, "name": name}
    return {"type": kind, "value": {"type": "ref", "content": content, "rawMeta": {"type": 1}}}


def _literal(content: Any, kind: str = "string") -> dict[str, Any]:
    return {"type": kind, "value": {"type": "literal", "content": content, "rawMeta": {"type": 1}}}


def _parameter(name: str, block: str, output: str, kind: str = "string") -> dict[str, Any]:
    # A condition has nothing to read: what comes behind one reads the run's input.
    return {"name": name, "input": _ref(block, output, kind) if output else _ref("100001", "input", kind)}


def _read(before: str) -> dict[str, Any]:
    return {"name": "text", "input": _ref("100001", "input") if int(before) % 2 else _ref("100001", "n", "integer")}


def _node(
    name: str, kind: str, title: str, inputs: dict[str, Any], outputs: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    meta = {"title": title, "description": "", "icon": "icon.png", "subTitle": title, "mainColor": "#5C62FF"}
    data: dict[str, Any] = {"nodeMeta": meta, "inputs": inputs}
    if outputs is not None:
        data["outputs"] = outputs
    return {"id": name, "type": kind, "meta": {"position": {"x": int(name) % 997, "y": 40.5}}, "data": data}


def _text(name: str, before: str) -> dict[str, Any]:
    params = [
        {"name": "concatResult", "input": _literal("第{{text}}页: {{more}}")},
        {"name": "arrayItemConcatChar", "input": _literal(",")},
    ]
    given = [_read(before), {"name": "more", "input": _literal("x")}]
    inputs = {"method": "concat", "inputParameters": given, "concatParams": params}
    return _node(name, "15", "文本处理", inputs, [_variable("output")])


def _model(name: str, before: str) -> dict[str, Any]:
    params = [
        {"name": "modelType", "input": _literal("1737521813", "integer")},
        {"name": "temperature", "input": _literal("0.8", "float")},
        {"name": "maxTokens", "input": _literal("4096", "integer")},
        {"name": "responseFormat", "input": _literal("0", "integer")},
        {"name": "prompt", "input": _literal("Summarise {{text}} in a sentence.")},
        {"name": "systemPrompt", "input": _literal("You are brief.")},
        {"name": "enableChatHistory", "input": _literal(False, "boolean")},
    ]
    handling = {"switch": False, "processType": 1, "timeoutMs": 180000, "retryTimes": 0}
    inputs = {"inputParameters": [_read(before)], "llmParam": params, "settingOnError": handling}
    return _node(name, "3", "大模型", inputs, [_variable("output")])


def _branch(name: str, before: str) -> dict[str, Any]:
    conditions = [
        {"operator": 13, "left": {"input": _ref("100001", "n", "integer")}, "right": {"input": _literal(3, "integer")}}
    ]
    inputs = {"branches": [{"condition": {"logic": 2, "conditions": conditions}}]}
    return _node(name, "8", "选择器", inputs)


def _loop(name: str, before: str) -> dict[str, Any]:
    first, second = f"{name}1", f"{name}2"
    child = _text(first, before)
    child["data"]["inputs"]["inputParameters"][0] = {"name": "text", "input": _ref(name, "item")}
    other = _text(second, before)
    other["data"]["inputs"]["inputParameters"][0] = {"name": "text", "input": _ref(first, "output")}
    inputs = {
        "loopType": "array",
        "inputParameters": [_parameter("item", "100001", "items", "list")],
        "variableParameters": [{"name": "sum", "input": _literal("0", "integer")}],
        "loopCount": _literal("10", "integer"),
    }
    node = _node(name, "21", "循环", inputs, [{"name": "all", "input": _ref(second, "output", "list")}])
    node["blocks"] = [child, other]
    node["edges"] = [
        {"sourceNodeID": name, "targetNodeID": first, "sourcePortID": "loop-function-inline-output"},
        {"sourceNodeID": first, "targetNodeID": second},
        {"sourceNodeID": second, "targetNodeID": name, "targetPortID": "loop-function-inline-input"},
    ]
    return node


def _code(name: str, before: str) -> dict[str, Any]:
    source = 'async def main(args: Args) -> Output:\n    return {"text": str(args.params["text"])}\n'
    inputs = {"code": source, "language": 3, "inputParameters": [_read(before)]}
    return _node(name, "5", "代码", inputs, [_variable("text")])


def _request(name: str, before: str) -> dict[str, Any]:
    inputs = {
        "apiInfo": {"method": "GET", "url": "https://example.test/{{block_output_100001.input}}"},
        "headers": [{"name": "X-Id", "input": _literal("1")}],
        "params": [],
        "auth": {"authOpen": False, "authType": "BEARER_AUTH", "authData": {"bearerTokenData": []}},
        "body": {"bodyType": "EMPTY", "bodyData": {}},
        "setting": {"timeout": 120, "retryTimes": 3},
    }
    return _node(name, "45", "HTTP 请求", inputs, [_variable("body"), _variable("statusCode", "integer")])
