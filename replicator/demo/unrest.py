"""What the local AWS is told to do as the real one may: late, twice, out of order. The same every time."""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.aws.remote import AwsControl
from replicator.demo.invoices.ends import BUCKET, EVENT_QUEUE
from replicator.demo.pairs import INVOICES, NOTICES, Pair

SEED = 2026


async def stir(aws: AwsControl, pairs: Iterable[Pair]) -> None:
    """Let the events of the bucket, and the messages of standard queues, come as nobody wants them."""
    if INVOICES in pairs:
        await aws.distort_events(BUCKET, seed=SEED, delay_seconds=0.5, repeat=0.1, reorder=0.2)
        await aws.disorder_queue(EVENT_QUEUE, seed=SEED, shuffle=True, repeat=0.02, again_seconds=3.0)
    if NOTICES in pairs:
        await aws.disorder_queue(
            NOTICES.end, seed=SEED, shuffle=True, repeat=0.05, again_seconds=5.0, late=0.05, late_seconds=2
        )
