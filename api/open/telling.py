"""What happens in a run, as who follows it through the open API is told: what is said and asked, and how it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from api.access import Member
from api.event_stream import closing
from api.open.labels import Label, Labels
from api.open.pieces import Piece, Pieces
from api.runs.service import RunService
from api.runs.values import Showing
from api.workflows.catalogue import Catalogue
from engine.events import RUN_ENDS, EventType, StoredEvent
from engine.values import BLOB_KEY
from storage.stores import Stores
from storage.tables import Run

SHOWN_BYTES: Final = 16 * 1024 * 1024
"""As much as this of values by reference is put into one answer: programs cannot follow references here."""
_OF_MESSAGES: Final = frozenset(
    {EventType.STEP_RETRIED, EventType.MESSAGE_DELTA, EventType.MESSAGE_RESET, EventType.MESSAGE_COMPLETED}
)


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of a message, and the step that sends it."""

    piece: Piece
    label: Label


@dataclass(frozen=True, slots=True)
class Asked:
    """A person is asked. `open`: nobody has answered yet, and the run waits."""

    seq: int
    node: str
    data: dict[str, Any]
    open: bool

    @property
    def wait_id(self) -> str:
        return str(self.data.get("wait_id", ""))

    @property
    def form(self) -> bool:
        """The answer is an object, not a text."""
        return self.data.get("kind") == "form"

    @property
    def title(self) -> str:
        return str(self.data.get("title", ""))

    @property
    def prompt(self) -> str:
        return str(self.data.get("prompt", ""))


@dataclass(frozen=True, slots=True)
class Ended:
    """The run is over."""

    run: Run
    answer: str | None
    output: Any


Told = Said | Asked | Ended


class Telling:
    """Tells of one run."""

    def __init__(self, stores: Stores, runs: RunService, catalogue: Catalogue, member: Member, run: Run) -> None:
        self._stores = stores
        self._runs = runs
        self._member = member
        self._run = run
        self._labels = Labels(catalogue.plan(run.plan_hash), catalogue.plan)
        self._values = Showing(stores.blobs, member.org_id, room=SHOWN_BYTES)

    async def follow(self, after: int = 0) -> AsyncIterator[Told]:
        """What happens behind the offset, to the end of the run or the first question that is open.

        What lies before is read too, so that a message that was begun before goes on where it was.
        """
        pieces = Pieces()
        async with closing(self._runs.events(self._run.id)) as events:
            async for stored in events:
                for told in await self._told(stored, pieces):
                    if stored.seq > after:
                        yield told
                        if isinstance(told, Asked) and told.open:
                            return

    async def _told(self, stored: StoredEvent, pieces: Pieces) -> list[Told]:
        event = stored.event
        if event.type in _OF_MESSAGES:
            label = self._labels.of(event.path, event.node)
            if label.within and event.type is not EventType.STEP_RETRIED:
                return []
            text = await self._text(event.data.get("text", ""))
            return [Said(piece, label) for piece in pieces.read(event, text)]
        if event.type is EventType.WAIT_OPENED:
            return [Asked(stored.seq, event.node, dict(event.data), await self._is_open(event.data.get("wait_id")))]
        if event.type in RUN_ENDS:
            run = await self._stores.runs(self._member.org_id, self._member.space_id).get(self._run.id)
            answer = await self._text(event.data["answer"]) if "answer" in event.data else None
            return [Ended(run, answer, await self._values.whole(run.output))]
        return []

    async def _is_open(self, wait_id: object) -> bool:
        waits = await self._stores.runs(self._member.org_id, self._member.space_id).waits(self._run.id)
        return any(one.wait_id == wait_id for one in waits)

    async def _text(self, value: object) -> str:
        return text_of(await self._values.whole(value))


async def outcome_of(stores: Stores, catalogue: Catalogue, member: Member, run: Run) -> tuple[str | None, Any]:
    """The text of an end that answers (None: it hands back variables), and the output."""
    output = await Showing(stores.blobs, member.org_id, room=SHOWN_BYTES).whole(run.output)
    answer = run.answer
    if answer is None and isinstance(output, dict) and catalogue.plan(run.plan_hash).answers:
        # Too large to stand in the record by itself.
        answer = text_of(output.get("output"))
    return answer, output


def text_of(value: object) -> str:
    """A text that may have been kept by reference; of one too large to be loaded, how it begins."""
    if isinstance(value, dict) and isinstance(reference := value.get(BLOB_KEY), dict):
        return str(reference.get("preview", ""))
    return value if isinstance(value, str) else ""
