"""One TCP connection: headers, SASL, frames, tokens, and the faults that befall what is asked on it."""

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator
from uuid import uuid4

from localcloud.servicebus.amqp.decoding import DecodeError
from localcloud.servicebus.amqp.frames import (
    AMQP_HEADER,
    EMPTY_FRAME,
    FRAME_BYTES_MAX,
    SASL_HEADER,
    Frame,
    FrameReader,
    frame,
)
from localcloud.servicebus.amqp.outcomes import AmqpError
from localcloud.servicebus.amqp.performatives import (
    SASL_MECHANISMS,
    SASL_OUTCOME_OK,
    Begin,
    Close,
    End,
    Open,
    decode_performative,
)
from localcloud.servicebus.broker.errors import RefusedError, server_busy
from localcloud.servicebus.faults import Fault
from localcloud.servicebus.wire.call import Call
from localcloud.servicebus.wire.channel import Channel
from localcloud.servicebus.wire.hub import Hub

__all__ = ["Connection"]

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_CHANNEL_MAX = 4999
# A peer that said nothing may send frames of any size; this is what it gets.
_FRAME_BYTES_DEFAULT = 65_536


class _BrokenError(Exception):
    """The connection was broken on purpose."""


class Connection(asyncio.Protocol):
    """A client's connection.

    Args:
        hub: what it shares with others.
        on_lost: called once it is gone.
    """

    def __init__(self, hub: Hub, on_lost: "Callable[[Connection], None]") -> None:
        self.hub = hub
        self.granted: set[str] = set()
        self.peer_frame_bytes_max = _FRAME_BYTES_DEFAULT
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._reader = FrameReader()
        self._channels: dict[int, Channel] = {}
        self._out: list[bytes] = []
        self._flush_planned = False
        # While a delay lasts nothing is read; while the client reads too slowly nothing is delivered.
        self._held = self._full = self._frozen = False
        self._alive_every_seconds: float | None = None

    @property
    def open_for_deliveries(self) -> bool:
        """Whether messages may be sent on it now."""
        return self._transport is not None and not (self._held or self._full or self._frozen)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP gives no other
        transport.set_write_buffer_limits(high=FRAME_BYTES_MAX)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """End: links are gone as if they had been detached."""
        self._transport = None
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()
        self._on_lost(self)

    def pause_writing(self) -> None:
        """Hold deliveries back until the client has read some."""
        self._full = True

    def resume_writing(self) -> None:
        """Deliver again."""
        self._full = False
        self._wake()

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client and do all that they ask for."""
        if not self._frozen:
            self._reader.feed(data)
            self._work()

    def send(self, body: bytes, channel: int = 0) -> None:
        """Send a performative."""
        self.send_frames([frame(body, channel)])

    def send_frames(self, frames: list[bytes]) -> None:
        """Send frames, soon, together with others."""
        self._out += frames
        if not self._flush_planned:
            self._flush_planned = True
            asyncio.get_running_loop().call_soon(self._flush)

    def perform(self, call: Call) -> None:
        """Do what was asked for, between the faults that befall it."""
        struck = self.hub.faults.strike(call.operation, call.path)
        if struck:
            self._advance(self._steps(call, struck))
        else:
            self._simply(call)

    def abort(self) -> None:
        """Break the connection so that the client sees it reset."""
        transport, self._transport = self._transport, None
        self._frozen = True
        if transport is not None:
            connection: socket.socket = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()

    def holds(self, path: str, session_id: str) -> bool:
        """Whether one of its links holds a session of a queue."""
        return any(channel.holds(path, session_id) for channel in self._channels.values())

    def _simply(self, call: Call) -> None:
        try:
            answer = call.act()
        except RefusedError as error:
            self._refuse(call, error)
        else:
            self.hub.counts[call.operation + " ok"] += 1
            answer()

    def _refuse(self, call: Call, error: RefusedError) -> None:
        self.hub.counts[f"{call.operation} {error.condition}"] += 1
        call.refuse(error)

    def _steps(self, call: Call, struck: list[Fault]) -> Iterator[float]:
        """Do a call between faults, and yield how many seconds to wait before going on."""
        try:
            yield from self._suffer(call, struck, "before")
            answer = call.act()
            yield from self._suffer(call, struck, "after")
        except RefusedError as error:
            self._refuse(call, error)
        except _BrokenError:
            self.hub.counts[f"{call.operation} broken"] += 1
        else:
            self.hub.counts[call.operation + " ok"] += 1
            answer()

    def _suffer(self, call: Call, struck: list[Fault], when: str) -> Iterator[float]:
        for fault in struck:
            if fault.when != when:
                continue
            match fault.kind:
                case "delay":
                    yield fault.delay_seconds
                case "busy":
                    raise server_busy()
                case "lock_lost":
                    call.lose_lock()
                case "detach":
                    call.end(server_busy())
                    raise _BrokenError
                case "drop":
                    self.abort()
                    raise _BrokenError
                case "freeze":
                    self._frozen = True
                    raise _BrokenError

    def _advance(self, steps: Iterator[float]) -> None:
        seconds = next(steps, None)
        self._held = seconds is not None
        if seconds is not None:
            asyncio.get_running_loop().call_later(seconds, self._resume, steps)

    def _resume(self, steps: Iterator[float]) -> None:
        self._advance(steps)
        self._wake()
        self._work()

    def _wake(self) -> None:
        for channel in self._channels.values():
            channel.wake()

    def _flush(self) -> None:
        self._flush_planned = False
        frames, self._out = self._out, []
        self.hub.settle_down()
        if self._transport is not None and not self._frozen:
            self._transport.write(b"".join(frames))

    def _work(self) -> None:
        try:
            while not (self._held or self._frozen) and (item := self._reader.next()) is not None:
                if isinstance(item, Frame):
                    self._on_frame(item)
                else:
                    self._on_header(item)
        except DecodeError as error:
            self._close(AmqpError("amqp:decode-error", str(error)))

    def _on_header(self, header: bytes) -> None:
        if header == SASL_HEADER:
            self.send_frames([SASL_HEADER, frame(SASL_MECHANISMS, sasl=True)])
        elif header == AMQP_HEADER:
            self.send_frames([AMQP_HEADER])
        elif self._transport is not None:
            # The standard's answer to an unknown header: the one that would be right, and the end.
            self._transport.write(SASL_HEADER)
            self._transport.close()

    def _on_frame(self, item: Frame) -> None:
        if item.sasl:
            self.send_frames([frame(SASL_OUTCOME_OK, sasl=True)])
            return
        if not item.body:
            return
        performative, payload_at = decode_performative(item.body)
        match performative:
            case Open():
                self._on_open(performative)
            case Begin():
                self._on_begin(item.channel, performative)
            case End():
                self._on_end(item.channel)
            case Close():
                self._close(None)
            case _:
                # What is for a channel that has ended is late, and means nothing any more.
                if (channel := self._channels.get(item.channel)) is not None:
                    channel.take(performative, item.body[payload_at:])

    def _on_open(self, performative: Open) -> None:
        self.peer_frame_bytes_max = min(performative.max_frame_size or FRAME_BYTES_MAX, FRAME_BYTES_MAX)
        answer = Open(uuid4().hex, max_frame_size=FRAME_BYTES_MAX, channel_max=_CHANNEL_MAX)
        self.send(answer.encode())
        if performative.idle_time_out:
            self._alive_every_seconds = performative.idle_time_out / 2000
            self._stay_alive()

    def _stay_alive(self) -> None:
        if self._transport is not None and self._alive_every_seconds:
            self.send_frames([EMPTY_FRAME])
            asyncio.get_running_loop().call_later(self._alive_every_seconds, self._stay_alive)

    def _on_begin(self, number: int, begin: Begin) -> None:
        channel = self._channels[number] = Channel(self, number, begin)
        channel.begin()

    def _on_end(self, number: int) -> None:
        channel = self._channels.pop(number, None)
        if channel is not None:
            channel.close()
            self.send(End().encode(), number)

    def _close(self, error: AmqpError | None) -> None:
        self.send(Close(error.described() if error else None).encode())
        self._flush()
        if self._transport is not None:
            self._transport.close()
