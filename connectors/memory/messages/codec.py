"""Neutral form <-> the form of queue and bus. Pure."""

from __future__ import annotations

from connectors.memory.messages.bus import Posted
from connectors.memory.messages.queue import Received
from replicator.model.change import Change, Kind
from replicator.model.key import Key
from replicator.model.record import Message, record_to_json

MARK = "replicator-mark"
"""The attribute by which an end message is known; its value is the mark's name."""


def mark_in(received: Received) -> str | None:
    """The name of the mark that this message is."""
    attribute = received.message.attributes.get(MARK)
    return None if attribute is None else str(attribute.value)


def change_of(received: Received) -> Change:
    """The message as a change; its key is its group, where it has one, and its id."""
    sent = received.message
    message = Message(
        id=sent.id,
        body=sent.body,
        attributes=sent.attributes,
        group=sent.group,
        deduplication_id=sent.deduplication_id,
        sent_at=sent.sent_at,
        expires_at=sent.expires_at,
        properties={"receive_count": str(received.receives), "SequenceNumber": str(sent.number)},
    )
    return Change(Kind.UPSERT, key_of(message), message, sent.sent_at)


def key_of(message: Message) -> Key:
    """The identity of a message in its queue."""
    return (message.id,) if message.group is None else (message.group, message.id)


def posted_of(message: Message) -> Posted:
    """The message as the bus takes it, whole, and what the bus has to know of it."""
    return Posted(message.id, record_to_json(message), message.group, message.expires_at)
