"""A small client of the HTTP interface, on the standard library, so that a health check starts quickly."""

from __future__ import annotations

import getpass
import json
import socket
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from replicator.model.errors import ConfigError, ReplicatorError

ANSWER_SECONDS_MAX = 30.0


class UnreachableError(ReplicatorError):
    """No service answers at the address."""

    code = "unreachable"


class RefusedError(ReplicatorError):
    """The service refused a command, or answered something that it never answers."""

    code = "refused"
    status = 0
    """The HTTP status, where it was the service that refused."""


class Client:
    """Asks one service."""

    def __init__(self, url: str, token: str | None = None) -> None:
        """``url`` is ``http://host:port`` or ``https://…``, with a path before ours if there is one."""
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError([f"{url!r} is not the address of a service"], hint="It is http://HOST:PORT.")
        self._parts = parts
        self._token = token

    def get(self, path: str, **query: str | int | None) -> dict[str, Any]:
        """The document at the path; parameters that are None are left out.

        Raises:
            UnreachableError, RefusedError: as named.
        """
        given = {name: value for name, value in query.items() if value is not None}
        return self._ask("GET", f"{path}?{urlencode(given)}" if given else path)

    def post(self, path: str, seconds_max: float = ANSWER_SECONDS_MAX, **body: Any) -> dict[str, Any]:
        """What a command is answered with; raises as ``get`` does."""
        return self._ask("POST", path, body, seconds_max)

    def patch(self, path: str, **body: Any) -> dict[str, Any]:
        """What a change is answered with; raises as ``get`` does."""
        return self._ask("PATCH", path, body)

    def _ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        seconds_max: float = ANSWER_SECONDS_MAX,
    ) -> dict[str, Any]:
        connection = self._connect(seconds_max)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, self._parts.path + path, text, self._headers())
            answer = connection.getresponse()
            return self._read(answer, answer.read())
        except (OSError, HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise UnreachableError(
                f"no service answers at {self.url}: {reason}",
                hint="Is `replicator run` running? --url or REPLICATOR_URL say where to find it.",
            ) from error
        finally:
            connection.close()

    def _connect(self, seconds_max: float) -> HTTPConnection:
        kind = HTTPSConnection if self._parts.scheme == "https" else HTTPConnection
        try:
            return kind(self._parts.hostname or "", self._parts.port, timeout=seconds_max)
        except ValueError as error:  # the port is no number
            raise ConfigError([f"{self.url!r} is not an address: {error}"]) from error

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self._token is not None:
            headers |= {"Authorization": f"Bearer {self._token}", "X-Replicator-Actor": _actor()}
        return headers

    def _read(self, answer: HTTPResponse, text: bytes) -> dict[str, Any]:
        try:
            document = json.loads(text)
        except ValueError as error:
            raise foreign(self.url) from error
        if not isinstance(document, dict):
            raise foreign(self.url)
        if answer.status < 400 or "ok" in document:  # a service that is not sound says so with a 503
            return document
        if "message" not in document:
            raise foreign(self.url)
        refused = RefusedError(document["message"], hint=document.get("hint", ""))
        refused.status = answer.status
        raise refused


def pipeline_path(name: str, what: str) -> str:
    """The path of something of a pipeline, whatever its name holds."""
    return f"/v1/pipelines/{quote(name, safe='')}/{what}"


def foreign(url: str) -> RefusedError:
    """The answer was none of ours."""
    return RefusedError(
        f"something else than Replicator answers at {url}",
        hint="--url or REPLICATOR_URL say where to find the service.",
    )


def _actor() -> str:
    """Who gives the command, for the journal: user and machine, in characters that a header takes."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        user = "unknown"
    return f"{user}@{socket.gethostname()}".encode("ascii", "replace").decode()[:100]
