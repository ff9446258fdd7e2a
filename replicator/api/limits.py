"""The limits of a pipeline: shown to everyone, changed by whoever brings the token."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body

from replicator.api.documents import Document
from replicator.api.errors import ErrorDocument
from replicator.api.served import Served, ServedHere
from replicator.api.tokens import Actor
from replicator.engine.limits import FIXED

router = APIRouter(
    prefix="/v1/pipelines/{name}/limits",
    tags=["limits"],
    responses={status: {"model": ErrorDocument} for status in (401, 403, 404, 422)},
)


class LimitsDocument(Document):
    """The limits that hold now, those of the configuration, and which may not be changed, with the reason.

    What was changed lasts until the process ends: a restart begins with the configuration.
    """

    name: str
    limits: dict[str, float]
    configured: dict[str, float]
    fixed: dict[str, str]


Change = Annotated[
    dict[str, float],
    Body(
        description="Limits to change, by name; the others stay.",
        examples=[{"sink_calls_in_flight_max": 8}],
    ),
]


@router.get("")
async def limits(name: str, served: ServedHere) -> LimitsDocument:
    """The limits of a pipeline."""
    return _document(served, name)


@router.patch("")
async def change(name: str, served: ServedHere, actor: Actor, given: Change) -> LimitsDocument:
    """Change some limits at once, until the process ends."""
    await served.service.change_limits(name, actor, given)
    return _document(served, name)


def _document(served: Served, name: str) -> LimitsDocument:
    supervisor = served.service.find(name)
    return LimitsDocument(
        name=name,
        limits=supervisor.limits.model_dump(),
        configured=supervisor.charge.limits.model_dump(),
        fixed=FIXED,
    )
