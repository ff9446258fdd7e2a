"""The stand-ins' own ceilings for messages, by the connectors' own clients and as many calls at a time.

``python -m bench.bare_messages receive URL MESSAGES fifo|standard`` receives and deletes,
``python -m bench.bare_messages send QUEUE MESSAGES fifo|standard`` sends batches; prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from bench.queues import GROUPS, body_of
from connectors.servicebus.client import ServiceBusQueue
from connectors.servicebus.codec import Outgoing
from connectors.servicebus.config import ServiceBusSinkSettings
from connectors.sqs.client import Client
from connectors.sqs.config import SqsSourceSettings
from replicator.config.limits import Limits

LIMITS = Limits()
EVERYTHING = {"MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"]}


async def receive(url: str, messages: int, *, fifo: bool) -> float:  # noqa: ARG001 - both kinds alike
    """Every message is deleted by the loop that received it; seconds since the first call."""
    settings = SqsSourceSettings(queue_url=url)
    client = Client(settings)
    await client.open()
    left = messages

    async def take() -> None:
        nonlocal left
        while left > 0:
            if got := await client.queue.receive(0, settings.hidden_seconds, **EVERYTHING):
                left -= len(got)
                await client.queue.delete([each["ReceiptHandle"] for each in got])

    began = time.perf_counter()
    await asyncio.gather(*(take() for _ in range(settings.receivers_max)))
    seconds = time.perf_counter() - began
    await client.close()
    return seconds


async def send(queue: str, messages: int, *, fifo: bool) -> float:
    """As many senders as the sink has; seconds since the first batch."""
    settings = ServiceBusSinkSettings(queue=queue, sessions=fifo)
    bus = ServiceBusQueue(settings, LIMITS.sink_call_seconds_max)
    await bus.open()
    starts = iter(range(0, messages, LIMITS.batch_changes_max))

    async def fill() -> None:
        for start in starts:
            async with bus.link() as link:
                parcel = await link.parcel()
                for number in range(start, min(start + LIMITS.batch_changes_max, messages)):
                    parcel.add(_outgoing(number, fifo=fifo))
                await link.send(parcel)

    began = time.perf_counter()
    await asyncio.gather(*(fill() for _ in range(settings.senders)))
    seconds = time.perf_counter() - began
    await bus.close()
    return seconds


def _outgoing(number: int, *, fifo: bool) -> Outgoing:
    session = f"customer-{number % GROUPS}" if fifo else None
    return Outgoing(body_of(number).encode(), {"kind": "placed"}, f"order-{number}", session)


async def _run(what: str, place: str, messages: int, *, fifo: bool) -> dict[str, float]:
    cpu = time.process_time()
    seconds = await (receive if what == "receive" else send)(place, messages, fifo=fifo)
    return {"items": messages, "seconds": seconds, "cpu_seconds": time.process_time() - cpu}


if __name__ == "__main__":
    what, place, count, kind = sys.argv[1:]
    told = asyncio.run(_run(what, place, int(count), fifo=kind == "fifo"))
    sys.stdout.write(json.dumps(told) + "\n")
