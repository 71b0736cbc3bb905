"""Random Coze canvases that are always valid: every shape the editor can draw, for properties that hold of them all."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from hypothesis import strategies as st

from tests.interchange.cases import Case

ENTRY: Final = "100001"
EXIT: Final = "900001"
MODEL: Final = "61010"
WORDS: Final = ["", "茶", "a,b;c", "{", '{"s":"x"}', "7", "null"]
INPUTS: Final[dict[str, Any]] = {"s": "茶", "n": 2, "b": True, "l": ["a", "二", ""]}

Node = dict[str, Any]


@dataclass
class Sketch:
    """One level of a canvas under construction, and the texts and lists that a node here may read."""

    ids: list[int]
    texts: list[tuple[str, str]]
    lists: list[tuple[str, str]]
    inside: str = ""
    """The composite around it, if any; `word` is what its ports are called after."""
    word: str = "loop"
    people: bool = False
    alone: bool = True
    """Nothing runs beside it: what it writes outside is written in order."""
    nodes: list[Node] = field(default_factory=list)
    lines: list[dict[str, str]] = field(default_factory=list)

    def id(self) -> str:
        self.ids[0] += 1
        return str(self.ids[0])

    def join(self, tails: list[str], target: str) -> None:
        for tail in dict.fromkeys(tails):
            source, _, port = tail.partition(":")
            line = {"sourceNodeID": source, "targetNodeID": target}
            port = port or (f"{self.word}-function-inline-output" if source == self.inside else "")
            if target == self.inside:
                line["targetPortID"] = f"{self.word}-function-inline-input"
            self.lines.append(line | ({"sourcePortID": port} if port else {}))

    def put(self, made: Node, tails: list[str], *, text: str = "", many: str = "") -> list[str]:
        """Add a node behind others; `text` and `many` name what can be read of it."""
        self.nodes.append(made)
        self.join(tails, made["id"])
        if text:
            self.texts.append((made["id"], text))
        if many:
            self.lists.append((made["id"], many))
        return [made["id"]]


# --- the parts of a document ---


def node(id_: str, type_: int, inputs: Any = None, outputs: Any = None, **more: Any) -> Node:
    data: dict[str, Any] = {"nodeMeta": {"title": f"节点 {id_}", "subTitle": "", "description": "", "icon": ""}}
    data |= {} if inputs is None else {"inputs": inputs}
    data |= {} if outputs is None else {"outputs": outputs}
    return {"id": id_, "type": str(type_), "meta": {"position": {"x": 0, "y": 0}}, "data": data, **more}


def literal(value: Any, kind: str = "string") -> Any:
    return {"type": kind, "value": {"type": "literal", "content": value, "rawMeta": {"type": 1}}}


def ref(source: tuple[str, str], kind: str = "string") -> Any:
    content = {"source": "block-output", "blockID": source[0], "name": source[1]}
    schema = {"schema": {"type": "string"}} if kind == "list" else {}
    return {"type": kind, **schema, "value": {"type": "ref", "content": content, "rawMeta": {"type": 1}}}


def variable(name: str) -> Any:
    content = {"source": "global_variable_user", "path": [name], "blockID": "", "name": ""}
    return {"type": "string", "value": {"type": "ref", "content": content}}


def params(members: dict[str, Any]) -> list[Any]:
    return [{"name": name, "input": value} for name, value in members.items()]


STRING: Final = {"name": "output", "type": "string"}


def outputs_of(process: int) -> list[Any]:
    """A text, and what is beside it where errors are handled."""
    return [STRING] if process == 1 else [STRING, {"name": "isSuccess", "type": "boolean"}]


def on_error(process: int) -> Any:
    default = {"dataOnErr": '{"output":"instead"}'} if process == 2 else {}
    return {"switch": process > 1, "processType": process, "timeoutMs": 0, "retryTimes": 0, **default}


# --- steps: each draws itself behind `tails` and gives the tails behind it ---


def series(draw: st.DrawFn, sketch: Sketch, tails: list[str], depth: int, length: int) -> list[str]:
    for _ in range(length):
        kinds = ["concat", "split", "to_json", "from_json", "message", "model", "call"]
        kinds += ["selector", "parallel", "selector"] if depth else []
        kinds += ["loop", "batch"] if not sketch.inside else []
        kinds += ["question", "form"] if sketch.people else []
        kinds += ["variable"] if sketch.alone else []
        tails = STEPS[draw(st.sampled_from(kinds))](draw, sketch, tails, depth)
    return tails


def _text(draw: st.DrawFn, sketch: Sketch) -> Any:
    return draw(st.one_of(st.sampled_from(WORDS).map(literal), st.sampled_from(sketch.texts).map(ref)))


def _template(draw: st.DrawFn, sketch: Sketch) -> tuple[str, list[Any]]:
    found: dict[str, Any] = {}
    if draw(st.booleans()):
        found["l"] = ref(draw(st.sampled_from(sketch.lists)), "list")
    found |= {f"t{number}": _text(draw, sketch) for number in range(draw(st.integers(0, 2)))}
    words = ["x", *(f"{{{{{name}}}}}" for name in found), "{{ none }}"]
    return " ".join(draw(st.permutations(words))), params(found)


def concat(draw: st.DrawFn, sketch: Sketch, tails: list[str], depth: int) -> list[str]:
    template, given = _template(draw, sketch)
    said = params({"concatResult": literal(template), "arrayItemConcatChar": literal("、")})
    inputs = {"method": "concat", "inputParameters": given, "concatParams": said}
    return sketch.put(node(sketch.id(), 15, inputs, [STRING]), tails, text="output")


def split(draw: st.DrawFn, sketch: Sketch, tails: list[str], depth: int) -> list[str]:
    cuts = {"type": "list", "schema": {"type": "string"}, "value": {"type": "literal", "content": [",", ";"]}}
    given = params({"String": _text(draw, sketch)})
    inputs = {"method": "split", "inputParameters": given, "splitParams": params({"delimiters": cuts})}
    outputs = [{"name": "output", "type": "list", "schema": {"type": "string"}}]
    return sketch.put(node(sketch.id(), 15, inputs, outputs), tails, many="output")


def to_json(draw: st.DrawFn, sketch: Sketch, tails: list[str], depth: int) -> list[str]:
    whole = {"type": "object", "schema": params({"a": _text(draw, sketch), "b": literal(1, "integer")})}
    value = draw(st.sampled_from([_text(draw, sketch), whole | {"value": {"type": "object_ref"}}]))
    inputs = {"inputParameters": params({"input": value})}
    return sketch.put(node(sketch.id(), 58, inputs, [STRING]), tails, text="output")


def from_json(draw: st.DrawFn, sketch: Sketch, tails: list[str], depth: int) -> list[str]:
    """Fails for most texts; what then happens is drawn."""
    process = draw(st.sampled_from([1, 2, 2, 3, 3]))
    inputs = {"inputParameters": params({"input": _text(draw, sketch)}), "settingOnError": on_error(process)}
    return _guarded(draw, sketch, node(sketch.id(), 59, inputs, outputs_of(process)), tails, process, depth)


def _guarded(draw: st.DrawFn, sketch: Sketch, made: Node, tails: list[str], process: int, depth: int) -> list[str]:
    sketch.put(made, tails, text="output")
    if process != 3:
        return [made["id"]]
    badly = series(draw, sketch, [f"{made['id']}:branch_error"], 0, draw(st.integers(0, 1)))
    return [f"{made['id']}:default", *badly]


def message(draw: st.DrawFn, sketch: Sketch, tails: list[str], depth: int) -> list[str]:
    template, given = _template(draw, sketch)
    content = {"type": "string", "value": {"type": "literal", "content": template}}
    inputs = {"inputParameters": given, "content": content, "streamingOutput": draw(st.booleans())}
    return sketch.put(node(sketch.id(), 13, inputs), tails)


def model(draw: st.DrawFn, sketch: Sketch, tails: list[str], depth: int) -> list[str]:
    process = draw(st.sampled_from([1, 2, 3]))
    prompt = draw(st.sampled_from(["say {{t0}}", "say {{t0}} fail"])) if process > 1 else "say {{t0}}"
    said = {"modelType": literal(MODEL), "prompt": literal(prompt), "systemPrompt": literal("")}
    said["responseFormat"] = literal("0", "integer")
    given = params({"t0": _text(draw, sketch)})
    inputs = {"inputParameters": given, "llmParam": params(said), "settingOnError": on_error(process)}
    return _guarded(draw, sketch, node(sketch.id(), 3, inputs, outputs_of(process), version="3"), tails, process, depth)


def call(draw: st.DrawFn, sketch: Sketch, tails: list[str], depth: int) -> list[str]:
    callees = ["echo", "thinking", "failing", "looping"] + (["asking"] if sketch.people else [])
    callee = draw(st.sampled_from(callees))
    process = draw(st.sampled_from([2, 3])) if callee == "failing" else 1
    inputs = {"workflowId": callee, "workflowVersion": "", "spaceId": "1", "type": int(callee == "thinking")}
    inputs |= {"inputParameters": params({"s": _text(draw, sketch)}), "settingOnError": on_error(process)}
    return _guarded(draw, sketch, node(sketch.id(), 9, inputs, outputs_of(process)), tails, process, depth)


def question(draw: st.DrawFn, sketch: Sketch, tails: list[str], depth: int) -> list[str]:
    inputs = {"question": "About {{t}}?", "answer_type": "text", "extra_output": False, "limit": 3}
    inputs |= {"inputParameters": params({"t": _text(draw, sketch)})}
    outputs = [{"name": "USER_RESPONSE", "type": "string", "required": True}]
    return sketch.put(node(sketch.id(), 18, inputs, outputs), tails, text="USER_RESPONSE")


def form(draw: st.DrawFn, sketch: Sketch, tails: list[str], depth: int) -> list[str]:
    made = node(
        sketch.id(), 30, {"outputSchema": '[{"name":"name","type":"string"}]'}, [{"name": "name", "type": "string"}]
    )
    return sketch.put(made, tails, text="name")


def assign(draw: st.DrawFn, sketch: Sketch, tails: list[str], depth: int) -> list[str]:
    """Write a variable, then read it."""
    items = [{"name": "v", "left": variable("v"), "input": _text(draw, sketch)}]
    made = node(sketch.id(), 40, {"inputParameters": items}, [{"name": "isSuccess", "type": "boolean"}])
    behind = sketch.put(made, tails)
    said = params({"concatResult": literal("v={{v}}"), "arrayItemConcatChar": literal("")})
    inputs = {"method": "concat", "inputParameters": params({"v": variable("v")}), "concatParams": said}
    return sketch.put(node(sketch.id(), 15, inputs, [STRING]), behind, text="output")


def selector(draw: st.DrawFn, sketch: Sketch, tails: list[str], depth: int) -> list[str]:
    """Looks at what is always there: the inputs, or the number of the turn."""
    name = sketch.id()
    number = (sketch.inside, "index") if sketch.inside and draw(st.booleans()) else (ENTRY, "n")
    tests = [
        {"operator": draw(st.sampled_from([1, 2, 13, 14, 15, 16])), "left": {"input": ref(number, "integer")}},
        {"operator": draw(st.sampled_from([1, 2, 7, 8])), "left": {"input": ref((ENTRY, "s"))}},
        {"operator": draw(st.sampled_from([9, 10])), "left": {"input": ref((ENTRY, "l"), "list")}},
    ]
    tests[0]["right"] = {"input": literal(draw(st.integers(0, 2)), "integer")}
    tests[1]["right"] = {"input": _literal_word(draw)}
    count = draw(st.integers(1, 2))
    branches = [
        {
            "condition": {
                "logic": draw(st.integers(1, 2)),
                "conditions": draw(st.lists(st.sampled_from(tests), min_size=1, max_size=2)),
            }
        }
        for _ in range(count)
    ]
    sketch.put(node(name, 8, {"branches": branches}), tails)
    known, ends, ways = len(sketch.texts), [], []
    for port in ["true", *(f"true_{k}" for k in range(1, count)), "false"]:
        begun = len(sketch.texts)
        ends += series(draw, sketch, [f"{name}:{port}"], depth - 1, draw(st.integers(0, 2)))
        ways += sketch.texts[begun:][-1:]
    if not ways or draw(st.booleans()):
        return ends
    del sketch.texts[known:]
    groups = [{"name": "output", "variables": [ref(one) for one in ways]}]
    return sketch.put(node(sketch.id(), 32, {"mergeGroups": groups}, [STRING]), ends, text="output")


def _literal_word(draw: st.DrawFn) -> Any:
    return literal(draw(st.sampled_from(WORDS)))


def parallel(draw: st.DrawFn, sketch: Sketch, tails: list[str], depth: int) -> list[str]:
    alone, sketch.alone = sketch.alone, False
    ends: list[str] = []
    for _ in range(2):
        ends += series(draw, sketch, tails, depth - 1, draw(st.integers(1, 2)))
    sketch.alone = alone
    return ends


def _composite(draw: st.DrawFn, sketch: Sketch, tails: list[str], kind: int) -> list[str]:
    name = sketch.id()
    counted = kind == 21 and draw(st.booleans())
    arrays = {} if counted else {"item": ref(draw(st.sampled_from(sketch.lists)), "list")}
    texts = [*sketch.texts, *([] if counted else [(name, "item")]), *([(name, "sum")] if kind == 21 else [])]
    word = "loop" if kind == 21 else "batch"
    inner = Sketch(sketch.ids, texts, list(sketch.lists), name, word, sketch.people, sketch.alone and kind == 21)
    known = len(inner.texts)
    ends = series(draw, inner, [name], 1, draw(st.integers(1, 2)))
    said = params({"concatResult": literal("{{i}}:{{t}}"), "arrayItemConcatChar": literal("")})
    given = params({"i": ref((name, "index"), "integer"), "t": _text(draw, inner)})
    last = node(inner.id(), 15, {"method": "concat", "inputParameters": given, "concatParams": said}, [STRING])
    ends = inner.put(last, ends, text="output")
    inputs: dict[str, Any] = {"inputParameters": params(arrays)}
    results = {f"r{number}": ref(one, "list") for number, one in enumerate(inner.texts[known:][-2:])}
    if kind == 21:
        ends = _loop_end(draw, inner, name, last["id"], ends)
        inputs |= {
            "loopType": "count" if counted else "array",
            "loopCount": literal(draw(st.integers(0, 3)), "integer"),
        }
        inputs["variableParameters"] = params({"sum": _text(draw, sketch)})
        results["sum"] = ref((name, "sum"))
    else:
        inputs |= {"batchSize": literal(draw(st.integers(0, 3)), "integer"), "concurrentSize": literal(2, "integer")}
    inner.join(ends, name)
    made = node(name, kind, inputs, params(results), blocks=inner.nodes, edges=inner.lines)
    sketch.put(made, tails, text="sum" if kind == 21 else "")
    sketch.lists += [(name, one) for one in results if one != "sum"]
    return [f"{name}:{word}-output"]


def _loop_end(draw: st.DrawFn, inner: Sketch, loop: str, text: str, ends: list[str]) -> list[str]:
    """Set the loop's variable; perhaps leave the loop after the second turn, or the turn."""
    pairs = [{"left": ref((loop, "sum")), "right": ref((text, "output"))}]
    ends = inner.put(node(inner.id(), 20, {"inputParameters": pairs}, []), ends)
    if not draw(st.booleans()):
        return ends
    test = {
        "operator": 1,
        "left": {"input": ref((loop, "index"), "integer")},
        "right": {"input": literal(1, "integer")},
    }
    way = inner.id()
    inner.put(node(way, 8, {"branches": [{"condition": {"logic": 2, "conditions": [test]}}]}), ends)
    inner.put(node(inner.id(), draw(st.sampled_from([19, 29])), {}), [f"{way}:true"])
    return [f"{way}:false"]


