"""Whether what a run told is what its case expects, and whether two roads told the same, in sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from engine.conditions import same
from engine.diagnostics import Diagnostic
from tests.interchange.cases import Asked, Case, Expect, Finding, Record, Requested
from tests.interchange.told import Told
from tests.interchange.world import World, media_of

_NAMES = {"type": "node_type"}


def judge(expect: Expect, told: Told) -> list[str]:
    """What differs from the expectation."""
    return [*_complaints(expect, told)]


def _complaints(expect: Expect, told: Told) -> Iterator[str]:
    if told.status != expect.status:
        why = f": {told.error.get('code')} {told.error.get('message')}" if told.error else ""
        yield f"it {told.status}{why}, and not {expect.status}"
        return
    given = expect.model_fields_set
    if "output" in given and not same(told.output, expect.output):
        yield f"the output is {told.output}, and not {expect.output}"
    if "answer" in given and told.answer != expect.answer:
        yield f"the answer is {told.answer!r}, and not {expect.answer!r}"
    facts: Mapping[str, Any] = told.error.get("facts") or {}
    if expect.number is not None and told.number != expect.number:
        yield f"the error {told.error} has the number {told.number}, and not {expect.number}"
    if expect.node is not None and facts.get("node") != expect.node:
        yield f"the error is of {facts.get('node')}, and not of {expect.node}: {told.error.get('message')}"
    if expect.contains is not None and expect.contains not in str(told.error.get("message")):
        yield f"the error says {told.error.get('message')!r}, and nothing of {expect.contains!r}"
    for path, record in expect.records.items():
        yield from _record(path, record, told.records.get(path))
    if told.loose:
        yield f"the messages at {told.loose} have no end, or something behind it"
    if expect.messages is not None:
        yield from _messages(expect, told)
    if expect.waits is not None:
        yield from _waits(expect, told)
    assert told.world is not None
    if expect.asked is not None:
        yield from _asked(expect.asked, told.world)
    if expect.requests is not None:
        yield from _requests(expect.requests, told.world)
    for scope, values in (expect.stored or {}).items():
        held = {name: told.stored.get(scope, {}).get(name) for name in values}
        if not same(held, dict(values)):
            yield f"the {scope} variables are {held}, and not {values}"
    for table, rows in (expect.rows or {}).items():
        names = sorted({name for row in rows for name in row})
        found: Any = [{name: row.get(name) for name in names} for row in told.rows.get(table, [])]
        wanted: Any = [{name: row.get(name) for name in names} for row in rows]
        if not same(found, wanted):
            yield f"the table {table} holds {found}, and not {wanted}"


def _record(path: str, expected: Record, found: dict[str, Any] | None) -> Iterator[str]:
    status = "absent" if found is None else found["status"]
    given = "status" in expected.model_fields_set
    if (given and status != expected.status) or (not given and found is None):
        yield f"{path} is {status}, and not {expected.status}" + (f": {found.get('error')}" if found else "")
        return
    if found is None:
        return
    for name in expected.model_fields_set - {"status", "warnings", "number"}:
        value, wanted = found.get(_NAMES.get(name, name)), getattr(expected, name)
        if name == "variable_select":
            value = (found.get("details") or {}).get(name)
        if name == "inputs":
            value = {one: value.get(one) for one in wanted} if isinstance(value, dict) else value
        if not same(value, wanted):
            yield f"the {name} of {path} is {value}, and not {wanted}"
    if expected.warnings is not None and bool(found.get("warnings")) is not expected.warnings:
        yield f"{path} {'warns' if found.get('warnings') else 'warns of nothing'}: {found.get('warnings')}"
    if expected.number is not None:
        number = Told("failed", error=found.get("error") or {}).number
        if number != expected.number:
            yield f"the error of {path} has the number {number}, and not {expected.number}: {found.get('error')}"


def _messages(expect: Expect, told: Told) -> Iterator[str]:
    found = [(one["node"], one["text"]) for one in told.messages if one["text"]]
    wanted = [(one.node, one.text) for one in expect.messages or []]
    if found != wanted:
        yield f"the messages are {found}, and not {wanted}"
        return
    for message, one in zip([one for one in told.messages if one["text"]], expect.messages or [], strict=True):
        if "".join(message["pieces"]) != message["text"]:
            yield f"the pieces {message['pieces']} are not the message {message['text']!r}"
        if len(message["pieces"]) < one.pieces:
            yield f"the message of {one.node} came in {len(message['pieces'])} pieces, and not {one.pieces}"


def _waits(expect: Expect, told: Told) -> Iterator[str]:
    wanted = expect.waits or []
    if len(wanted) != len(told.waits):
        yield f"it waited at {[one['at'] for one in told.waits]}, and not at {[one.at for one in wanted]}"
        return
    for one, found in zip(wanted, told.waits, strict=True):
        for name in one.model_fields_set:
            if not same(found.get(name), getattr(one, name)):
                yield f"the {name} of the question is {found.get(name)!r}, and not {getattr(one, name)!r}"


def _asked(wanted: list[Asked], world: World) -> Iterator[str]:
    if len(wanted) != len(world.asked):
        yield f"{len(world.asked)} models were asked, and not {len(wanted)}"
        return
    for one, (model, request) in zip(wanted, world.asked, strict=True):
        if one.model != model:
            yield f"the model {model} was asked, and not {one.model}"
        for name, value in one.options.items():
            found = getattr(request.options, name)
            if not same(found, value):
                yield f"{model} was asked with the {name} {found}, and not {value}"
        if one.tools is not None and [tool.name for tool in request.tools] != one.tools:
            yield f"{model} was offered {[tool.name for tool in request.tools]}, and not {one.tools}"
        if one.messages is None:
            continue
        roles = [message.role for message in request.messages]
        if roles != [message.role for message in one.messages]:
            told = [(message.role, message.text) for message in request.messages]
            yield f"{model} was told {told}, and not {[message.role for message in one.messages]}"
            continue
        for said, message, media in zip(one.messages, request.messages, media_of(request), strict=True):
            if said.text is not None and message.text != said.text:
                yield f"{model} was told {message.text!r}, and not {said.text!r}"
            yield from (
                f"{model} was not told {part!r}: {message.text!r}" for part in said.contains if part not in message.text
            )
            yield from (f"{model} was told {part!r}: {message.text!r}" for part in said.lacks if part in message.text)
            if said.media and media != said.media:
                yield f"{model} was shown {media}, and not {said.media}"


def _requests(wanted: int | list[Requested], world: World) -> Iterator[str]:
    sent = world.sent
    count = wanted if isinstance(wanted, int) else len(wanted)
    if len(sent) != count:
        yield f"{len(sent)} requests went out, and not {count}: {[(one.method, one.url) for one in sent]}"
        return
    for one, found in zip([] if isinstance(wanted, int) else wanted, sent, strict=False):
        for name in one.model_fields_set - {"headers", "contains"}:
            if getattr(found, name) != getattr(one, name):
                yield f"the {name} of the request is {getattr(found, name)!r}, and not {getattr(one, name)!r}"
        for name, value in one.headers.items():
            if found.headers.get(name.lower()) != value:
                yield f"the header {name} is {found.headers.get(name.lower())!r}, and not {value!r}"
        yield from (
            f"the request says {found.body!r}, and nothing of {part!r}"
            for part in one.contains
            if part not in found.body
        )


def judge_diagnostics(case: Case, said: list[Diagnostic], findings: list[Diagnostic]) -> list[str]:
    """What the import should have said and did not; and the errors that it should not have found."""
    wanted, found = case.diagnostics or [], [*said, *findings]
    complaints = [
        f"no diagnostic is {one.model_dump(exclude_none=True)}"
        for one in wanted
        if not any(_is(one, each) for each in found)
    ]
    if not any(one.severity == "error" for one in wanted):
        complaints += [
            f"the error {one.code} at {one.node or 'the whole'}: {one.message}"
            for one in found
            if one.severity == "error"
        ]
    if case.diagnostics is None:
        complaints += [
            f"the warning {one.code} at {one.node or 'the whole'}: {one.message}"
            for one in said
            if one.severity == "warning"
        ]
    return complaints


def _is(wanted: Finding, found: Diagnostic) -> bool:
    return (
        wanted.code in (None, found.code)
        and wanted.node in (None, found.node)
        and wanted.field in (None, found.field)
        and wanted.severity in (None, found.severity)
        and (wanted.contains is None or wanted.contains in found.message)
    )


def differences(one: Told, other: Told) -> list[str]:
    """What two roads told differently. Of a run that failed, who lost to the first error is chance."""
    if one.status != other.status:
        return [f"{one.status} here, {other.status} there"]
    if one.status == "failed":
        return [] if one.error.get("code") == other.error.get("code") else [f"{one.error} here, {other.error} there"]
    found = [
        f"the {name} is {getattr(one, name)} here, {getattr(other, name)} there"
        for name in ("output", "answer")
        if not same(getattr(one, name), getattr(other, name))
    ]
    for path in sorted(one.records.keys() | other.records.keys()):
        here, there = _bare(one.records.get(path)), _bare(other.records.get(path))
        if not same(here, there):
            found.append(f"the record of {path} is {here} here, {there} there")
    if [(m["path"], m["text"]) for m in _sorted(one)] != [(m["path"], m["text"]) for m in _sorted(other)]:
        found.append(f"the messages are {one.messages} here, {other.messages} there")
    if sorted(wait["at"] for wait in one.waits) != sorted(wait["at"] for wait in other.waits):
        found.append(f"it waits at {one.waits} here, at {other.waits} there")
    return found


def _sorted(told: Told) -> list[dict[str, Any]]:
    return sorted(told.messages, key=lambda message: (message["path"], message["text"]))


_LEAST_ID: Final = 10**15
_ID: Final = re.compile(r"(?<!\d)\d{16,19}(?!\d)")


def _bare(value: Any) -> Any:
    """A record without what differs by its nature: the ids that the stores give."""
    match value:
        case dict():
            return {name: _bare(one) for name, one in value.items()}
        case list() | tuple():
            return [_bare(one) for one in value]
        case str():
            return _ID.sub("<id>", value)
        case int() if value > _LEAST_ID:
            return "<id>"
        case _:
            return value
