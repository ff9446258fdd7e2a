"""`/v1/journal`: who commanded what, and when. It wants the token: it names people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from replicator.api.errors import ErrorDocument
from replicator.api.served import ServedHere
from replicator.api.tokens import Actor
from replicator.stores import JournalEntry

ENTRIES_MAX = 1000

router = APIRouter(
    prefix="/v1", tags=["journal"], responses={status: {"model": ErrorDocument} for status in (401, 403)}
)


@router.get("/journal")
async def journal(
    served: ServedHere, _actor: Actor, limit: Annotated[int, Query(ge=1, le=ENTRIES_MAX)] = 100
) -> Sequence[JournalEntry]:
    """The newest entries, oldest first."""
    return await served.service.store.entries(limit)