def loop(draw: st.DrawFn, sketch: Sketch, tails: list[str], depth: int) -> list[str]:
    return _composite(draw, sketch, tails, 21)


def batch(draw: st.DrawFn, sketch: Sketch, tails: list[str], depth: int) -> list[str]:
    return _composite(draw, sketch, tails, 28)


STEPS: Final = {
    "concat": concat, "split": split, "to_json": to_json, "from_json": from_json, "message": message, "model": model,
    "call": call, "question": question, "form": form, "variable": assign, "selector": selector,
    "parallel": parallel, "loop": loop, "batch": batch,
}  # fmt: skip


# --- whole documents ---


def _entry(**outputs: Any) -> Node:
    return node(ENTRY, 1, None, [{"name": name, **kind} for name, kind in outputs.items()])


def _exit(results: dict[str, Any]) -> Node:
    return node(EXIT, 2, {"terminatePlan": "returnVariables", "inputParameters": params(results)})


@st.composite
def canvases(draw: st.DrawFn, *, people: bool = False, size: int = 5) -> dict[str, Any]:
    """A document whose inputs are those of `INPUTS`; `people` puts questions and forms in."""
    sketch = Sketch([110_000], [(ENTRY, "s")], [(ENTRY, "l")], people=people)
    texts = {"type": "list", "schema": {"type": "string"}}
    entry = _entry(s={"type": "string"}, n={"type": "integer"}, b={"type": "boolean"}, l=texts)
    tails = series(draw, sketch, [ENTRY], 2, draw(st.integers(1, size)))
    read = draw(st.lists(st.sampled_from(sketch.texts), max_size=4, unique=True))
    lists = draw(st.lists(st.sampled_from(sketch.lists), max_size=2, unique=True))
    results = {f"t{number}": ref(one) for number, one in enumerate(read)}
    results |= {f"l{number}": ref(one, "list") for number, one in enumerate(lists)}
    sketch.join(tails, EXIT)
    return {"nodes": [entry, *sketch.nodes, _exit(results)], "edges": sketch.lines, "versions": {"loop": "v2"}}


