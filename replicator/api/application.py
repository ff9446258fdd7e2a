"""The application: all routes over one service."""

from __future__ import annotations

from fastapi import FastAPI

import replicator
from replicator.api import commands, dead_letters, errors, health, journal, limits, status
from replicator.api.bounds import BoundedBodies
from replicator.api.served import Served


def create_app(served: Served) -> FastAPI:
    """The HTTP application. Its description is at ``/openapi.json``; it fetches nothing from elsewhere."""
    app = FastAPI(
        title="Replicator",
        version=replicator.__version__,
        description="Health, metrics, status and commands of one migration.",
        docs_url=None,
        redoc_url=None,
    )
    app.state.served = served
    errors.install(app)
    app.add_middleware(BoundedBodies)
    for room in (health, status, commands, limits, dead_letters, journal):
        app.include_router(room.router)
    return app
