"""Bugs of leases, each a small patch onto one pipeline before it runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from replicator.connector import Body
from replicator.engine.items import ItemPipeline
from replicator.engine.lease import Leaseholder
from replicator.engine.objects import ObjectPipeline
from replicator.engine.retry import Retrier
from replicator.model.errors import TransientError
from replicator.model.key import Key
from replicator.stores import Claim
from replicator.testing.planting import patch
from replicator.testing.world import Plants


def taken_over_at_its_expiry_without_the_longest_sink_call(pipeline: ItemPipeline) -> None:
    """Whoever takes over a lease that ran out writes at once."""
    take = pipeline.lease.take

    async def take_clean(retrier: Retrier) -> Claim:
        claim = await take(retrier)
        return replace(claim, clean=True) if pipeline.lease.other else claim

    patch(pipeline.lease, take=take_clean)


def sends_though_its_lease_may_not_outlive_the_call(pipeline: ItemPipeline) -> None:
    """A holder sends as long as its lease lasts, however long the call may take."""
    _require_held(pipeline.lease, pipeline.source, pipeline.sink)


def upload_shown_without_looking_at_its_lease_again(pipeline: ObjectPipeline) -> None:
    """The lease is looked at when an upload begins, not when it is made visible."""
    sink: Any = pipeline.sink

    async def upload(key: Key, body: Body, etag: str | None) -> bool:
        pipeline.lease.require()
        return bool(await sink._end.upload(key, body, etag))  # noqa: SLF001 - the bug sits inside

    patch(sink, upload=upload)


def lease_taken_from_a_holder_that_is_only_slow(pipeline: ObjectPipeline) -> None:
    """Whoever looks on takes over after half of a lease."""
    lease: Any = pipeline.lease
    look = lease._store.look  # noqa: SLF001 - the bug sits inside

    class Hasty:
        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        async def look(self, name: str) -> Any:
            seen = await look(name)
            return replace(seen, seconds=seen.seconds / 2)

    store = lease._store  # noqa: SLF001
    patch(lease, _store=Hasty())


ITEM_LEASE_BUGS: Plants = {
    bug.__name__: bug
    for bug in (
        taken_over_at_its_expiry_without_the_longest_sink_call,
        sends_though_its_lease_may_not_outlive_the_call,
    )
}
OBJECT_LEASE_BUGS: Plants = {
    bug.__name__: bug
    for bug in (
        upload_shown_without_looking_at_its_lease_again,
        lease_taken_from_a_holder_that_is_only_slow,
    )
}
"""Every bug by its name, in the kind of world that it is planted into."""


def _require_held(lease: Leaseholder, *ends: Any) -> None:
    def require() -> None:
        if not lease.held:
            raise TransientError("no lease", settled=True, reason="lease")

    for end in ends:
        patch(end, _require=require)
