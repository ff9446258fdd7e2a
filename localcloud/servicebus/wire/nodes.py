"""Which node an address names, and so which kind of link it is."""

from typing import TYPE_CHECKING

from localcloud.servicebus.amqp.performatives import Attach
from localcloud.servicebus.wire.cbs import TokenLink
from localcloud.servicebus.wire.inbound import Inbound
from localcloud.servicebus.wire.link import Link
from localcloud.servicebus.wire.management import ManagementLink
from localcloud.servicebus.wire.outbound import Outbound
from localcloud.servicebus.wire.requests import ReplyLink

if TYPE_CHECKING:
    from localcloud.servicebus.wire.channel import Channel

__all__ = ["link_of"]


def link_of(channel: "Channel", attach: Attach) -> Link:
    """Return the link that a client asks for; whether it may have it is found out when it is opened."""
    path = Link(channel, attach).path
    requests = path == "$cbs" or path.endswith("/$management")
    if not path:
        return Link(channel, attach)
    if attach.role:
        return (ReplyLink if requests else Outbound)(channel, attach)
    if path == "$cbs":
        return TokenLink(channel, attach)
    return (ManagementLink if requests else Inbound)(channel, attach)
