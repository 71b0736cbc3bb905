"""docs/operating.md names every setting there is, with its default."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr

from conf.settings import Settings

PAGE: Final = (Path(__file__).resolve().parents[2] / "docs" / "operating.md").read_text("utf-8")
TOLD: Final = dict(re.findall(r"^\| `([A-Z][A-Z_]+)` \| (.*?) ?\|", PAGE, re.M))
FIELDS: Final = Settings.model_fields


def variable(name: str) -> str:
    """The environment variable of a field."""
    alias = FIELDS[name].validation_alias
    return alias if isinstance(alias, str) else f"MAINSPRING_{name.upper()}"


def told(name: str) -> str:
    """A default as the page writes it."""
    value: Any = FIELDS[name].default
    match value:
        case "" | () | SecretStr():
            return ""
        case bool():
            return f"`{str(value).lower()}`"
        case int() if name.endswith("_bytes"):
            return f"{value // 1024**2} MiB" if value >= 1024**2 else f"{value // 1024} KiB"
        case float():
            return f"`{value:g}`"
        case _:
            return f"`{value}`"


@pytest.mark.parametrize("name", FIELDS)
def test_the_page_names_every_setting_with_its_default(name: str) -> None:
    assert TOLD[variable(name)] == told(name)


def test_the_page_names_no_setting_that_is_not_there() -> None:
    assert {*TOLD} == {variable(name) for name in FIELDS}


def test_a_setting_that_any_page_names_is_there() -> None:
    pages = [*(Path(__file__).resolve().parents[2] / "docs").glob("*.md")]
    named = {word for page in pages for word in re.findall(r"MAINSPRING_[A-Z_]+", page.read_text("utf-8"))}
    assert named <= {variable(name) for name in FIELDS}
