"""Templates in the real jail: those that must work, and those that must be contained."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workers.coderunner.running import Running, code_runner
from tests.workers.coderunner.templates import ATTACKS, VALUES, WORKING, Contained, Works
from workers.coderunner.engine import TaskFailed


@pytest.fixture(scope="module")
def texts() -> Iterator[Running]:
    with code_runner(processes=2, leave_out=("python", "javascript"), cpu_seconds=1) as running:
        yield running


async def rendered(texts: Running, template: str, *, escape: bool = False) -> str:
    task = {"engine": "template", "template": template, "values": VALUES, "escape": escape}
    return str((await texts.client.run(task, seconds=10)).value)


@pytest.mark.parametrize("case", list(WORKING.values()), ids=list(WORKING))
async def test_a_template_gives_its_text(texts: Running, case: Works) -> None:
    assert await rendered(texts, case.template, escape=case.escape) == case.text


@pytest.mark.parametrize("case", list(ATTACKS.values()), ids=list(ATTACKS))
async def test_a_hostile_template_is_contained_and_the_next_one_works(texts: Running, case: Contained) -> None:
    with pytest.raises(TaskFailed) as found:
        await rendered(texts, case.template)
    assert found.value.reason in case.reasons, found.value.message
    assert "Traceback" not in found.value.message
    assert await rendered(texts, "{{ name }}") == "李雷"


def test_there_are_enough_of_both() -> None:
    assert (len(WORKING) >= 25, len(ATTACKS) >= 40) == (True, True)


@pytest.mark.parametrize(
    ("template", "kind", "line", "sentence"),
    [
        ("a\n\n{{ nope }}", "UndefinedError", 3, "`nope` is undefined. The template is given: name, order, tags,"),
        ("{{ order.nope }}", "UndefinedError", 1, "There is no `nope` in an object that has id, lines."),
        ("\n{{ numbers[9] }}", "UndefinedError", 2, "There is no `9` in a list of 3."),
        ("{{ name.nope }}", "UndefinedError", 1, "There is no `nope` in a text."),
        ("\n{% if x %}\n", "TemplateSyntaxError", 2, "Unexpected end of template."),
        ("{{ name | nope }}", "TemplateSyntaxError", 1, "No filter named 'nope'."),
        ("\n{{ 1 + 'a' }}", "TypeError", 2, "Unsupported operand type"),
        ("{% macro m() %}\n{{ 1 / 0 }}\n{% endmacro %}\n\n{{ m() }}", "ZeroDivisionError", 2, "Division by zero."),
        ("x\n{% include 'y' %}", "", 2, "A template stands alone"),
        ("\n\n{{ ''.__class__ }}", "SecurityError", 3, "__class__"),
    ],
)
async def test_a_failure_names_the_line_and_what_is_wrong(
    texts: Running, template: str, kind: str, line: int, sentence: str
) -> None:
    with pytest.raises(TaskFailed) as found:
        await rendered(texts, template)
    assert sentence in found.value.message
    assert (found.value.type, found.value.line) == (kind, line)


async def test_a_template_may_make_a_megabyte(texts: Running) -> None:
    text = await rendered(texts, "{% for i in range(100000) %}{{ '\n' }}茶\n{% endfor %}"[:-1] + "}")
    assert len(text.encode()) == 500_000
    with pytest.raises(TaskFailed, match="more than 1,000,000 bytes") as found:
        await rendered(texts, "{% for i in range(100000) %}茶茶茶茶{% endfor %}")
    assert found.value.reason == "output"
