"""The most that a request may send: commands are small, and anything larger is refused unread."""

from __future__ import annotations

from http import HTTPStatus

from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

BODY_BYTES_MAX = 65_536


class BoundedBodies:
    """ASGI middleware: refuses a body that is longer than it may be, or of a length that is not told."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        headers = dict(scope.get("headers", ()))
        length = headers.get(b"content-length", b"0")
        chunked = b"transfer-encoding" in headers
        if chunked or not length.isdigit() or int(length) > BODY_BYTES_MAX:
            await _too_large(scope, receive, send)
        else:
            await self._app(scope, receive, send)


_too_large = JSONResponse(
    {
        "code": "bad_request",
        "message": f"a body has at most {BODY_BYTES_MAX} bytes, and says how many",
        "hint": "Send Content-Length.",
    },
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
)
