"""Commands to a pipeline. Each wants the token, and is in the journal before it has any effect."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from replicator.api.documents import Document, VerificationDocument
from replicator.api.errors import BadRequestError, BarrierTimeoutError, ErrorDocument
from replicator.api.served import Served, ServedHere
from replicator.api.tokens import Actor
from replicator.connector import FETCH_KEYS_MAX
from replicator.engine.status import State
from replicator.model.key import Key, key_from_input

BARRIER_SECONDS_MAX = 3600.0

router = APIRouter(
    prefix="/v1/pipelines/{name}",
    tags=["commands"],
    responses={status: {"model": ErrorDocument} for status in (401, 403, 404, 409)},
)


class Order(BaseModel):
    """What a command is given; nothing unknown is accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Resume(Order):
    """Go on; ``new_backfill`` gives the saved positions up and reconciles everything."""

    new_backfill: bool = False


class Verify(Order):
    """Compare both sides; ``quiet_source``: the writers are stopped, so the first difference counts."""

    repair: bool = False
    quiet_source: bool = False


class Barrier(Order):
    """How long the caller waits, and for what: for everything, or for these keys alone.

    A key is named as in dead letters and reports, ``["s:customer-1", "n:12"]``; one of a single text, such
    as an object's, by that text.
    """

    keys: tuple[str, ...] = Field(default=(), max_length=FETCH_KEYS_MAX)
    timeout_seconds: float = Field(default=60.0, gt=0, le=BARRIER_SECONDS_MAX)


class PipelineStateDocument(Document):
    """The pipeline after the command."""

    name: str
    state: State


class BarrierDocument(Document):
    """How it was proved that everything committed before the call is durable in the sink."""

    proof: str
    seconds: float


@router.post("/pause")
async def pause(name: str, served: ServedHere, actor: Actor) -> PipelineStateDocument:
    """Stop reading; what was read is still written."""
    await served.service.pause(name, actor)
    return _state(served, name)


@router.post("/resume")
async def resume(
    name: str, served: ServedHere, actor: Actor, order: Resume | None = None
) -> PipelineStateDocument:
    """Go on after a pause or a failure."""
    order = order or Resume()
    await served.service.resume(name, actor, new_backfill=order.new_backfill)
    return _state(served, name)


@router.post("/verify", status_code=202)
async def verify(
    name: str, served: ServedHere, actor: Actor, order: Verify | None = None
) -> VerificationDocument:
    """Start a verification; `GET …/verification` tells how it goes."""
    order = order or Verify()
    progress = await served.service.verify(
        name, actor, repair=order.repair, quiet_source=order.quiet_source
    )
    return VerificationDocument.of(progress)


@router.post("/barrier", responses={504: {"model": ErrorDocument}})
async def barrier(
    name: str, served: ServedHere, _actor: Actor, order: Barrier | None = None
) -> BarrierDocument:
    """Return once everything committed at the source before this call is durable in the sink.

    With keys, once these are: they are read and compared on both sides. Without, a source of objects costs
    a list of both sides. Callers who come while one waits share the next mark.
    """
    order = order or Barrier()
    keys = [_key(text) for text in order.keys]
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        async with asyncio.timeout(order.timeout_seconds):
            proof = await served.service.barrier(name, keys)
    except TimeoutError as error:
        raise BarrierTimeoutError(
            f"{name} has not applied everything within {order.timeout_seconds:g} s",
            hint="Look at its lag in `replicator status`, or allow more time.",
        ) from error
    return BarrierDocument(proof=proof, seconds=clock() - began)


def _key(text: str) -> Key:
    try:
        return key_from_input(text)
    except ValueError as error:
        raise BadRequestError(
            f"not a key: {text!r}",
            hint='Write the parts as ["s:text", "n:12"], or a key of one text as it is.',
        ) from error


def _state(served: Served, name: str) -> PipelineStateDocument:
    return PipelineStateDocument(name=name, state=served.service.find(name).state)
