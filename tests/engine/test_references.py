"""Templates are cut into literal text and placeholders."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import LimitExceeded
from engine.references import Path, TemplatePart, parse_placeholder, split_template

PLACEHOLDER = re.compile(r"\{\{([^}]+)\}\}")
BRACES = st.text(st.sampled_from("{}ab.[0] 中\n"), max_size=30)


@pytest.mark.parametrize(
    ("inner", "path"),
    [
        ("a", ("a",)),
        ("a.b.c", ("a", "b", "c")),
        ("a.b[0].c", ("a", "b", 0, "c")),
        ("a[0][12]", ("a", 0, 12)),
        ("  a  ", ("a",)),
        (" a . b [ 0 ] . c ", ("a", "b", 0, "c")),
        ("名字.第一", ("名字", "第一")),
        ("first name", ("first name",)),
        ("a.0", ("a", "0")),
        ("node-1_x", ("node-1_x",)),
        (".".join("a" * 32), ("a",) * 32),
    ],
)
def test_a_placeholder_is_a_path(inner: str, path: Path) -> None:
    assert parse_placeholder(inner) == path


@pytest.mark.parametrize(
    "inner",
    [
        "", " ", ".", "a.", ".a", "a..b", "[0]", "a[", "a]", "a[]", "a[x]", "a[-1]", "a[1.5]", "a[0]b", "a[0",
        "a]0[", "a[[0]]", "a[٣]", "a[²]", 'a["b"]', "a[9999999999]", ".".join("a" * 33), "a" + "[0]" * 40,
    ],
)  # fmt: skip
def test_a_malformed_placeholder_is_none(inner: str) -> None:
    assert parse_placeholder(inner) is None


@pytest.mark.parametrize(
    ("template", "parts"),
    [
        ("", []),
        ("你好", ["你好"]),
        ("{{a}}", [(("a",), "{{a}}")]),
        ("你好，{{ name }}！", ["你好，", (("name",), "{{name}}"), "！"]),
        ("{{a}}{{b.c[1]}}", [(("a",), "{{a}}"), (("b", "c", 1), "{{b.c[1]}}")]),
        ("{{\n a\t}}", [(("a",), "{{a}}")]),
        ("{a} {{}} {{ }} {{a", ["{a} {{}} {{ }} {{a"]),
        ("{{a}b}} {{c}}", ["{{a}b}} ", (("c",), "{{c}}")]),
        ("{{a[x]}}{{b}}", ["{{a[x]}}", (("b",), "{{b}}")]),
        ('{"x":{"y":{{z}}}}', ['{"x":{"y":', (("z",), "{{z}}"), "}}"]),
        ("{{{a}}}", [(("{a",), "{{{a}}"), "}"]),
        ("{{a {{b}}", [(("a {{b",), "{{a {{b}}")]),
        ("}}{{a}}{{", ["}}", (("a",), "{{a}}"), "{{"]),
    ],
)
def test_a_template_is_cut_at_its_placeholders(template: str, parts: list[TemplatePart]) -> None:
    assert split_template(template) == parts


@given(BRACES)
def test_the_cuts_are_those_of_the_pattern(template: str) -> None:
    expected: list[TemplatePart] = []
    literal = ""
    at = 0
    for match in PLACEHOLDER.finditer(template):
        literal += template[at : match.start()]
        path = parse_placeholder(match[1])
        if path is None:
            literal += match[0]
        else:
            expected += [literal] if literal else []
            expected.append((path, f"{{{{{match[1].strip()}}}}}"))
            literal = ""
        at = match.end()
    literal += template[at:]
    assert split_template(template) == [*expected, *([literal] if literal else [])]


@pytest.mark.parametrize("unit", ["{", "}", "{{", "{{a", "{{a}", "{{}}", "{{a[", "{{.}}", "{ {", "{{a}}"])
def test_no_template_takes_long(unit: str) -> None:
    template = unit * (600_000 // len(unit))
    # In quadratic time it would be hours, and the suite would give it up.
    parts = split_template(template, limit_bytes=600_000)
    assert "".join(part if isinstance(part, str) else part[1] for part in parts) == template


def test_a_template_has_a_limit_in_bytes() -> None:
    assert split_template("中" * 4, limit_bytes=12) == ["中中中中"]
    with pytest.raises(LimitExceeded, match="13 bytes long; the limit is 12") as caught:
        split_template("中" * 4 + "x", limit_bytes=12)
    assert caught.value.facts == {"limit": 12, "setting": "MAINSPRING_TEMPLATE_BYTES"}
