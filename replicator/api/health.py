"""`/healthz`, `/readyz` and `/metrics`: for orchestrators and for Prometheus."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Response

from replicator.api.documents import Document
from replicator.api.served import ServedHere
from replicator.engine.status import PipelineStatus, State

router = APIRouter(tags=["health"])


class HealthDocument(Document):
    """``ok``, or what is wrong, one sentence each."""

    ok: bool
    reasons: tuple[str, ...] = ()


@router.get("/healthz", responses={503: {"model": HealthDocument}})
async def healthz(served: ServedHere, response: Response) -> HealthDocument:
    """Is the process sound? It answers, so its event loop is alive; are its tasks?"""
    return _health(tuple(served.ailments()), response)


@router.get("/readyz", responses={503: {"model": HealthDocument}})
async def readyz(served: ServedHere, response: Response) -> HealthDocument:
    """Has every pipeline connected both of its ends, or does it stand by for another process?"""
    reasons = [
        f"{status.name} is {status.state.value}"
        for status in served.service.statuses()
        if not _is_connected(status)
    ]
    return _health(tuple(reasons), response)


@router.get("/metrics", response_class=Response)
async def metrics(served: ServedHere, accept: Annotated[str, Header()] = "") -> Response:
    """All metrics in the Prometheus format, computed now."""
    text, content_type = served.metrics.render(accept)
    return Response(text, headers={"Content-Type": content_type})


def _health(reasons: tuple[str, ...], response: Response) -> HealthDocument:
    response.status_code = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
    return HealthDocument(ok=not reasons, reasons=reasons)


def _is_connected(status: PipelineStatus) -> bool:
    if status.state is State.STANDBY:
        return True
    return status.lag is not None and status.state in {State.RUNNING, State.PAUSED}
