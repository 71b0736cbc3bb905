"""Templates that must work, with what they give, and templates that must be contained, with what they are told."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

VALUES: Final[dict[str, Any]] = {
    "name": "李雷",
    "order": {
        "id": 7,
        "lines": [{"item": "龙井茶", "price": 12.5, "count": 2}, {"item": "lamp", "price": 40, "count": 1}],
    },
    "tags": ["b", "a", "b", "中"],
    "paid": True,
    "note": None,
    "html": "<b>A & B</b>",
    "nested": {"a": {"b": {"c": [1, [2, 3]]}}},
    "empty": [],
    "text": "The quick brown fox",
    "second": "{{ order.id }} {% for i in range(3) %}x{% endfor %}",
    "numbers": [3, 1, 2],
}


class Works(NamedTuple):
    """A template and its text."""

    template: str
    text: str
    escape: bool = False


WORKING: Final = {
    "a value": Works("Hello {{ name }}!", "Hello 李雷!"),
    "a path": Works("{{ order.lines[0].item }} {{ order['id'] }}", "龙井茶 7"),
    "a loop": Works("{% for l in order.lines %}{{ loop.index }}.{{ l.item }} {% endfor %}", "1.龙井茶 2.lamp "),
    "a loop over nothing": Works("{% for x in empty %}x{% else %}none{% endfor %}", "none"),
    "a condition": Works("{% if paid and order.id > 5 %}yes{% elif paid %}hm{% else %}no{% endif %}", "yes"),
    "a sum": Works("{{ order.lines | sum(attribute='price') }}", "52.5"),
    "arithmetic": Works("{{ (1 + 2) * 3 - 4 / 2 }} {{ 7 // 2 }} {{ 7 % 4 }} {{ 2 ** 10 }}", "7.0 3 3 1024"),
    "a price": Works("{% for l in order.lines %}{{ '%.2f' % (l.price * l.count) }};{% endfor %}", "25.00;40.00;"),
    "joining": Works("{{ tags | join('、') }}", "b、a、b、中"),
    "unique and sorted": Works("{{ tags | unique | sort | join }}", "ab中"),
    "mapping": Works("{{ order.lines | map(attribute='item') | list }}", '["龙井茶", "lamp"]'),
    "selecting": Works("{{ order.lines | selectattr('price', 'gt', 20) | map(attribute='item') | first }}", "lamp"),
    "grouping": Works(
        "{% for count, ls in order.lines | groupby('count') %}{{ count }}:{{ ls | length }} {% endfor %}", "1:1 2:1 "
    ),
    "a default": Works("{{ missing | default('无') }} {{ order.nope | default(0) }}", "无 0"),
    "null shows nothing": Works("[{{ note }}]", "[]"),
    "booleans and objects as JSON": Works("{{ paid }} {{ nested }}", 'true {"a": {"b": {"c": [1, [2, 3]]}}}'),
    "JSON for a script": Works("{{ order.lines[0] | tojson }}", '{"item": "龙井茶", "price": 12.5, "count": 2}'),
    "a test": Works("{{ 'y' if missing is defined else 'n' }}{{ 'y' if 3 is odd else 'n' }}", "ny"),
    "a macro": Works(
        "{% macro tag(t, c='x') %}<{{ t }} {{ c }}>{% endmacro %}{{ tag('a') }}{{ tag('b', c='y') }}", "<a x><b y>"
    ),
    "a namespace": Works(
        "{% set n = namespace(t=0) %}{% for x in numbers %}{% set n.t = n.t + x %}{% endfor %}{{ n.t }}", "6"
    ),
    "a block set": Works("{% set x %}{{ name }}!{% endset %}{{ x }}{{ x | length }}", "李雷!3"),
    "trimmed blanks": Works("{%- for x in numbers -%} {{ x }} {%- endfor -%}", "312"),
    "case and words": Works(
        "{{ text | upper }} {{ text | wordcount }} {{ text | replace('x', '狐') }}",
        "THE QUICK BROWN FOX 4 The quick brown fo狐",
    ),
    "methods of a text": Works(
        "{{ text.split()[1].title() }} {{ ' x '.strip() }} {{ text.startswith('The') }}", "Quick x true"
    ),
    "members of an object": Works(
        "{% for k, v in order.lines[1].items() %}{{ k }}={{ v }} {% endfor %}", "item=lamp price=40 count=1 "
    ),
    "slices": Works("{{ numbers[1:] }} {{ text[:3] }} {{ numbers[-1] }}", "[1, 2] The 2"),
    "a comment and raw text": Works("{# 注 #}{% raw %}{{ name }}{% endraw %}", "{{ name }}"),
    "values are never templates": Works("{{ second }}", "{{ order.id }} {% for i in range(3) %}x{% endfor %}"),
    "escaped": Works("{{ html }} {{ html | safe }}", "&lt;b&gt;A &amp; B&lt;/b&gt; <b>A & B</b>", escape=True),
    "not escaped": Works("{{ html }} {{ html | e }}", "<b>A & B</b> &lt;b&gt;A &amp; B&lt;/b&gt;"),
    "a ruler": Works("{{ '-' * 20 }}", "-" * 20),
    "concatenation": Works("{{ name ~ ': ' ~ order.id }} {{ 'a' + 'b' }}", "李雷: 7 ab"),
    "rounding and sizes": Works(
        "{{ 3.14159 | round(2) }} {{ 1536 | filesizeformat(true) }} {{ -3 | abs }}", "3.14 1.5 KiB 3"
    ),
    "a range": Works("{{ range(3) | list }} {{ range(2, 9, 3) | join(',') }}", "[0, 1, 2] 2,5,8"),
    "a call block": Works(
        "{% macro box() %}[{{ caller() }}]{% endmacro %}{% call box() %}{{ name }}{% endcall %}", "[李雷]"
    ),
    "nothing at all": Works("", ""),
}


class Contained(NamedTuple):
    """A template, and the reasons of which it fails for one."""

    template: str
    reasons: frozenset[str]


def _refused(template: str) -> Contained:
    return Contained(template, frozenset({"refused"}))


def _broken(template: str) -> Contained:
    return Contained(template, frozenset({"error", "syntax", "refused"}))


def _costly(template: str) -> Contained:
    return Contained(template, frozenset({"error", "timeout", "memory", "output", "refused", "crashed"}))


ATTACKS: Final = {
    # Walks to what Python has.
    "class of a text": _refused("{{ ''.__class__ }}"),
    "mro of a text": _refused("{{ ''.__class__.__mro__[1].__subclasses__() }}"),
    "class by subscript": _refused("{{ ''['__class__'] }}"),
    "class by a name that is put together": _refused("{{ ''['__cl' ~ 'ass__'] }}"),
    "class by a name from hex": _refused("{{ ''['\\x5f\\x5fclass\\x5f\\x5f'] }}"),
    "bases of a tuple": _refused("{{ ().__class__.__bases__[0].__subclasses__() }}"),
    "globals of a function": _refused("{{ range.__globals__ }}"),
    "init of the template": _refused("{{ self.__init__.__globals__.__builtins__ }}"),
    "context of the template": _refused("{{ self._TemplateReference__context }}"),
    "code of a macro": _refused("{% macro m() %}{% endmacro %}{{ m._func.__code__ }}"),
    "function of a macro": _refused("{% macro m() %}{% endmacro %}{{ m.__call__.__func__.__globals__ }}"),
    "iterator of a loop": _refused("{% for x in [1] %}{{ loop._iterable.__class__ }}{% endfor %}"),
    "class of a loop": _refused("{% for x in [1] %}{{ loop.__class__.__init__.__globals__ }}{% endfor %}"),
    "frame of a generator": _refused("{{ ([1]|map('string')).gi_frame.f_globals }}"),
    "code of a generator": _refused("{{ ([1]|map('string')).gi_code }}"),
    "class of a namespace": _refused("{{ namespace().__class__.__init__.__globals__ }}"),
    "class of a bound method": _refused("{{ ''.upper.__self__.__class__ }}"),
    "owner of a builtin": _refused("{{ dict.fromkeys.__self__.__subclasses__() }}"),
    "mro of dict": _refused("{{ dict.mro() }}"),
    "map by attribute": _refused("{{ ['']|map(attribute='__class__')|list }}"),
    "sort by attribute": _refused("{{ ['', 'a']|sort(attribute='__class__')|list }}"),
    "sum by attribute": _refused("{{ ['']|sum(attribute='__class__') }}"),
    "select by attribute": _refused("{{ ['']|selectattr('__class__')|list }}"),
    "group by attribute": _refused("{{ ['', 'a']|groupby('__class__.__mro__')|list }}"),
    "undefined's own": _broken("{{ nope.__class__.__init__.__globals__ }}"),
    "undefined's hint": _broken("{{ nope._undefined_hint }}"),
    # What Jinja2 brings along.
    "lipsum": _broken("{{ lipsum.__globals__['os'].popen('id').read() }}"),
    "lipsum for its length": _broken("{{ lipsum(100000) }}"),
    "cycler": _broken("{{ cycler.__init__.__globals__.os }}"),
    "joiner": _broken("{{ joiner.__init__.__globals__ }}"),
    "get_flashed_messages": _broken("{{ get_flashed_messages.__globals__ }}"),
    "url_for": _broken("{{ url_for.__globals__ }}"),
    "config": _broken("{{ config.items() }}"),
    "request": _broken("{{ request.application.__globals__ }}"),
    "environment": _broken("{{ environment }}"),
    "builtins": _broken("{{ __builtins__ }}"),
    "import by name": _broken("{{ __import__('os').system('id') }}"),
    "open by name": _broken("{{ open('/etc/passwd').read() }}"),
    "eval by name": _broken("{{ eval('1') }}"),
    # Filters and methods that are not offered.
    "filter attr": _broken("{{ ''|attr('__class__') }}"),
    "filter attr through map": _broken("{{ ['']|map('attr', '__class__')|list }}"),
    "filter format": _broken("{{ '%s'|format(1) }}"),
    "filter format for its width": _broken("{{ '%999999999d'|format(1) }}"),
    "filter center": _broken("{{ 'x'|center(1000000000) }}"),
    "filter indent": _broken("{{ 'x\\ny'|indent(1000000000) }}"),
    "filter wordwrap": _broken("{{ 'x'|wordwrap(1, wrapstring='x' * 9999) }}"),
    "filter pprint": _broken("{{ self|pprint }}"),
    "filter xmlattr": _broken("{{ {'x': 'y'}|xmlattr }}"),
    "format walks attributes": _refused("{{ '{0.__class__.__mro__}'.format('') }}"),
    "format_map": _refused("{{ '{a.__class__}'.format_map({'a': 1}) }}"),
    "format behind a name": _refused("{% set f = '{0.__class__}'.format %}{{ f('') }}"),
    "format through map": _broken("{{ ['{0.__class__}']|map('format', '')|list }}"),
    "format of an escaped text": _refused("{{ ('{0.__class__}'|e).format('') }}"),
    "format of a subscript": _refused("{{ 'x'['format'] }}"),
    "ljust": _refused("{{ 'x'.ljust(1000000000) }}"),
    "rjust": _refused("{{ 'x'.rjust(1000000000) }}"),
    "center": _refused("{{ 'x'.center(1000000000) }}"),
    "zfill": _refused("{{ 'x'.zfill(1000000000) }}"),
    "replace": _refused("{{ 'x'.replace('x', 'y') }}"),
    "expandtabs": _refused("{{ '\\t'.expandtabs(1000000000) }}"),
    "encode": _refused("{{ 'x'.encode() }}"),
    "to_bytes": _refused("{{ (1).to_bytes(1000000000, 'big') }}"),
    "translate": _refused("{{ 'x'.translate({120: 'yyyy'}) }}"),
    # What is given stays as it is.
    "append to a list": _refused("{{ tags.append(1) }}"),
    "clear an object": _refused("{{ order.clear() }}"),
    "pop of a list": _refused("{{ tags.pop() }}"),
    "set on an object": _broken("{% set order.id = 8 %}"),
    # Other templates.
    "include a file": _refused("{% include '/etc/passwd' %}"),
    "include by a value": _refused("{% include name %}"),
    "include if it is there": _refused("{% include 'x' ignore missing %}"),
    "import a file": _refused("{% import '/etc/passwd' as x %}"),
    "import from a file": _refused("{% from 'x' import y %}"),
    "extend a file": _refused("{% extends '/etc/passwd' %}"),
    "an include in a branch": _refused("{% if false %}{% include 'x' %}{% endif %}"),
    "an extension": _broken("{% do tags.append(1) %}"),
    "debug": _broken("{% debug %}"),
    "trans": _broken("{% trans %}x{% endtrans %}"),
    "break": _broken("{% for x in [1] %}{% break %}{% endfor %}"),
    # Bombs.
    "a long text": _refused("{{ 'a' * 10 ** 8 }}"),
    "a long list": _refused("{{ [0] * 10 ** 9 }}"),
    "a number of texts": _refused("{{ 10 ** 8 * 'a' }}"),
    "a large power": _refused("{{ 10 ** 10 ** 10 }}"),
    "a negative exponent that is large": _refused("{{ 2 ** -100000 }}"),
    "powers of powers": _costly("{{ ((((9 ** 99) * (9 ** 99)) * 9 ** 99) ** 99) ** 99 }}"),
    "a wide number": _refused("{{ '%0999999999d' % 1 }}"),
    "a width from outside": _refused("{{ '%*d' % (999999999, 1) }}"),
    "a precise number": _refused("{{ '%.999999999f' % 1 }}"),
    "a wide named value": _refused("{{ '%(a)999999999s' % {'a': 1} }}"),
    "a long range": _costly("{{ range(10 ** 9)|list }}"),
    "ranges within ranges": _costly("{% for a in range(99999) %}" * 3 + "{% endfor %}" * 3),
    "a text that doubles": _costly(
        "{% set n = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}"
    ),
    "a list that doubles": _costly(
        "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x|length }}"
    ),
    "a number that squares": _costly(
        "{% set n = namespace(x=99) %}{% for i in range(60) %}{% set n.x = n.x * n.x %}{% endfor %}{{ n.x }}"
    ),
    "much text": _costly("{% for i in range(100000) %}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}"),
    "much text by replacing": _costly("{{ ('a' * 9999)|replace('a', 'b' * 9999) }}"),
    "much text by joining": _costly("{{ range(99999)|join('x' * 9999) }}"),
    "a macro that calls itself": _costly("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"),
    "a loop that calls itself": _costly("{% for x in [[]] recursive %}{{ loop([[]]) }}{% endfor %}"),
    "brackets within brackets": _costly("{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}"),
    "lists within lists": _costly("{{ " + "[" * 5_000 + "]" * 5_000 + " }}"),
    "nots": _costly("{{ " + "not " * 4_000 + "1 }}"),
    "loops within loops": _broken("{% for x in [1] %}" * 60 + "{% endfor %}" * 60),
    "conditions within conditions": _broken("{% if 1 %}" * 700 + "{% endif %}" * 700),
    "a chain of filters": _costly("{{ 'a'" + "|upper" * 3_000 + " }}"),
    "a list that holds itself": _broken("{% set l = namespace() %}{% set l.l = [l] %}{{ l.l.x }}"),
    "batches of nothing": _costly("{{ [1]|batch(1000000000, 'x')|list }}"),
    "slices of nothing": _costly("{{ [1]|slice(1000000000)|list }}"),
    "a deep indent of JSON": _costly("{{ [[1]]|tojson(indent=1000000000) }}"),
    "a template that is too long": _refused("x" * 20_481),
    "a template that is too long in bytes": _refused("茶" * 7_000),
    "links without end": _costly("{% for i in range(99999) %}{{ ('www.' * 2000)|urlize }}{% endfor %}"),
    # Broken ones.
    "a tag that is not closed": _broken("{{ name"),
    "a block that is not closed": _broken("{% for x in tags %}x"),
    "a loop without end": _broken("{% for %}"),
    "half of a character": _costly("{{ '\\ud800' }}"),
}
