"""Dead letters: listed, shown whole, replayed, waived. All of it wants the token: they hold records."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query

from replicator.api.documents import Document
from replicator.api.errors import ErrorDocument
from replicator.api.served import ServedHere
from replicator.api.tokens import Actor
from replicator.model.key import key_text
from replicator.model.record import record_to_json
from replicator.stores import DeadLetter

PAGE_MAX = 100
"""Records are read with their letters, and one may have 400 KB."""

router = APIRouter(
    prefix="/v1/dead-letters",
    tags=["dead letters"],
    responses={status: {"model": ErrorDocument} for status in (401, 403, 404, 409)},
)


class DeadLetterSummary(Document):
    """A dead letter without its record; ``key`` is the neutral text of the key."""

    id: int
    pipeline: str
    key: str
    kind: str
    state: str
    error_code: str
    message: str
    hint: str
    committed_at: float
    failed_at: float


class DeadLetterDocument(DeadLetterSummary):
    """A dead letter with the record that was refused; null for a delete."""

    record: Any


class DeadLetterPage(Document):
    """Letters in order of id; ``after`` of the next page, or null."""

    dead_letters: tuple[DeadLetterSummary, ...]
    next_after: int | None


class SettledDocument(Document):
    """What became of the letter; one that is refused again is ``open`` under a new id."""

    id: int
    state: Literal["replayed", "waived", "open"]


@router.get("")
async def list_dead_letters(
    served: ServedHere,
    _actor: Actor,
    pipeline: str | None = None,
    state: Literal["open", "replayed", "waived"] | None = None,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
) -> DeadLetterPage:
    """A page of dead letters."""
    letters = await served.service.store.list_dead_letters(pipeline, state, after, limit)
    next_after = letters[-1].id if len(letters) == limit else None
    summaries = tuple(DeadLetterSummary(**_summary(letter)) for letter in letters)
    return DeadLetterPage(dead_letters=summaries, next_after=next_after)


@router.get("/{letter_id}")
async def show(letter_id: int, served: ServedHere, _actor: Actor) -> DeadLetterDocument:
    """One dead letter with its record."""
    letter = await served.service.letter(letter_id)
    record = None if letter.record is None else orjson.loads(record_to_json(letter.record))
    return DeadLetterDocument(**_summary(letter), record=record)


@router.post("/{letter_id}/replay")
async def replay(letter_id: int, served: ServedHere, actor: Actor) -> SettledDocument:
    """Make the sink's record what the source's is now; an old change never overwrites a later one."""
    replayed = await served.service.replay(letter_id, actor)
    return SettledDocument(id=letter_id, state="replayed" if replayed else "open")


@router.post("/{letter_id}/waive")
async def waive(letter_id: int, served: ServedHere, actor: Actor) -> SettledDocument:
    """Declare that it will never be applied; it no longer closes the gate."""
    await served.service.waive(letter_id, actor)
    return SettledDocument(id=letter_id, state="waived")


def _summary(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "pipeline": letter.pipeline,
        "key": key_text(letter.key),
        "kind": letter.kind.value,
        "state": letter.state,
        "error_code": letter.error_code,
        "message": letter.message,
        "hint": letter.hint,
        "committed_at": letter.committed_at,
        "failed_at": letter.failed_at,
    }
