"""The calls of SQS on standard queues: as ministack answers them, and as a script wants them disordered."""

import re
from collections.abc import Callable
from typing import Any

import orjson

from localcloud.aws.clock import Clock
from localcloud.aws.errors import validation
from localcloud.aws.messages import Call, Reply, reply_json
from localcloud.aws.queues.disorder import Disorder, Unruly
from localcloud.aws.upstream import Upstream

__all__ = ["Queues"]

# As ministack makes them; anything else was never a receipt handle, and is refused as SQS refuses it.
_HANDLE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_INVALID = b"ReceiptHandleIsInvalid"
_DELETED_MAX = 100_000
_VISIBILITY = "VisibilityTimeout"


class Queues:
    """Answers the calls of SQS.

    Args:
        upstream: the way to ministack.
        clock: by which what comes again is visible.
    """

    def __init__(self, upstream: Upstream, clock: Clock) -> None:
        self._upstream, self._clock = upstream, clock
        self._unruly: dict[str, Unruly] = {}
        self._deleted: dict[str, None] = {}

    def disorder(self, queue: str, disorder: Disorder | None) -> None:
        """Set how the standard queue of a name behaves, whatever its account; None: as ministack does.

        Raises:
            AwsError: it is a FIFO queue.
        """
        if queue.endswith(".fifo"):
            raise validation("a FIFO queue keeps its order")
        self._unruly.pop(queue, None)
        if disorder is not None:
            self._unruly[queue] = Unruly(disorder)

    async def answer(self, call: Call) -> Reply:
        """Answer a call.

        Raises:
            JSONDecodeError: the body is no JSON.
            UpstreamLostError: ministack is away, or went away.
        """
        if call.operation in {"DeleteMessage", "DeleteMessageBatch"}:
            return await self._delete(call, orjson.loads(call.body))
        if not self._unruly:
            return await self._upstream.exchange(call)
        request = orjson.loads(call.body)
        unruly = self._unruly.get(_name(request))
        if unruly is None:
            return await self._upstream.exchange(call)
        if call.operation == "ReceiveMessage":
            return await self._receive(unruly, call, request)
        if call.operation.startswith("ChangeMessageVisibility"):
            return await self._change(unruly, call, request)
        if call.operation in {"SendMessage", "SendMessageBatch"}:
            for message in request.get("Entries", [request]):
                unruly.delay(message)
            return await self._upstream.exchange(call.with_body(orjson.dumps(request)))
        if call.operation in {"PurgeQueue", "DeleteQueue"}:
            unruly.emptied()
        return await self._upstream.exchange(call)

    async def _receive(self, unruly: Unruly, call: Call, request: dict[str, Any]) -> Reply:
        wanted = request.get("MaxNumberOfMessages", 1)
        unruly.ask(request, self._clock.now())
        reply = await self._upstream.exchange(call.with_body(orjson.dumps(request)))
        if reply.status >= 400:
            return reply
        hidden = float(request.get(_VISIBILITY, -1))
        if hidden < 0 and len(unruly.ghosts):
            hidden = await self._visibility(call, request)
        messages = reply.json().get("Messages", [])
        handed = unruly.hand_out(messages, wanted, self._clock.now(), hidden)
        return reply_json(orjson.dumps({"Messages": handed} if handed else {}))

    async def _visibility(self, call: Call, request: dict[str, Any]) -> float:
        asked = {"QueueUrl": request["QueueUrl"], "AttributeNames": [_VISIBILITY]}
        answer = await self._upstream.call("AmazonSQS.GetQueueAttributes", asked, *call.scope)
        return float(answer.get("Attributes", {}).get(_VISIBILITY, 30))

    async def _delete(self, call: Call, request: dict[str, Any]) -> Reply:
        name, now = _name(request), self._clock.now()
        unruly = self._unruly.get(name)
        if unruly is None and not name.endswith(".fifo"):
            return self._forgiven(await self._upstream.exchange(call), request, _is_handle)
        ours = unruly.ghosts.delete if unruly else _none
        reply = self._forgiven(await self._split(call, request, ours), request, self._was_deleted(unruly))
        for handle in _succeeded(reply, request):
            self._deleted[handle] = None
            if unruly:
                unruly.deleted(handle, now)
        while len(self._deleted) > _DELETED_MAX:
            del self._deleted[next(iter(self._deleted))]
        return reply

    async def _change(self, unruly: Unruly, call: Call, request: dict[str, Any]) -> Reply:
        now = self._clock.now()
        hidden = {
            entry.get("ReceiptHandle"): now + float(entry.get(_VISIBILITY, 0))
            for entry in request.get("Entries", [request])
        }
        return await self._split(call, request, lambda handle: unruly.ghosts.hide(handle, hidden[handle]))

    async def _split(self, call: Call, request: dict[str, Any], ours: Callable[[str], bool]) -> Reply:
        """Do what is ours of a call, and pass the rest on."""
        if "Entries" not in request:
            if ours(str(request.get("ReceiptHandle"))):
                return reply_json(b"{}")
            return await self._upstream.exchange(call)
        done = [entry for entry in request["Entries"] if ours(str(entry.get("ReceiptHandle")))]
        if not done:
            return await self._upstream.exchange(call)
        answer: dict[str, Any] = {"Successful": [], "Failed": []}
        rest = [entry for entry in request["Entries"] if entry not in done]
        if rest:
            passed = call.with_body(orjson.dumps(request | {"Entries": rest}))
            reply = await self._upstream.exchange(passed)
            if reply.status >= 400:
                return reply
            answer = reply.json()
        answer["Successful"] += [{"Id": entry["Id"]} for entry in done]
        return reply_json(orjson.dumps(answer))

    def _was_deleted(self, unruly: Unruly | None) -> Callable[[str], bool]:
        # A FIFO queue refuses a handle whose message went on to another receiver, so that there only
        # those succeed again that succeeded before.
        return _is_handle if unruly else self._deleted.__contains__

    def _forgiven(self, reply: Reply, request: dict[str, Any], forgives: Callable[[str], bool]) -> Reply:
        """Let deletes of what is gone succeed."""
        if _INVALID not in reply.body:
            return reply
        if "Entries" not in request:
            return reply_json(b"{}") if forgives(str(request.get("ReceiptHandle"))) else reply
        document = reply.json()
        gone = {entry["Id"] for entry in request["Entries"] if forgives(str(entry.get("ReceiptHandle")))}
        failed = document.get("Failed", [])
        document["Failed"] = [one for one in failed if one["Id"] not in gone]
        document.setdefault("Successful", []).extend(
            {"Id": one["Id"]} for one in failed if one["Id"] in gone
        )
        return reply_json(orjson.dumps(document))


def _succeeded(reply: Reply, request: dict[str, Any]) -> list[str]:
    if reply.status >= 400:
        return []
    if "Entries" not in request:
        return [request["ReceiptHandle"]]
    succeeded = {one["Id"] for one in reply.json().get("Successful", [])}
    return [entry["ReceiptHandle"] for entry in request["Entries"] if entry["Id"] in succeeded]


def _is_handle(handle: str) -> bool:
    return _HANDLE.fullmatch(handle) is not None


def _none(_: str) -> bool:
    return False


def _name(request: dict[str, Any]) -> str:
    return str(request.get("QueueUrl", "")).rpartition("/")[2]
