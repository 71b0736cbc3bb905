"""Every broken canvas gets precisely the findings that it deserves."""

from __future__ import annotations

import pytest

from engine.diagnostics import Diagnostic
from engine.document import read_canvas
from engine.validation import validate
from nodes.library import built_in_library
from tests.canvases.table import OWN_ID, Broken, broken_canvases, files, workflows

BROKEN = broken_canvases()
LIBRARY = built_in_library().types
WORKFLOWS = workflows()


def findings(document: bytes) -> list[Diagnostic]:
    canvas, found = read_canvas(document)
    if canvas is None:
        return found
    return validate(canvas, LIBRARY, workflows=lambda workflow, version: WORKFLOWS.get(workflow), own_id=OWN_ID)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_a_broken_canvas_gets_its_findings(broken: Broken) -> None:
    found = findings(broken.document)
    assert [(one.code, one.node, one.field, one.severity) for one in found] == list(broken.findings)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_a_finding_is_a_sentence(broken: Broken) -> None:
    for one in findings(broken.document):
        assert one.message[-1] in ".?", one.message
        assert one.message[0] in '"' or one.message[0].isupper() or one.field, one.message


def test_the_table_names_every_document_and_no_other() -> None:
    assert sorted(broken.name for broken in BROKEN) == files()


def test_there_are_more_than_forty() -> None:
    assert len(BROKEN) > 40