def _callee(made: list[Node], result: Any) -> Any:
    ways = [ENTRY, *(one["id"] for one in made), EXIT]
    lines = [{"sourceNodeID": one, "targetNodeID": other} for one, other in pairwise(ways)]
    end = result if isinstance(result, dict) and "id" in result else _exit({"output": result})
    return {"name": "callee", "canvas": {"nodes": [_entry(s={"type": "string"}), *made, end], "edges": lines}}


def _callees() -> dict[str, Any]:
    said = params({"concatResult": literal("<{{s}}>"), "arrayItemConcatChar": literal("")})
    given = params({"s": ref((ENTRY, "s"))})
    text = node("1", 15, {"method": "concat", "inputParameters": given, "concatParams": said}, [STRING])
    asked = {
        "modelType": literal(MODEL),
        "prompt": literal("think of {{s}}"),
        "responseFormat": literal("0", "integer"),
    }
    thought = node("1", 3, {"inputParameters": given, "llmParam": params(asked)}, [STRING])
    content = {"type": "string", "value": {"type": "literal", "content": "Well: {{o}}"}}
    ending = {"terminatePlan": "useAnswerContent", "streamingOutput": True, "content": content}
    answer = node(EXIT, 2, ending | {"inputParameters": params({"o": ref(("1", "output"))})})
    broken = node("1", 59, {"inputParameters": params({"input": literal("{")})}, [STRING])
    question_ = {
        "question": "{{s}}?",
        "answer_type": "text",
        "extra_output": False,
        "limit": 1,
        "inputParameters": given,
    }
    asking = node("1", 18, question_, [{"name": "USER_RESPONSE", "type": "string"}])
    body = {**text, "id": "2"}
    turns = {"loopType": "count", "loopCount": literal(2, "integer"), "inputParameters": [], "variableParameters": []}
    inline = [
        {"sourceNodeID": "1", "targetNodeID": "2", "sourcePortID": "loop-function-inline-output"},
        {"sourceNodeID": "2", "targetNodeID": "1", "targetPortID": "loop-function-inline-input"},
    ]
    looping = node("1", 21, turns, params({"r": ref(("2", "output"), "list")}), blocks=[body], edges=inline)
    return {
        "echo": _callee([text], ref(("1", "output"))),
        "thinking": _callee([thought], answer),
        "failing": _callee([broken], ref(("1", "output"))),
        "asking": _callee([asking], ref(("1", "USER_RESPONSE"))),
        "looping": _callee([looping], ref(("1", "r"), "list")),
    }


CALLEES: Final = _callees()
REPLIES: Final[list[Any]] = [
    {"when": "fail", "fail": "It would rather not.", "again": True},
    {"pieces": ["Tea ", "is ", "茶."], "again": True},
]


def case_of(canvas: dict[str, Any]) -> Case:
    """The document as a case: with what it calls and the model it asks."""
    return Case.model_validate(
        {
            "says": "Whatever was drawn.",
            "ids": {"model": {MODEL: "tea"}},
            "world": {"models": {"tea": REPLIES}},
            "runs": [{"inputs": INPUTS, "app_id": "app", "expect": {"status": "succeeded"}}],
            "canvas": canvas,
            "documents": CALLEES,
        }
    )
