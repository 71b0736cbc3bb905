"""docs/importing.md names everything that an import may have to say."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from engine.interchange.external_ids import KINDS

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = (ROOT / "docs" / "importing.md").read_text("utf-8")


def codes() -> set[str]:
    """The first argument of every `error(…)` and `warning(…)` in the importer, where it stands there as a text."""
    found: set[str] = set()
    for path in sorted((ROOT / "engine" / "interchange" / "coze").rglob("*.py")):
        for one in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(one, ast.Call) or not isinstance(one.func, ast.Attribute | ast.Name):
                continue
            name = one.func.attr if isinstance(one.func, ast.Attribute) else one.func.id
            first = one.args[0] if one.args else None
            if name.strip("_") in ("error", "warning") and isinstance(first, ast.Constant):
                found.add(str(first.value))
    return found


@pytest.mark.parametrize("code", sorted(codes()))
def test_the_page_names_every_diagnostic(code: str) -> None:
    assert f"`{code}`" in PAGE


def test_there_are_diagnostics_to_name() -> None:
    assert len(codes()) > 40


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_names_every_kind_of_id(kind: str) -> None:
    assert re.search(rf"`(unmapped)?…?_?{kind}`", PAGE)
