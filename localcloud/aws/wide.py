"""The calls that the thin way does not take: S3 above all, whose bodies stream through."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from localcloud.aws.faults import Faults, Rule, inflict
from localcloud.aws.messages import Call, Reply
from localcloud.aws.objects.gaps import BODIES, Gaps
from localcloud.aws.objects.notifications import Notifications
from localcloud.passthrough import Passthrough, awaits, chunks, invite, kept, stream

__all__ = ["Wide", "head_of", "response_of"]

_FRAMING = frozenset({b"connection", b"content-length", b"expect", b"transfer-encoding"})


@dataclass(frozen=True)
class _Streaming:
    """A reply whose body is still to come."""

    reply: aiohttp.ClientResponse
    headers: CIMultiDict[str]


@dataclass(frozen=True)
class Wide:
    """Passes calls on, with what befalls them, what they are noted for, and what ministack leaves out."""

    passthrough: Passthrough
    faults: Faults
    notifications: Notifications
    gaps: Gaps

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a call.

        Raises:
            ResetError: the connection is to be reset.
            UpstreamLostError: ministack is away, or went away.
        """
        call = _call(request)
        rule = self.faults.take(call)
        async with AsyncExitStack() as stack:

            async def passed(call: Call) -> _Streaming | Reply:
                invite(request)
                return await self._pass(call, request, stack)

            answer = await (inflict(rule, call, passed) if rule else passed(call))
            return await _respond(request, answer, rule)
        raise AssertionError("an exit stack swallows nothing")

    async def _pass(
        self, call: Call, request: web.BaseRequest, stack: AsyncExitStack
    ) -> _Streaming | Reply:
        concerned = self.notifications.concern(call)
        if not concerned and not (call.about and call.about.operation in BODIES):
            return await self._open(call, request, stack, None)
        sent = None if call.about and call.about.operation == "PutObject" else await request.content.read()

        async def forward() -> Reply:
            opened = await self._open(call, request, stack, sent)
            body = await opened.reply.read()
            if call.about and call.about.operation in BODIES:
                body = await self.gaps.finish_body(call, sent or b"", opened.reply.status, body)
            return _whole(opened.reply.status, opened.headers, body)

        if not concerned:
            return await forward()
        return await self.notifications.exchange(call, sent or b"", forward)

    async def _open(
        self, call: Call, request: web.BaseRequest, stack: AsyncExitStack, sent: bytes | None
    ) -> _Streaming:
        tap = self.gaps.tap(call, request) if sent is None else None
        body = tap.through(chunks(request)) if tap and request.body_exists else sent
        reply = await stack.enter_async_context(self.passthrough.opened(request, body))
        headers = kept(reply.headers)
        await self.gaps.finish(call, tap, reply.status, headers)
        return _Streaming(reply, headers)


async def _respond(
    request: web.BaseRequest, answer: _Streaming | Reply, rule: Rule | None
) -> web.StreamResponse:
    if isinstance(answer, _Streaming):
        cut = rule.bytes if rule and rule.kind == "cut_after" else None
        return await stream(request, answer.reply, answer.headers, cut)
    response = response_of(answer)
    if rule and awaits(request):
        # Not invited, its body will never come, so nothing can follow on this connection.
        response.force_close()
    return response


def _call(request: web.BaseRequest) -> Call:
    head = head_of(request)
    if "/s3/" in request.headers.get("Authorization", "/s3/"):
        return Call.of_objects(head, len(head))
    return Call("other", request.method, head, len(head))


def head_of(request: web.BaseRequest, length: int | None = None) -> bytes:
    """Return the head of a request as it came, or as one whose body of a length is at hand whole."""
    dropped = _FRAMING if length is not None else frozenset[bytes]()
    lines = [f"{request.method} {request.raw_path} HTTP/1.1".encode("latin-1")]
    lines += [name + b": " + value for name, value in request.raw_headers if name.lower() not in dropped]
    if length is not None:
        lines.append(b"Content-Length: %d" % length)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _whole(status: int, headers: CIMultiDict[str], body: bytes) -> Reply:
    """Make a reply of what was read to its end."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")
    return Reply(head + body, len(head))


def response_of(reply: Reply) -> web.Response:
    """Return a reply as the general server sends it."""
    lines = reply.raw[: reply.body_at].decode("utf-8", "surrogateescape").split("\r\n")[1:-2]
    headers = CIMultiDict[str]()
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() not in {"content-length", "connection"}:
            headers.add(name, value.strip())
    return web.Response(status=reply.status, body=reply.body, headers=headers)
