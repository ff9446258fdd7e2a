"""What the routes serve, and how they reach it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from replicator.engine.service import Service
from replicator.telemetry import Metrics


@dataclass(frozen=True)
class Served:
    """One service, and what is known around it.

    Attributes:
        strategy: how the migration moves, for the status document.
        token: what commands have to bring; None where no command is taken over HTTP.
        ailments: what is wrong with the process itself, one sentence each; empty while it is sound.
    """

    service: Service
    metrics: Metrics
    strategy: str
    token: str | None
    ailments: Callable[[], Sequence[str]]


def served(request: Request) -> Served:
    """The application's own ``Served``."""
    return cast(Served, request.app.state.served)


ServedHere = Annotated[Served, Depends(served)]
