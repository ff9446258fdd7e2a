"""What will not hold between the queue that messages come from and the one they go into. Pure.

What the queue alone says is in ``probe``, and is not said again here.
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.servicebus.config import ServiceBusSinkSettings
from connectors.servicebus.management import QueueFacts
from connectors.servicebus.probe import DELIVERIES_FEW
from replicator.connector import Finding, QueueTraits, Severity

ROOM_BYTES_FEW = 16 * 1024
"""Of room for each waiting message below which it is said: with properties most have less than this."""

_FEW_BYTES = 512  # no message takes less, with the properties that Replicator adds
_ENVELOPE_BYTES = 4096  # around the largest body: properties of ours and ids, generously


def of_kind(source: QueueTraits, settings: ServiceBusSinkSettings) -> Iterator[Finding]:
    """Whether groups and sessions go together."""
    if source.ordered is None or source.ordered is settings.sessions:
        return
    if source.ordered:
        yield Finding(
            Severity.ERROR,
            "the source keeps the order of groups, and the queue is configured without sessions",
            "create a queue that requires sessions, which is fixed at creation, and set sessions: true",
        )
    else:
        yield Finding(
            Severity.ERROR,
            "the source has no groups, and the queue is configured with sessions",
            "create a queue without sessions, which is fixed at creation, and set sessions: false",
        )


def of_size(source: QueueTraits, settings: ServiceBusSinkSettings, bytes_max: int) -> Iterator[Finding]:
    """Whether every message of the source fits into the queue."""
    largest = source.message_bytes_max
    if largest is None or settings.claim_check is not None or largest + _ENVELOPE_BYTES <= bytes_max:
        return
    yield Finding(
        Severity.WARNING,
        f"the source takes messages of up to {largest} bytes, and the queue of up to {bytes_max} with all "
        "their properties: larger ones become dead letters, since claim_check is off",
        "set claim_check, use a queue of a premium namespace, or lower MaximumMessageSize at the source if "
        "its messages are smaller",
    )


def of_settings(source: QueueTraits, facts: QueueFacts) -> Iterator[Finding]:
    """How times, counts and room differ."""
    yield from _of_life(source, facts)
    yield from _of_hands(source, facts)
    yield from _of_deliveries(source, facts)
    yield from _of_room(source, facts)


def _of_life(source: QueueTraits, facts: QueueFacts) -> Iterator[Finding]:
    kept, lives = source.retention_seconds, facts.ttl_seconds
    if kept is None or lives is None or lives >= kept:
        return
    lost = "go to its dead-letter queue" if facts.dead_letters_expired else "are gone"
    yield Finding(
        Severity.WARNING if facts.dead_letters_expired else Severity.ERROR,
        f"the source keeps a message for {kept:g} s, and the queue for {lives:g} s at most: those that are "
        f"not consumed by then {lost}",
        f"raise the default time to live of the queue to {kept:g} s or more, and switch dead-lettering on "
        "expiration on",
    )


def _of_hands(source: QueueTraits, facts: QueueFacts) -> Iterator[Finding]:
    visible, locked = source.visibility_seconds, facts.lock_seconds
    if visible is None or locked is None or visible <= locked:
        return
    yield Finding(
        Severity.WARNING,
        f"a consumer has a message for {visible:g} s at the source, and for {locked:g} s at the queue "
        "unless it renews the lock: what takes longer is done twice",
        "raise the lock duration (5 minutes at most), and let consumers renew it: "
        "maxAutoLockRenewalDuration in the host.json of Azure Functions",
    )


def _of_deliveries(source: QueueTraits, facts: QueueFacts) -> Iterator[Finding]:
    there, here = source.deliveries_max, facts.deliveries_max
    if there is None or here is None or there == here or here <= DELIVERIES_FEW:
        return
    yield Finding(
        Severity.WARNING,
        f"the source gives a message up after {there} deliveries, and the queue after {here}",
        f"set the maximum delivery count of the queue to {there}; the count of each message starts anew",
    )


def _of_room(source: QueueTraits, facts: QueueFacts) -> Iterator[Finding]:
    """Of the messages that wait only the number is known, so the room for each is what can be told."""
    count, whole = source.backlog_messages, facts.size_bytes_max
    if not count or whole is None:
        return
    room = max(0, whole - (facts.size_bytes or 0)) // count
    if room >= min(ROOM_BYTES_FEW, (source.message_bytes_max or ROOM_BYTES_FEW) + _FEW_BYTES):
        return
    surely = ", which not even empty ones fit into" if room < _FEW_BYTES else ""
    yield Finding(
        Severity.WARNING,
        f"about {count} messages wait at the source, and the queue has room for {room} bytes of each"
        f"{surely}",
        "raise the maximum size of the queue, or let consumers take messages out while it is moved: a full "
        "queue is waited for",
    )
