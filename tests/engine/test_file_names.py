"""The names of files in their URLs: read, taken out, and kept where they are asked for."""

import pytest

from engine.bindings import Bound
from engine.canvas import JsonSchema
from engine.declared import declare
from engine.file_names import KEEPS_FILE_NAME, file_name_of, without_file_name
from engine.plan import Call, Emit, Merge, Step, Text

NAMED = "https://x.test/a?x-wf-file_name=%E8%A1%A8+1.csv&sign=a%2Fb%3D%3D"
PLAIN = "https://x.test/a?sign=a%2Fb%3D%3D"
FILE: JsonSchema = {"type": "string", "format": "excel"}
CALL = Call(activity="a", tier="activity", timeout_ms=1)


@pytest.mark.parametrize(
    ("url", "name", "rest"),
    [
        (NAMED, "表 1.csv", PLAIN),
        ("https://x.test/a?x-wf-file_name=a.txt", "a.txt", "https://x.test/a"),
        ("https://x.test/a?b=%20c&x-wf-file_name=a.txt#d?e", "a.txt", "https://x.test/a?b=%20c#d?e"),
        ("https://x.test/a?x%2Dwf%2Dfile_name=a.txt&b&c=", "", "https://x.test/a?x%2Dwf%2Dfile_name=a.txt&b&c="),
        ("https://x.test/a?b=x-wf-file_name", "", "https://x.test/a?b=x-wf-file_name"),
        ("https://x.test/x-wf-file_name=a", "", "https://x.test/x-wf-file_name=a"),
        ("https://[::1/a?x-wf-file_name=a", "", "https://[::1/a?x-wf-file_name=a"),
        ("", "", ""),
    ],
)
def test_the_name_is_read_and_taken_out(url: str, name: str, rest: str) -> None:
    assert file_name_of(url) == name
    assert without_file_name(url) == rest
    assert without_file_name(rest) == rest


def declared(action: Call | Emit | Merge, input_schema: JsonSchema | None = None) -> Bound:
    bound: Bound = {"file": NAMED, "list": [NAMED, None], "in": {"deep": NAMED, "text": NAMED}, "text": NAMED}
    text: JsonSchema = {"type": "string"}
    types: JsonSchema = {
        "file": FILE,
        "list": {"type": "array", "items": FILE},
        "in": {"type": "object", "properties": {"deep": FILE, "text": text}},
        "text": text,
    }
    step = Step(
        id="s",
        title="s",
        node_type="s",
        action=action,
        types={"type": "object", "properties": types},
        input_schema=input_schema,
    )
    assert declare(step, bound) == []
    return bound


@pytest.mark.parametrize("action", [CALL, Emit(content=Text(parts=()))])
def test_a_step_that_uses_files_does_not_see_their_names(action: Call | Emit | Merge) -> None:
    assert declared(action) == {
        "file": PLAIN,
        "list": [PLAIN, ""],
        "in": {"deep": PLAIN, "text": NAMED},
        "text": NAMED,
    }


def test_on_the_way_through_a_run_names_stay() -> None:
    assert declared(Merge(groups={}))["file"] == NAMED


def test_a_step_that_asks_for_names_gets_them() -> None:
    schema: JsonSchema = {"type": "object", "properties": {"file": {"type": "string", **KEEPS_FILE_NAME}}}
    bound = declared(CALL, schema)
    assert (bound["file"], bound["list"]) == (NAMED, [PLAIN, ""])
