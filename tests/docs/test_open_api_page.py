"""docs/open-api.md names every address that programs written for Coze may call, and every number of an error."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from api.access import api_routes
from api.app import OPEN_FEATURES
from api.open.envelope import CODES, INTERNAL, NO_ADDRESS
from api.open.unbuilt import LATER, NEVER, refuse_unbuilt

PAGE: Final = (Path(__file__).resolve().parents[2] / "docs" / "open-api.md").read_text("utf-8")
ADDRESSES: Final = [
    f"{method} {route.path}"
    for router in OPEN_FEATURES
    for route in api_routes(router.routes)
    for method in sorted(route.methods or ())
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_page_names_every_address(address: str) -> None:
    assert f"| `{address}` |" in PAGE


def test_the_page_names_no_address_that_is_not_there() -> None:
    assert set(re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", PAGE, re.M)) == {*ADDRESSES}


@pytest.mark.parametrize("address", [*LATER, *NEVER])
def test_the_page_names_what_is_not_there(address: str) -> None:
    assert f"`{address}`" in PAGE


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_is_served_is_not_said_to_be_missing(address: str) -> None:
    method, _, path = address.partition(" ")
    assert address not in LATER
    assert refuse_unbuilt(method, re.sub(r"{\w+}", "x", path)) is None


@pytest.mark.parametrize("code", sorted({*CODES.values(), INTERNAL, NO_ADDRESS, 4050}))
def test_the_page_names_every_number(code: int) -> None:
    assert f"| {code} |" in PAGE
