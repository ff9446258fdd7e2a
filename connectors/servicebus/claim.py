"""The claim check: a body that is too large lies in a blob, and its message says where. Pure.

The message is stored format 2: as format 1 (``codec``), with an empty body and one more property,
``Replicator.Claim``, JSON: ``v``, the form of the claim, 1; ``container`` and ``name`` of the blob; the
``size`` of the body in bytes; ``sha256`` of it, hexadecimal. The blob holds the body's UTF-8 bytes and
nothing else.

The blob's name is made of the queue, the message's id and the body's digest. So a repeated send names the
same blob with the same content, and no two messages, and no two bodies, ever share one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from replicator.model.errors import ChangeError

PROPERTY = "Replicator.Claim"
FORM = 1
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_HASHED = "~"


class Claim(NamedTuple):
    """Where a body lies, and what it is."""

    container: str
    name: str
    size: int
    sha256: str


def claim_for(container: str, queue: str, message_id: str, body: bytes) -> Claim:
    """The claim of the body of a message; the same for the same message, whenever it is made."""
    digest = hashlib.sha256(body).hexdigest()
    # Names of queues know no case (learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas).
    return Claim(container, f"{queue.lower()}/{_segment(message_id)}/{digest}", len(body), digest)


def claim_text(claim: Claim) -> str:
    """The claim as its property holds it."""
    return orjson.dumps({"v": FORM, **claim._asdict()}).decode()


def claim_in(properties: Mapping[str, str]) -> Claim | None:
    """The claim of a message; None of one that holds its body itself.

    Raises:
        ChangeError: a later version wrote it.
    """
    text = properties.get(PROPERTY)
    if text is None:
        return None
    told: dict[str, Any] = orjson.loads(text)
    if told.pop("v", None) != FORM:
        raise ChangeError(
            "the message has a claim of another form", hint="only claims of form 1 can be read"
        )
    return Claim(**told)


def redeemed(claim: Claim, body: bytes | None) -> bytes:
    """The body, once it is what the claim says.

    Raises:
        ChangeError: it is not there, or another one.
    """
    where = f"the blob {claim.name} in container {claim.container}"
    if body is None:
        raise ChangeError(
            f"the body of the message is in {where}", hint="read it, and decode both together"
        )
    if len(body) != claim.size or hashlib.sha256(body).hexdigest() != claim.sha256:
        raise ChangeError(f"{where} is not the body that the message was sent with")
    return body


def _segment(message_id: str) -> str:
    if _PLAIN_ID.fullmatch(message_id):
        return message_id
    return _HASHED + hashlib.sha256(message_id.encode("utf-8", "surrogatepass")).hexdigest()
