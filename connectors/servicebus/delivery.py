"""How the changes of one call are sent: in the order given, in as few parcels as their size allows.

A parcel is taken whole or not at all. Where it is not because of a message in it, it is halved until that
one is alone; the others go on, but of its group none behind it. After any other failure nothing more is
sent, so that nothing lands before what failed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from connectors.servicebus.codec import Outgoing
from connectors.servicebus.errors import RefusedError, after_earlier, translate
from connectors.servicebus.link import Link, Parcel
from replicator.model.errors import ChangeError, ReplicatorError
from replicator.model.key import Key

Failures = dict[Key, ReplicatorError]


class Entry(NamedTuple):
    """A change on its way; ``outgoing`` is an error where the message has no form at Service Bus."""

    key: Key
    group: str | None
    outgoing: Outgoing | ChangeError


async def deliver(link: Link, entries: Sequence[Entry]) -> Failures:
    """Send the entries, and say which failed, each with its error."""
    delivery = _Delivery(link)
    await delivery.send(deque(entries))
    return delivery.failures


class _Delivery:
    def __init__(self, link: Link) -> None:
        self._link = link
        self._refused: dict[str, ChangeError] = {}
        self._stopped: ReplicatorError | None = None
        self.failures: Failures = {}

    async def send(self, waiting: deque[Entry]) -> None:
        """Send what waits, parcel by parcel."""
        while waiting:
            parcel, packed = await self._pack(waiting)
            if packed:
                await self._send_packed(parcel, packed)

    async def _pack(self, waiting: deque[Entry]) -> tuple[Parcel, list[Entry]]:
        parcel = await self._link.parcel()
        packed: list[Entry] = []
        while waiting:
            outgoing = self._sendable(waiting[0])
            try:
                if outgoing is not None and not parcel.add(outgoing):
                    break
            except ChangeError as error:
                self._refuse(waiting[0], error)
            else:
                packed += [waiting[0]] if outgoing is not None else []
            waiting.popleft()
        return parcel, packed

    def _sendable(self, entry: Entry) -> Outgoing | None:
        """What is to be sent of an entry; None where it has failed, or now does."""
        earlier = self._stopped or (self._refused.get(entry.group) if entry.group is not None else None)
        if earlier is not None:
            self.failures[entry.key] = after_earlier(earlier)
            return None
        if isinstance(entry.outgoing, ChangeError):
            self._refuse(entry, entry.outgoing)
            return None
        return entry.outgoing

    async def _send_packed(self, parcel: Parcel, packed: list[Entry]) -> None:
        try:
            await self._link.send(parcel)
        except RefusedError as error:
            await self._after_refusal(packed, error)
        except ReplicatorError as error:
            self._stopped = error
            self.failures |= dict.fromkeys((entry.key for entry in packed), error)

    async def _after_refusal(self, packed: list[Entry], error: RefusedError) -> None:
        if len(packed) > 1:
            half = len(packed) // 2
            await self.send(deque(packed[:half]))
            await self.send(deque(packed[half:]))
            return
        failure = translate(error.refusal, sent=True)
        if isinstance(failure, ChangeError):
            self._refuse(packed[0], failure)
        else:
            self._stopped = self.failures[packed[0].key] = failure

    def _refuse(self, entry: Entry, error: ChangeError) -> None:
        self.failures[entry.key] = error
        if entry.group is not None:
            self._refused.setdefault(entry.group, error)
