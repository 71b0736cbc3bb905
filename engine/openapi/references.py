"""References within a document (`$ref`): followed without leaving it, and never in a circle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from engine.openapi.findings import Unusable
from engine.values import Json

LONGEST_CHAIN: Final = 20
"""References that lead to references."""


class References:
    """Follows the references of one document."""

    def __init__(self, document: Mapping[str, Json]) -> None:
        self._document = document

    def followed(self, value: object, place: str) -> dict[str, Any]:
        """The object that is meant, be it there or elsewhere in the document. Raises `Unusable`."""
        if not isinstance(value, dict):
            raise Unusable(place, "not_an_object", "This must be an object.")
        for _ in range(LONGEST_CHAIN):
            if "$ref" not in value:
                return value
            value = self.target(value["$ref"], place)
        raise Unusable(place, "reference_circle", f"The reference {str(value['$ref'])[:200]} leads in a circle.")

    def target(self, reference: object, place: str) -> dict[str, Any]:
        """What stands at a reference. Raises `Unusable`."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            shown = str(reference)[:200]
            raise Unusable(
                place,
                "reference_elsewhere",
                f"The reference {shown} leads out of the document; only #/… is followed: put what it means into it.",
            )
        found: Any = self._document
        for part in filter(None, unquote(reference[1:]).split("/")):
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and key.isdecimal() and len(key) < 7 and int(key) < len(found):
                found = found[int(key)]
            elif isinstance(found, dict) and key in found:
                found = found[key]
            else:
                raise Unusable(place, "reference_missing", f"There is nothing at the reference {reference[:200]}.")
        if not isinstance(found, dict):
            raise Unusable(place, "reference_missing", f"What stands at {reference[:200]} is no object.")
        return found
