"""Which model a name means for an organisation: a row of its own, one of the instance's, or what the settings name."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from conf.catalogue import Catalogue, ModelKind
from engine.errors import NotFound
from nodes.chat import ModelFailed
from storage.ids import parse_id
from storage.tables import Model
from workers.models.entry import ModelEntry, chat_options, described, prices_of, quota_of, seconds_of, typed_options

DEFAULT: Final = "default"
FRESH: Final = 3.0
"""Seconds that a row is believed without looking again: what is changed there holds everywhere after that."""
_MOST: Final = 10_000


class ModelRows(Protocol):
    """The rows that one organisation sees; `storage.models.ModelRepository` is such."""

    async def resolve(self, name: str, kind: ModelKind) -> Model:
        """The row that a name means. Raises `NotFound`."""
        ...

    async def names(self, kind: ModelKind) -> list[str]: ...


class Directory:
    """Finds models by their names. Without `rows` there is only what the settings name."""

    def __init__(
        self,
        catalogue: Catalogue,
        rows: Callable[[int], ModelRows] | None,
        configured: ModelEntry | None,
        always: Mapping[ModelKind, Sequence[str]],
    ) -> None:
        """`always` are names that mean something whatever anybody sets up; they are told, not found."""
        self._catalogue = catalogue
        self._always = always
        self._rows = rows
        self._configured = configured
        self._known: dict[tuple[str, str, str], tuple[float, ModelEntry | None]] = {}

    async def find(self, org_id: str, name: str, kind: ModelKind, *, fresh: bool = False) -> ModelEntry | None:
        """The model; None for `default` where nobody has set one up. Raises `ModelFailed`, reason `not_found`.

        With `fresh` it is looked for, whatever is remembered.
        """
        now = time.monotonic()
        place = (org_id, name, kind)
        if not fresh and (known := self._known.get(place)) is not None and now - known[0] < FRESH:
            return known[1]
        entry = await self._look(org_id, name, kind)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[place] = (now, entry)
        return entry

    async def names(self, org_id: str, kind: ModelKind) -> list[str]:
        """Every name that `find` knows, and those that always mean something."""
        named = [self._configured.vendor_model] if self._configured is not None and kind == "chat" else []
        rows = [] if self._rows is None else await self._rows(_org(org_id)).names(kind)
        return [*dict.fromkeys([*self._always.get(kind, ()), *rows, *named])]

    async def _look(self, org_id: str, name: str, kind: ModelKind) -> ModelEntry | None:
        finding = ""
        if self._rows is not None:
            try:
                return self._entry(name, await self._rows(_org(org_id)).resolve(name, kind))
            except NotFound as error:
                # One that is switched off is told as it is: another one must not stand in for it.
                finding = error.message if error.facts.get("enabled") is False else ""
        configured = self._configured
        if not finding and configured is not None and kind == "chat" and name in (DEFAULT, configured.vendor_model):
            return configured
        if not finding and name == DEFAULT and kind != "rerank":
            return None
        raise await self._unknown(org_id, name, kind, finding)

    def _entry(self, name: str, row: Model) -> ModelEntry:
        kind: ModelKind = "embedding" if row.kind == "embedding" else "rerank" if row.kind == "rerank" else "chat"
        facts = described(self._catalogue, kind, row.provider, row.vendor_model, row.capabilities, name)
        provider = self._catalogue.provider(row.provider)
        return ModelEntry(
            id=str(row.id),
            revision=row.revision,
            name=row.key,
            provider=row.provider,
            vendor_model=row.vendor_model,
            facts=facts,
            org_id=str(row.org_id),
            secret_id="" if row.secret_id is None else str(row.secret_id),
            base_url=row.base_url,
            options=typed_options(provider, kind, row.options, name),
            defaults=chat_options(row.defaults),
            quota=quota_of(row.quota),
            first_token_seconds=seconds_of(row.patience, "first_token_seconds", 120.0),
            gap_seconds=seconds_of(row.patience, "gap_seconds", 60.0),
            prices=prices_of(row.prices, facts),
            media="url" if row.media == "url" else "inline",
            fallback=tuple(row.fallback),
        )

    async def _unknown(self, org_id: str, name: str, kind: ModelKind, finding: str) -> ModelFailed:
        known = await self.names(org_id, kind)
        listed = ", ".join(known) or "none of this kind"
        sentence = finding.rstrip(".") or f"There is no {'' if kind == 'chat' else f'{kind} '}model {name[:80]!r}"
        return ModelFailed(f"{sentence}; there are: {listed}.", reason="not_found", model=name[:80], known=[*known])


def _org(org_id: str) -> int:
    return parse_id(org_id, "organisation")
