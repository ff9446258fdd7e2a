"""``$management`` of a queue: what clients do with messages other than sending, receiving and settling.

Source: the request-response page of the Service Bus documentation and azure-servicebus's requests.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from localcloud.servicebus.amqp.types import Array, Int, Timestamp
from localcloud.servicebus.broker.deadletters import Reason
from localcloud.servicebus.broker.errors import argument_error, session_lock_lost, too_large
from localcloud.servicebus.broker.parse import parse_message
from localcloud.servicebus.broker.queue import Queue
from localcloud.servicebus.broker.render import render
from localcloud.servicebus.broker.settings import message_bytes_max
from localcloud.servicebus.wire.requests import Request, RequestLink

__all__ = ["ManagementLink"]

# What clients send for "whenever": .NET's largest time.
_WHENEVER_MS = 253_402_300_800_000
_FIRST = 0
_PAGE = 100
_OK, _NO_CONTENT = 200, 204
_Body = dict[str, Any]


class ManagementLink(RequestLink):
    """Answers requests about one queue, or about its dead-letter queue."""

    def prepare(self) -> Callable[[], None]:
        """Look whether there is such a queue, and whether the client may use it."""
        path = self.path.removesuffix("/$management")
        self.check_granted(path)
        self.hub.namespace.queue(path)
        return super().prepare()

    def answer(self, request: Request) -> tuple[int, Any]:
        """Carry out one operation."""
        queue = self.hub.namespace.queue(self.path.removesuffix("/$management"))
        body: _Body = request.body if isinstance(request.body, dict) else {}
        match request.operation:
            case "schedule-message":
                return _OK, self._schedule(queue, body)
            case "renew-session-lock" | "get-session-state" | "set-session-state":
                return _OK, self._on_session(request.operation, queue, body)
        operation = _OPERATIONS.get(request.operation)
        if operation is None:
            raise argument_error(f"'{request.operation}' is not known here")
        reply = operation(queue, body)
        return (_NO_CONTENT if reply is None else _OK), reply

    def _schedule(self, queue: Queue, body: _Body) -> _Body:
        messages = [parse_message(each["message"]) for each in body["messages"]]
        bytes_max = message_bytes_max(queue.settings, self.hub.namespace.tier)
        for message in messages:
            if message.size_bytes > bytes_max:
                raise too_large(message.size_bytes, bytes_max)
        return {"sequence-numbers": Array(int, queue.send(messages))}

    def _on_session(self, operation: str, queue: Queue, body: _Body) -> _Body:
        session_id = body["session-id"]
        if not self.channel.connection.holds(queue.path, session_id):
            raise session_lock_lost(session_id)
        if operation == "renew-session-lock":
            return {"expiration": Timestamp(queue.renew_session(session_id))}
        if operation == "get-session-state":
            return {"session-state": queue.session_state(session_id)}
        queue.set_session_state(session_id, body["session-state"])
        return {}


def _cancel(queue: Queue, body: _Body) -> _Body:
    queue.cancel(body["sequence-numbers"])
    return {}


def _peek(queue: Queue, body: _Body) -> _Body | None:
    found = queue.browse(body["from-sequence-number"], body["message-count"], body.get("session-id"))
    return {"messages": [{"message": render(message)} for message in found]} if found else None


def _receive_deferred(queue: Queue, body: _Body) -> _Body:
    lock = body["receiver-settle-mode"] != _FIRST
    found = queue.receive_deferred(body["sequence-numbers"], body.get("session-id"), lock=lock)
    listed: list[_Body] = []
    for message in found:
        token = {} if message.tag is None else {"lock-token": UUID(bytes_le=message.tag)}
        listed.append({"message": render(message), **token})
    return {"messages": listed}


def _renew_locks(queue: Queue, body: _Body) -> _Body:
    untils = [queue.renew(token.bytes_le) for token in body["lock-tokens"]]
    return {"expirations": Array(Timestamp, untils)}


def _settle(queue: Queue, body: _Body) -> _Body:
    for token in body["lock-tokens"]:
        tag = token.bytes_le
        match body["disposition-status"]:
            case "completed":
                queue.complete(tag)
            case "abandoned":
                queue.abandon(tag)
            case "defered":  # the protocol's own spelling
                queue.defer(tag)
            case "suspended":
                reason = body.get("deadletter-reason"), body.get("deadletter-description")
                queue.dead_letter(tag, Reason(*reason))
            case other:
                raise argument_error(f"'{other}' is no disposition")
    return {}


def _list_sessions(queue: Queue, body: _Body) -> _Body | None:
    after = body["last-updated-time"]
    skip, top = body.get("skip") or 0, body.get("top") or _PAGE
    found = sorted(queue.session_ids(None if after >= _WHENEVER_MS else after))[skip : skip + top]
    return {"skip": Int(skip + len(found)), "sessions-ids": Array(str, found)} if found else None


_OPERATIONS: dict[str, Callable[[Queue, _Body], _Body | None]] = {
    "cancel-scheduled-message": _cancel,
    "peek-message": _peek,
    "receive-by-sequence-number": _receive_deferred,
    "renew-lock": _renew_locks,
    "update-disposition": _settle,
    "get-message-sessions": _list_sessions,
}
