"""What is looked at before anything is moved; nothing is changed, and nothing received."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from connectors.aws.queue import GONE
from connectors.sqs.client import Client
from connectors.sqs.config import SqsSourceSettings
from connectors.sqs.proof import counts_of
from replicator.connector import Finding, QueueTraits, Severity
from replicator.model.errors import ReplicatorError, TransientError

NO_RECEIPT = "replicator-probe"
"""What is done with it has no effect, and tells whether it is allowed."""

RECEIVES_MIN = 10
"""A redrive policy that allows fewer deliveries may throw messages out while they wait for a sink."""


async def probe(client: Client, settings: SqsSourceSettings) -> Sequence[Finding]:
    """The findings of one queue.

    Whether receiving and sending are allowed cannot be tried: a receive would take messages, and every
    delivery counts. Which functions poll the queue cannot be seen from here at all.
    """
    try:
        await client.open()
        attributes = await client.queue.attributes()
    except ReplicatorError as error:
        passing = isinstance(error, TransientError)
        return [*_region(settings), Finding(Severity.ERROR, error.message, error.hint, passing=passing)]
    found = list(_region(settings))
    found += await _denials(client.queue.delete([NO_RECEIPT]))
    found += await _denials(client.queue.hide([NO_RECEIPT], 0))
    return [*found, *findings(attributes, settings)]


def findings(attributes: Mapping[str, str], settings: SqsSourceSettings) -> Iterator[Finding]:
    """What the queue's attributes say. Pure."""
    yield from _redrive(attributes.get("RedrivePolicy"))
    if attributes.get("KmsMasterKeyId"):
        yield _warning(
            f"the queue is encrypted with the key {attributes['KmsMasterKeyId']}",
            "Allow kms:Decrypt on it, and kms:GenerateDataKey where markers are allowed.",
        )
    retention = float(attributes.get("MessageRetentionPeriod", "345600"))
    if retention < 24 * 3600:
        yield _warning(
            f"the queue keeps messages for {retention / 3600:.1f} hours",
            "While the sink is away for longer, messages expire at the source; keep them for some days.",
        )
    in_flight = counts_of(attributes).in_flight
    if in_flight:
        yield _warning(
            f"about {in_flight} messages are in the hands of other consumers",
            "While the queue is moved they compete for its messages. Disable event source mappings, which "
            "cannot be seen from here, and stop other readers first.",
        )
    delay = int(attributes.get("DelaySeconds", "0"))
    if delay:
        yield _warning(
            f"the queue delays messages for {delay} s, in which nobody is given them",
            "They are moved when they show, and not delayed again.",
        )
    fifo = attributes.get("FifoQueue", "false").lower() == "true"
    if fifo and settings.markers:
        yield _warning(
            "end messages go into the queue, each in a group of its own",
            "Whoever still consumes the queue sees them; they have the attribute replicator-mark.",
        )


def _region(settings: SqsSourceSettings) -> Iterator[Finding]:
    wanted = settings.url_region
    if settings.endpoint_url is None and wanted is not None and settings.region not in {None, wanted}:
        yield Finding(
            Severity.ERROR,
            f"queue_url is of the region {wanted}, and region says {settings.region}",
            "Leave region out, or set it to the queue's.",
        )


def traits_of(attributes: Mapping[str, str]) -> QueueTraits:
    """What a sink may want to know of the queue. Pure."""
    return QueueTraits(
        ordered=attributes.get("FifoQueue", "false").lower() == "true",
        message_bytes_max=int(attributes["MaximumMessageSize"])
        if "MaximumMessageSize" in attributes
        else None,
        retention_seconds=float(attributes.get("MessageRetentionPeriod", "345600")),
        visibility_seconds=float(attributes.get("VisibilityTimeout", "30")),
        deliveries_max=_deliveries_max(attributes.get("RedrivePolicy")),
        backlog_messages=sum(counts_of(attributes)),
    )


def _deliveries_max(policy: str | None) -> int | None:
    return int(orjson.loads(policy)["maxReceiveCount"]) if policy else None


async def _denials(attempt: Awaitable[None]) -> Sequence[Finding]:
    """What a call is refused for, but for its receipt, which no message has."""
    try:
        await attempt
    except ReplicatorError as error:
        if any(f": {code}" in error.message for code in GONE):
            return ()
        passing = isinstance(error, TransientError)
        return [Finding(Severity.ERROR, error.message, error.hint, passing=passing)]
    return ()


def _redrive(policy: str | None) -> Iterator[Finding]:
    """Every delivery counts, also those that come again after a crash."""
    if not policy:
        return
    rule: Mapping[str, Any] = orjson.loads(policy)
    yield _warning(
        f"what is in its dead-letter queue, {rule.get('deadLetterTargetArn')}, is not moved with the queue",
        "Give that queue a pipeline of its own, into a queue of its own: docs/fidelity.md shows how.",
    )
    receives = int(rule.get("maxReceiveCount", RECEIVES_MIN))
    if receives < RECEIVES_MIN:
        yield _warning(
            f"after {receives} deliveries a message goes to the queue's dead-letter queue",
            f"Deliveries that a crash cut short count, too; allow {RECEIVES_MIN} while it is moved.",
        )


def _warning(message: str, hint: str) -> Finding:
    return Finding(Severity.WARNING, message, hint)
