"""The step before sending by which bodies that are too large leave their messages."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.servicebus.bodies import Bodies
from connectors.servicebus.claim import Claim, claim_for
from connectors.servicebus.codec import Outgoing, parted
from connectors.servicebus.delivery import Entry
from connectors.servicebus.errors import body_replaced
from connectors.servicebus.link import Link
from replicator.model.errors import ChangeError


async def part(link: Link, entries: Sequence[Entry], bodies: Bodies, queue: str) -> list[Entry]:
    """The entries as they can be sent: bodies that the queue would not take are durable in the container.

    Half of the time of the call is for this. Where it is not enough nothing is sent, and the next call goes
    on with the bodies that are missing.

    Raises:
        TransientError, PermanentError: not all bodies are durable; nothing of any message was sent.
    """
    claims: dict[int, tuple[Claim, Outgoing]] = {}
    contents: dict[Claim, bytes] = {}
    for number, entry in enumerate(entries):
        outgoing = entry.outgoing
        if isinstance(outgoing, Outgoing) and not link.takes(outgoing):
            claim = claim_for(bodies.container, queue, outgoing.message_id, outgoing.body)
            claims[number] = claim, outgoing
            contents[claim] = outgoing.body
    if not claims:
        return list(entries)
    replaced = set(await bodies.keep(contents, next(iter(claims.values()))[1].content_type, link.halfway))
    made = list(entries)
    for number, (claim, outgoing) in claims.items():
        made[number] = made[number]._replace(outgoing=_without_body(outgoing, claim, replaced))
    bodies.forget(contents)
    return made


def _without_body(outgoing: Outgoing, claim: Claim, replaced: set[Claim]) -> Outgoing | ChangeError:
    if claim in replaced:
        return body_replaced(claim.container, claim.name)
    try:
        return parted(outgoing, claim)
    except ChangeError as error:
        return error
