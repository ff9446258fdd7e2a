"""The preflight: what of the queue would lose, refuse, repeat or surprise messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connectors.servicebus.bodies import Bodies
from connectors.servicebus.client import ServiceBusQueue
from connectors.servicebus.config import ServiceBusSinkSettings
from connectors.servicebus.errors import other_kind
from connectors.servicebus.management import QueueFacts, UnknownError
from replicator.connector import Finding, Severity
from replicator.model.errors import ReplicatorError, TransientError

DELIVERIES_FEW = 3
_BYTES_OF_TIER = {"standard": 256 * 1024, "premium": 1024 * 1024}


async def probe(queue: ServiceBusQueue, settings: ServiceBusSinkSettings) -> Sequence[Finding]:
    """Look at the queue without sending anything; whether one may send shows when a link is attached."""
    try:
        await queue.open()
        async with queue.link() as link:
            bytes_max = link.message_bytes_max
        sessions = await queue.has_sessions()
    except ReplicatorError as error:
        return [_finding_of(error)]
    try:
        facts = await queue.facts()
    except UnknownError as error:
        told = [*_of_kind(settings, sessions=sessions), _unknown(error)]
    else:
        told = [*_of_kind(settings, sessions=facts.requires_session), *findings_of(facts, settings)]
    return [*told, *_of_size(bytes_max, settings)]


async def probe_bodies(bodies: Bodies | None) -> Sequence[Finding]:
    """Try the container of the claim check by a write that cannot come about."""
    if bodies is None:
        return ()
    try:
        bodies.open()
        await bodies.try_write()
    except ReplicatorError as error:
        return [_finding_of(error)]
    return ()


def findings_of(facts: QueueFacts, settings: ServiceBusSinkSettings) -> Iterator[Finding]:
    """What is to be said of a queue's settings, apart from sessions and size. Pure."""
    yield from _of_duplicates(facts, settings)
    yield from _of_partitions(facts, settings)
    yield from _of_expiry(facts)
    if facts.deliveries_max is not None and facts.deliveries_max <= DELIVERIES_FEW:
        yield Finding(
            Severity.WARNING,
            f"the queue dead-letters a message after {facts.deliveries_max} failed deliveries",
            "compare it with the redrive policy of the source; the receive count starts anew at the queue",
        )


def _of_kind(settings: ServiceBusSinkSettings, *, sessions: bool | None) -> Iterator[Finding]:
    if sessions is None:
        yield Finding(
            Severity.WARNING,
            "whether the queue requires sessions cannot be told: that takes the right to listen or to "
            "manage, and a queue that may be received from",
            f"see that it {'does' if settings.sessions else 'does not'}, as sessions says",
        )
    elif sessions is not settings.sessions:
        yield _finding_of(other_kind(sessions=sessions))


def _of_duplicates(facts: QueueFacts, settings: ServiceBusSinkSettings) -> Iterator[Finding]:
    if not settings.duplicate_detection:
        return
    window, wanted = facts.duplicate_window_seconds, settings.duplicate_window_seconds_min
    if window is None:
        yield Finding(
            Severity.ERROR,
            "the queue does not detect duplicates, so a send that is repeated puts a message there twice",
            "create the queue with duplicate detection, which is fixed at creation; set "
            "duplicate_detection: false where the consumers take a message twice without harm",
        )
    elif window < wanted:
        yield Finding(
            Severity.ERROR,
            f"the queue detects duplicates for {window:g} s, and sends may be repeated for {wanted:g} s",
            "raise the duplicate detection history time window of the queue to the longest outage that is "
            "to be bridged, or lower duplicate_window_seconds_min",
        )


def _of_partitions(facts: QueueFacts, settings: ServiceBusSinkSettings) -> Iterator[Finding]:
    if facts.partitioned is not settings.partitioned:
        is_so = "is" if facts.partitioned else "is not"
        yield Finding(
            Severity.ERROR if facts.partitioned else Severity.WARNING,
            f"the queue {is_so} partitioned, and the configuration says otherwise",
            f"set partitioned: {str(facts.partitioned).lower()}",
        )


def _of_expiry(facts: QueueFacts) -> Iterator[Finding]:
    if not facts.dead_letters_expired:
        yield Finding(
            Severity.WARNING,
            "messages that expire in the queue are gone",
            "switch dead-lettering on expiration on; messages bring the rest of their life with them",
        )


def _of_size(bytes_max: int, settings: ServiceBusSinkSettings) -> Iterator[Finding]:
    if bytes_max < _BYTES_OF_TIER[settings.tier]:
        yield Finding(
            Severity.WARNING,
            f"the queue takes messages of at most {bytes_max} bytes, less than {settings.tier} has",
            "correct tier; larger messages become dead letters",
        )


def _unknown(error: UnknownError) -> Finding:
    return Finding(
        Severity.WARNING,
        f"duplicate detection, time to live and dead-lettering of the queue were not looked at: {error}",
        "give the right to manage the queue for the time of the preflight, or see to them by hand",
    )


def _finding_of(error: ReplicatorError) -> Finding:
    passing = isinstance(error, TransientError)
    return Finding(Severity.ERROR, error.message, error.hint, passing=passing)
