"""`/v1/status`, `/v1/gate`, and the verification of a pipeline: open to whoever reaches the address."""

from __future__ import annotations

from fastapi import APIRouter

from replicator.api.descriptions import status_document
from replicator.api.documents import StatusDocument, VerificationDocument
from replicator.api.served import ServedHere
from replicator.engine.gate import Verdict
from replicator.engine.service import UnknownNameError

router = APIRouter(prefix="/v1", tags=["status"])


@router.get("/status")
async def status(served: ServedHere) -> StatusDocument:
    """Service, migration, gate and pipelines, the worst first."""
    return status_document(served)


@router.get("/gate")
async def gate(served: ServedHere) -> Verdict:
    """Whether cutover is safe, and if not, why not."""
    return served.service.judge()


@router.get("/pipelines/{name}/verification")
async def verification(name: str, served: ServedHere) -> VerificationDocument:
    """The newest verification since the pipeline was started."""
    progress = served.service.find(name).status().verification
    if progress is None:
        raise UnknownNameError(
            f"{name} has not been verified since it was started", hint="`replicator verify` does it."
        )
    return VerificationDocument.of(progress)
