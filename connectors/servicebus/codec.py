"""Neutral message <-> what a Service Bus message carries. Pure; the stored form is format 1.

A message whose body lies elsewhere (``claim``) is format 2, which a reader of format 1 refuses.

The body is the text's UTF-8 bytes, in one data section, and nothing else. Every attribute of the user's is
an application property of its own name, and a string: numbers keep all their digits, binary is base64.
What else has to come back exactly stands in properties of ours:

===============================  =====================================================================
``Replicator``                   JSON: ``v``, the format; ``expires_at``, when the source would drop it, in
                                 seconds since the epoch; ``id``, where the message id is another; ``t``,
                                 attribute name to type, of those that are not ``String``; ``a``, name to
                                 type and text, of attributes whose name is not theirs to take
``Replicator.SentAt``            when it was sent, in seconds since the epoch
``Replicator.DeduplicationId``   the source's, where there is one
``Replicator.Source.{name}``     what the source said of the message, such as sender and receive count
===============================  =====================================================================

All are strings, because azure-servicebus cannot encode whole numbers beyond 2^31 - 1 as properties, and
decodes binary ones as UTF-8. A group is the session id.

Limits are those of the quotas page (learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas):
32 KB a property, 64 KB for all, 128 characters for ids. What does not fit is refused: the body stays
untouched, so there is no other place.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import orjson

from connectors.servicebus.claim import PROPERTY as _CLAIM
from connectors.servicebus.claim import Claim, claim_in, claim_text, redeemed
from replicator.model.errors import ChangeError
from replicator.model.record import Attribute, Message

ID_CHARACTERS_MAX = 128
PROPERTY_BYTES_MAX = 32 * 1024
PROPERTIES_BYTES_MAX = 64 * 1024
TTL_SECONDS_MIN = 1.0
TTL_SECONDS_MAX = float((2**32 - 1) // 1000)
"""The header holds milliseconds in 32 bits (AMQP 1.0, part 3, section 3.2.1)."""

FORMAT = 1
FORMAT_CLAIMED = 2
_EXACT = "Replicator"
_SENT_AT = "Replicator.SentAt"
_DEDUPLICATION_ID = "Replicator.DeduplicationId"
_SOURCE = "Replicator.Source."
_OURS = "Replicator."
# The service writes the last two itself when it dead-letters a message, over whatever was there.
_TAKEN = frozenset({_EXACT, "DeadLetterReason", "DeadLetterErrorDescription"})
_HASHED = "~"
# What the encoding adds to a property, and what surrounds body and properties, generously.
_PROPERTY_OVERHEAD_BYTES = 10
_MESSAGE_OVERHEAD_BYTES = 512


class Outgoing(NamedTuple):
    """A message as it is sent; ``size_bytes`` is about what it takes, rather more than less."""

    body: bytes
    properties: Mapping[str, str]
    message_id: str
    session_id: str | None = None
    partition_key: str | None = None
    ttl_seconds: float | None = None
    content_type: str = ""
    size_bytes: int = 0


class Received(Protocol):
    """A message as azure-servicebus hands it out: texts of properties come as bytes."""

    @property
    def body(self) -> Any:
        """The data sections, in order."""

    @property
    def application_properties(self) -> Mapping[Any, Any] | None:
        """The properties."""

    @property
    def message_id(self) -> str | None:
        """The id by which duplicates are told."""

    @property
    def session_id(self) -> str | None:
        """The session that the message belongs to."""


def message_id(identity: str) -> str:
    """The id by which the service knows a message again: the source's own, or a digest where that is odd.

    Distinct messages never share it: ids that look like a digest are digested too.
    """
    plain = identity.isascii() and identity.isprintable() and not identity.startswith(_HASHED)
    if plain and 0 < len(identity) <= ID_CHARACTERS_MAX:
        return identity
    return _HASHED + hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()


def time_to_live(expires_at: float | None, now: float) -> float | None:
    """The seconds that a message has left, by which its life goes on where it was.

    One whose time is over already gets the least that there is: the service then does with it what its
    queue is set to do with expired messages, which the probe wants to be the dead-letter queue.
    """
    if expires_at is None:
        return None
    return min(max(expires_at - now, TTL_SECONDS_MIN), TTL_SECONDS_MAX)


def encode(message: Message, now: float, content_type: str = "") -> Outgoing:
    """The message as Service Bus carries it; ``now`` is in seconds since the epoch.

    Raises:
        ChangeError: it does not fit, or is no text.
    """
    identity = message_id(message.id)
    exact: dict[str, Any] = {"v": FORMAT}
    if identity != message.id:
        exact["id"] = message.id
    if message.expires_at is not None:
        exact["expires_at"] = message.expires_at
    properties = _attribute_properties(message.attributes, exact)
    properties[_EXACT] = _json(exact)
    properties[_SENT_AT] = repr(float(message.sent_at))
    if message.deduplication_id is not None:
        properties[_DEDUPLICATION_ID] = message.deduplication_id
    for name, text in message.properties.items():
        properties[_SOURCE + name] = text
    if message.group is not None and not 0 < len(message.group) <= ID_CHARACTERS_MAX:
        raise ChangeError(f"a group id of {len(message.group)} characters: a session id has 1 to 128")
    try:
        body = message.body.encode()
        size = _properties_bytes(properties)
    except UnicodeEncodeError as error:
        raise ChangeError(f"the message is no text: {error.reason}") from error
    return Outgoing(
        body,
        properties,
        identity,
        message.group,
        None,
        time_to_live(message.expires_at, now),
        content_type,
        len(body) + size + _MESSAGE_OVERHEAD_BYTES,
    )


def parted(outgoing: Outgoing, claim: Claim) -> Outgoing:
    """The message without its body, which lies where the claim says; everything else stays.

    Raises:
        ChangeError: with the claim its properties no longer fit.
    """
    exact = orjson.loads(outgoing.properties[_EXACT]) | {"v": FORMAT_CLAIMED}
    properties = {**outgoing.properties, _EXACT: _json(exact), _CLAIM: claim_text(claim)}
    size = _properties_bytes(properties) + _MESSAGE_OVERHEAD_BYTES
    return outgoing._replace(body=b"", properties=properties, size_bytes=size)


def claim_of(received: Received) -> Claim | None:
    """Where the body of a received message lies; None where the message has it.

    Raises:
        ChangeError: a later version wrote it.
    """
    return claim_in(_properties_of(received))


def decode(received: Received, body: bytes | None = None) -> Message:
    """The message that was encoded; ``body`` is the content of the blob of its claim, if it has one.

    Raises:
        ChangeError: Replicator did not write it, a later version did, or the body is not the claimed one.
    """
    properties = _properties_of(received)
    claim = claim_in(properties)
    exact = _exact(properties.get(_EXACT), FORMAT if claim is None else FORMAT_CLAIMED)
    return Message(
        id=exact.get("id", received.message_id or ""),
        body=(_body(received.body) if claim is None else redeemed(claim, body)).decode(),
        attributes=_attributes(properties, exact),
        group=received.session_id,
        deduplication_id=properties.get(_DEDUPLICATION_ID),
        sent_at=float(properties[_SENT_AT]),
        expires_at=exact.get("expires_at"),
        properties={
            name.removeprefix(_SOURCE): text
            for name, text in properties.items()
            if name.startswith(_SOURCE)
        },
    )


def _attribute_properties(attributes: Mapping[str, Attribute], exact: dict[str, Any]) -> dict[str, str]:
    """The attributes as properties; what that does not tell of them is put into ``exact``."""
    properties: dict[str, str] = {}
    types: dict[str, str] = {}
    enveloped: dict[str, tuple[str, str]] = {}
    for name, attribute in attributes.items():
        text = _attribute_text(name, attribute)
        if _is_taken(name):
            enveloped[name] = (attribute.type, text)
        else:
            properties[name] = text
            if attribute.type != "String":
                types[name] = attribute.type
    if types:
        exact["t"] = types
    if enveloped:
        exact["a"] = enveloped
    return properties


def _is_taken(name: str) -> bool:
    return name in _TAKEN or name.startswith(_OURS) or not name


def _properties_of(received: Received) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in (received.application_properties or {}).items()}


def _exact(text: str | None, wanted: int) -> dict[str, Any]:
    exact: dict[str, Any] = {} if text is None else orjson.loads(text)
    if exact.get("v") != wanted:
        said = "no message of Replicator's" if text is None else f"a message of format {exact.get('v')}"
        raise ChangeError(
            f"{said} is in the queue",
            hint="only messages of format 1, and of 2 with a claim, can be read back",
        )
    return exact


def _json(value: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError as error:
        raise ChangeError(f"the attributes are no text: {error}") from error


def _attribute_text(name: str, attribute: Attribute) -> str:
    value = attribute.value
    if isinstance(value, bytes) is not _is_binary(attribute.type):
        raise ChangeError(f"the value of attribute {name!r} does not agree with type {attribute.type!r}")
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _is_binary(kind: str) -> bool:
    return kind.partition(".")[0] == "Binary"


def _attributes(properties: Mapping[str, str], exact: Mapping[str, Any]) -> dict[str, Attribute]:
    types = exact.get("t", {})
    plain = {
        name: _attribute(types.get(name, "String"), text)
        for name, text in properties.items()
        if not _is_taken(name)
    }
    return plain | {name: _attribute(*parts) for name, parts in exact.get("a", {}).items()}


def _attribute(kind: str, text: str) -> Attribute:
    return Attribute(kind, base64.b64decode(text) if _is_binary(kind) else text)


def _properties_bytes(properties: Mapping[str, str]) -> int:
    total = 0
    for name, value in properties.items():
        # Most texts are ASCII, whose length is known without encoding them.
        size = len(value) if value.isascii() else len(value.encode())
        if size + _PROPERTY_OVERHEAD_BYTES > PROPERTY_BYTES_MAX:
            raise ChangeError(
                f"{name!r} has {size} bytes, and a property at Service Bus has at most 32 KB",
                hint="send large values in the body",
            )
        total += size + _PROPERTY_OVERHEAD_BYTES + (len(name) if name.isascii() else len(name.encode()))
    if total > PROPERTIES_BYTES_MAX:
        raise ChangeError(
            f"the attributes have {total} bytes, and the properties of a message at most 64 KB",
            hint="send large values in the body",
        )
    return total


def _body(sections: bytes | Iterable[bytes]) -> bytes:
    return sections if isinstance(sections, bytes) else b"".join(sections)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
