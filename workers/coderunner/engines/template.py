"""Templates in Jinja2, rendered with JSON values alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final

from jinja2 import Template, TemplateSyntaxError, UndefinedError, nodes
from jinja2.exceptions import SecurityError

from workers.coderunner.engine import TaskFailed
from workers.coderunner.engines.template_sandbox import TemplateSandbox, names_of

TEMPLATE_BYTES: Final = 20 * 1024
OUTPUT_BYTES: Final = 1_000_000

_ELSEWHERE: Final[Mapping[type[nodes.Node], str]] = {
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "from … import",
    nodes.Extends: "extends",
}
_SOURCE_NAME: Final = "<template>"

_TRIAL: Final = """
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(text) }}{{ text|upper|title|e|urlize|striptags|urlencode }}
{% for i in items|sort|batch(2) %}{{ loop.index }}{{ i|tojson }}{{ i|random is number }}{% endfor %}
{{ items|map('string')|join(', ')|truncate(3) }}{{ text|wordcount }}{{ items|sum }}{{ '%.2f' % 1.5 }}{{ none }}
{{ [{'a': 1}, {'a': 2}]|groupby('a')|list|length }}{{ {'b': 1}|dictsort }}{{ items|unique|list }}{{ 1.5|round }}
{{ text|forceescape|safe }}{{ items|select('odd')|list }}{{ 1000|filesizeformat }}
{% set n = namespace(x=1) %}{% set n.x = 2 %}{{ n.x * 2 ** 2 }}{% filter lower %}A{% endfilter %}"""
_TROUBLE: Final = ("{{ nope }}", "{% for %}", "{{ ''.__class__ }}", "{{ 1 / 0 }}", "{% include 'x' %}", "{{ 1|nope }}")


class _Templates:
    """The engine `template`."""

    def __init__(self) -> None:
        self._sandboxes: dict[bool, TemplateSandbox] = {}

    def prepare(self, modules: Sequence[str]) -> None:
        """Render one of everything: Jinja2 and what it uses import some modules only when they are first needed."""
        for escape in (False, True):
            self._sandboxes[escape] = TemplateSandbox(escape=escape)
            self.run({"template": _TRIAL, "values": {"text": "<茶>", "items": [1, 2]}, "escape": escape}, _unheard)
            for template in _TROUBLE:
                try:
                    self.run({"template": template, "values": {}, "escape": escape}, _unheard)
                except TaskFailed:
                    continue

    def enter(self) -> None:
        """Nothing: rendering asks nothing of the system."""

    def run(self, task: Mapping[str, Any], log: Callable[[str], None]) -> str:
        """The text. Failures name the line of the template."""
        source: str = task["template"]
        if len(source.encode(errors="replace")) > TEMPLATE_BYTES:
            raise TaskFailed("refused", f"The template is longer than {TEMPLATE_BYTES // 1024} KiB.")
        return _render(_compile(self._sandboxes[bool(task["escape"])], source), task["values"])


ENGINE: Final = _Templates()


def _compile(sandbox: TemplateSandbox, source: str) -> Template:
    try:
        parsed = sandbox.parse(source)
        for kind, word in _ELSEWHERE.items():
            if (found := parsed.find(kind)) is not None:
                message = f"A template stands alone: there is no other one that `{word}` could bring in."
                raise TaskFailed("refused", message, line=found.lineno)
        return sandbox.from_string(parsed)
    except TemplateSyntaxError as error:
        message = _sentence(error.message or "")
        raise TaskFailed("syntax", message, type="TemplateSyntaxError", line=error.lineno) from None
    except SyntaxError as error:  # in the code that Jinja2 makes of it: loops within loops within loops
        message = f"The template cannot be compiled: {error.msg}."
        raise TaskFailed("syntax", message, type="TemplateSyntaxError") from None
    except RecursionError:
        raise TaskFailed("refused", "The template is nested too deeply.", type="RecursionError") from None


def _render(template: Template, values: Mapping[str, Any]) -> str:
    pieces: list[str] = []
    size = 0
    try:
        for piece in template.generate(values):
            size += len(piece.encode(errors="replace"))
            if size > OUTPUT_BYTES:
                raise TaskFailed("output", f"The template makes a text of more than {OUTPUT_BYTES:,} bytes.")
            pieces.append(str(piece))  # no Markup: the answer holds exact types
    except (TaskFailed, MemoryError):
        raise
    except SecurityError as error:
        raise TaskFailed("refused", _sentence(str(error)), type="SecurityError", line=_line(error)) from None
    except RecursionError as error:
        message = "The template calls itself, or a value is nested, too deeply."
        raise TaskFailed("error", message, type="RecursionError", line=_line(error)) from None
    except UndefinedError as error:
        message = _sentence(error.message or "")
        if message.endswith("` is undefined."):
            message += f" The template is given: {names_of(values)}."
        raise TaskFailed("error", message, type="UndefinedError", line=_line(error)) from None
    except Exception as error:  # noqa: BLE001  (a template is anybody's code: it raises what Python's operators raise)
        raise TaskFailed("error", _sentence(str(error)), type=type(error).__name__, line=_line(error)) from None
    return "".join(pieces)


def _unheard(line: str) -> None:
    """Templates print nothing."""


def _sentence(text: str) -> str:
    text = text.strip() or "The template failed."
    text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _line(error: BaseException) -> int | None:
    """The line of the template, the innermost one: Jinja2 has put it into the traceback."""
    return ([None, *_lines(error.__traceback__)])[-1]


def _lines(trace: TracebackType | None) -> Iterator[int]:
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _SOURCE_NAME:
            yield trace.tb_lineno
        trace = trace.tb_next
