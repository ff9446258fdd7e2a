"""Errors as JSON: which HTTP status each becomes, and what is said."""

from __future__ import annotations

from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from replicator.engine.service import UnknownNameError
from replicator.model.errors import (
    ConfigError,
    CutoverError,
    NotNowError,
    ReplicatorError,
    StateError,
    TransientError,
)

log = structlog.get_logger()


class UnauthorizedError(ReplicatorError):
    """A command came without the token, or with another one."""

    code = "unauthorized"


class CommandsOffError(ReplicatorError):
    """The service has no token, so it takes no command over HTTP."""

    code = "commands_off"


class BadRequestError(ReplicatorError):
    """A request is well-formed, and says something that means nothing."""

    code = "bad_request"


class BarrierTimeoutError(ReplicatorError):
    """Not everything was applied within the time that the caller gave."""

    code = "barrier_timeout"


class ErrorDocument(BaseModel):
    """What every refused request is answered with; ``code`` names a page of the runbook."""

    code: str
    message: str
    hint: str = ""


_STATUS: tuple[tuple[type[ReplicatorError], HTTPStatus], ...] = (
    (BadRequestError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ConfigError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (UnauthorizedError, HTTPStatus.UNAUTHORIZED),
    (CommandsOffError, HTTPStatus.FORBIDDEN),
    (UnknownNameError, HTTPStatus.NOT_FOUND),
    (NotNowError, HTTPStatus.CONFLICT),
    (CutoverError, HTTPStatus.CONFLICT),
    (BarrierTimeoutError, HTTPStatus.GATEWAY_TIMEOUT),
    (TransientError, HTTPStatus.SERVICE_UNAVAILABLE),
    (StateError, HTTPStatus.SERVICE_UNAVAILABLE),
)


def status_of(error: ReplicatorError) -> HTTPStatus:
    """The HTTP status that tells a client what kind of refusal this is."""
    found = (status for kind, status in _STATUS if isinstance(error, kind))
    return next(found, HTTPStatus.INTERNAL_SERVER_ERROR)


def install(app: FastAPI) -> None:
    """Answer every error with an ``ErrorDocument``."""
    app.add_exception_handler(ReplicatorError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _unserved)
    app.add_exception_handler(Exception, _failed)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, ReplicatorError):
        return await _failed(_request, error)
    status = status_of(error)
    headers = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else None
    return _answer(status, ErrorDocument(code=error.code, message=error.message, hint=error.hint), headers)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    details = error.errors() if isinstance(error, RequestValidationError) else ()
    found = [f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}" for detail in details]
    document = ErrorDocument(
        code="bad_request", message="; ".join(found), hint="GET /openapi.json describes every request."
    )
    return _answer(HTTPStatus.UNPROCESSABLE_ENTITY, document)


async def _unserved(_request: Request, error: Exception) -> JSONResponse:
    status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.NOT_FOUND
    document = ErrorDocument(
        code="bad_request", message=status.phrase, hint="GET /openapi.json describes every request."
    )
    return _answer(status, document)


async def _failed(_request: Request, error: Exception) -> JSONResponse:
    log.error("request.failed", error=repr(error), error_code="internal")
    document = ErrorDocument(
        code="internal", message=type(error).__name__, hint="This is a fault of Replicator; see its log."
    )
    return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, document)


def _answer(
    status: HTTPStatus, document: ErrorDocument, headers: dict[str, str] | None = None
) -> JSONResponse:
    return JSONResponse(document.model_dump(), status, headers)
