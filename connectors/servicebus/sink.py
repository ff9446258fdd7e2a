"""The sink: puts messages into one queue."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Hashable, Mapping, Sequence

from connectors.servicebus import comparison, probe
from connectors.servicebus.bodies import Bodies
from connectors.servicebus.client import ServiceBusQueue
from connectors.servicebus.codec import Outgoing, encode, message_id
from connectors.servicebus.config import ServiceBusSinkSettings
from connectors.servicebus.delivery import Entry, deliver
from connectors.servicebus.errors import other_kind
from connectors.servicebus.management import UnknownError
from connectors.servicebus.parting import part
from connectors.servicebus.trial import Trial
from replicator.connector import Finding, QueueTraits
from replicator.model.change import Change
from replicator.model.clock import Clock
from replicator.model.errors import BatchError, ChangeError, PermanentError, ReplicatorError
from replicator.model.key import Key, key_text
from replicator.model.record import Message

BATCH_CHANGES_MAX = 200
"""Messages of one call: of 1 KB they fill most of a batch of 256 KB."""

PARTITION_KEYS = 16
"""As many as a partitioned queue has partitions
(learn.microsoft.com/azure/service-bus-messaging/service-bus-partitioning)."""


class ServiceBusSink:
    """A sink into one queue. Messages of FIFO queues go into sessions, which are their groups."""

    def __init__(
        self,
        queue: ServiceBusQueue,
        settings: ServiceBusSinkSettings,
        clock: Clock,
        bodies: Bodies | None = None,
    ) -> None:
        self._queue = queue
        self._bodies = bodies
        self._settings = settings
        self._clock = clock
        self._trial = Trial(sessions=settings.sessions, partitioned=settings.partitioned)
        self._kind_unknown = False

    async def connect(self) -> None:
        """Connect, and refuse a queue that has sessions where it must not, or has none where it must."""
        await self._queue.open()
        if self._bodies is not None:
            self._bodies.open()
        sessions = await self._queue.has_sessions()
        self._kind_unknown = sessions is None
        if sessions is not None and sessions is not self._settings.sessions:
            raise other_kind(sessions=sessions)

    def group(self, key: Key) -> Hashable:
        """One for all, as a batch may mix sessions; where there are partitions, what goes into one."""
        if not self._settings.partitioned:
            return ""
        return key[0] if self._settings.sessions else _partition_key(str(key[-1]))

    @property
    def batch_changes_max(self) -> int:
        """As many as usually fit into one parcel."""
        return BATCH_CHANGES_MAX

    async def write(self, changes: Sequence[Change]) -> None:
        """Send the messages in the order given, in as few parcels as their size allows."""
        entries = [self._entry(change) for change in changes]
        async with self._queue.link() as link:
            if self._bodies is not None:
                entries = await part(link, entries, self._bodies, self._settings.queue)
            failures = await deliver(link, entries)
        _raise(failures, len(changes))

    async def try_write(self) -> None:
        """Schedule a message for a year ahead, and cancel it; try the container of the claim check, too."""
        async with self._queue.link() as link:
            await self._trial.run(link, self._clock.wall())
        if self._bodies is not None:
            self._bodies.open()
            await self._bodies.try_write()

    async def probe(self) -> Sequence[Finding]:
        """Look at the queue: its kind over AMQP, its settings where they may be read. Nothing is sent."""
        return [*await probe.probe(self._queue, self._settings), *await probe.probe_bodies(self._bodies)]

    async def compare(self, traits: QueueTraits) -> Sequence[Finding]:
        """What will not hold between the source's queue and this one, as far as it may be read."""
        found = [*comparison.of_kind(traits, self._settings)]
        await self._queue.open()
        async with self._queue.link() as link:
            found += comparison.of_size(traits, self._settings, link.message_bytes_max)
        with contextlib.suppress(UnknownError):  # the probe says that they cannot be read
            found += comparison.of_settings(traits, await self._queue.facts())
        return found

    def notices(self) -> Sequence[str]:
        """What could not be told of the queue, and what trials have left in it."""
        said = []
        if self._kind_unknown:
            said.append(
                f"whether the queue {self._settings.queue} requires sessions could not be told: that takes "
                "the right to listen, a queue that may be received from, and an answer in time"
            )
        said += self._trial.notices()
        return said

    async def close(self) -> None:
        """Release the connections."""
        await self._queue.close()
        if self._bodies is not None:
            await self._bodies.close()

    def _entry(self, change: Change) -> Entry:
        message = change.record
        if not isinstance(message, Message):
            raise PermanentError(f"{key_text(change.key)} is no message, and the sink takes nothing else")
        if (message.group is None) is self._settings.sessions:
            raise _not_fitting(message, change.key)
        try:
            outgoing: Outgoing | ChangeError = self._outgoing(message)
        except ChangeError as error:
            outgoing = error
        return Entry(change.key, message.group, outgoing)

    def _outgoing(self, message: Message) -> Outgoing:
        outgoing = encode(message, self._clock.wall(), self._settings.content_type)
        if self._settings.partitioned and not self._settings.sessions:
            return outgoing._replace(partition_key=_partition_key(message.id))
        return outgoing


def _partition_key(identity: str) -> str:
    """The same for the same message, as duplicates are looked for within a partition only."""
    digest = hashlib.sha256(message_id(identity).encode()).digest()
    return f"replicator-{digest[0] % PARTITION_KEYS}"


def _not_fitting(message: Message, key: Key) -> PermanentError:
    if message.group is None:
        return PermanentError(
            f"the message {key_text(key)} has no group, and the queue requires sessions",
            hint="a standard queue goes into a queue without sessions: create one, and set sessions: false",
        )
    return PermanentError(
        f"the message {key_text(key)} has a group, whose order only a queue with sessions keeps",
        hint="a FIFO queue goes into a queue that requires sessions: create one, and set sessions: true",
    )


def _raise(failures: Mapping[Key, ReplicatorError], sent: int) -> None:
    """Raise what failed: one error where it is the error of all, else each by its key."""
    distinct = {id(error): error for error in failures.values()}
    if len(failures) == sent and len(distinct) == 1:
        raise next(iter(distinct.values()))
    if failures:
        raise BatchError(failures)
