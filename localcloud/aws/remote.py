"""Scripting a running proxy from Python, over its control paths."""

from typing import Any

import aiohttp

__all__ = ["AwsControl"]


class AwsControl:
    """The control paths of the proxy at `endpoint`; `control` says what each does.

    Every method raises ``aiohttp.ClientError`` where the proxy is away and ``ValueError`` where it refuses.
    """

    def __init__(self, endpoint: str) -> None:
        self._url = endpoint.rstrip("/") + "/_local/"

    async def add_fault(self, kind: str, **rule: Any) -> None:
        """Let calls fail; the fields of a rule are those of `localcloud.aws.faults.Rule`."""
        await self._ask("POST", "faults", kind=kind, **rule)

    async def clear_faults(self) -> None:
        """Take all fault rules away."""
        await self._ask("DELETE", "faults")

    async def faults(self) -> list[dict[str, Any]]:
        """Return the fault rules with what is left of their counts."""
        rules: list[dict[str, Any]] = (await self._ask("GET", "faults"))["rules"]
        return rules

    async def split(self, table: str, shard_id: str | None = None) -> list[str]:
        """Close a shard (the oldest open one unless told) and return the ids of its two children."""
        children: list[str] = (await self._stream("split", table, shard_id=shard_id))["children"]
        return children

    async def close(self, table: str, shard_id: str | None = None) -> str:
        """Close a shard (the oldest open one unless told) and return the id of its one child."""
        child: str = (await self._stream("close", table, shard_id=shard_id))["children"][0]
        return child

    async def trim(self, table: str, before: float | None = None) -> None:
        """Take away the stream records made before a time (seconds since the epoch), or all."""
        await self._stream("trim", table, before=before)

    async def drop_closed(self, table: str) -> list[str]:
        """Forget the closed shards with their records, and return their ids."""
        dropped: list[str] = (await self._stream("drop-closed", table))["dropped"]
        return dropped

    async def empty_pages(self, table: str, count: int, shard_id: str | None = None) -> None:
        """Answer the next `count` GetRecords of a shard, or of each open one, with an empty page."""
        await self._stream("empty-pages", table, count=count, shard_id=shard_id)

    async def expire_iterators(self) -> None:
        """Let every shard iterator issued so far be expired."""
        await self._ask("POST", "streams/expire-iterators")

    async def set_streams(self, *, shards: int | None = None, reads_per_second: int | None = None) -> None:
        """Set how many shards new streams begin with, and GetRecords per shard and second (None: any)."""
        chosen = {} if shards is None else {"shards": shards}
        await self._ask("POST", "streams/settings", reads_per_second=reads_per_second, **chosen)

    async def expire_items(self, table: str | None = None) -> int:
        """Delete the items past their time to live, of one table or of all, and return how many were."""
        return int((await self._ask("POST", "ttl/expire", table=table))["expired"])

    async def advance_clock(self, seconds: float) -> None:
        """Move the proxy's clock forward: for iterators, retention and time to live."""
        await self._ask("POST", "clock", advance_seconds=seconds)

    async def distort_events(self, bucket: str, **distortion: Any) -> None:
        """Let S3's events of a bucket (``*``: of every other) come late, twice, out of order or never.

        The fields are those of `localcloud.aws.objects.delivery.Distortion`: ``seed``, ``delay_seconds``,
        ``repeat``, ``reorder``, ``behind_seconds``, ``lose``.
        """
        await self._ask("POST", "events/settings", bucket=bucket, distortion=distortion)

    async def clear_events(self, bucket: str) -> None:
        """Let the events of a bucket come at once again; those on their way come as they would have."""
        await self._ask("POST", "events/settings", bucket=bucket, distortion=None)

    async def flush_events(self) -> None:
        """Send at once all events that are on their way."""
        await self._ask("POST", "events/flush")

    async def events(self) -> dict[str, Any]:
        """Return how many event messages are ``pending``, and ``counts`` of what befell those before."""
        return await self._ask("GET", "events")

    async def bridge_events(self, bucket: str, queue_arn: str | None) -> None:
        """Send the events of a bucket to a queue as EventBridge does, as if a rule had it as its target.

        The bucket's notification configuration must have EventBridge enabled; None ends it.
        """
        await self._ask("POST", "events/bridge", bucket=bucket, queue_arn=queue_arn)

    async def expire_object(self, bucket: str, key: str) -> None:
        """Delete an object as a lifecycle rule would, with the event ``LifecycleExpiration:…``."""
        await self._ask("POST", "events/expire", bucket=bucket, key=key)

    async def disorder_queue(self, queue: str, **disorder: Any) -> None:
        """Let a standard queue, by its name, shuffle, delay and repeat its messages.

        The fields are those of `localcloud.aws.queues.disorder.Disorder`: ``seed``, ``shuffle``,
        ``repeat``, ``again_seconds``, ``late``, ``late_seconds``.
        """
        await self._ask("POST", "queues/settings", queue=queue, disorder=disorder)

    async def clear_queue(self, queue: str) -> None:
        """Let a queue behave again; what was to come a second time does not come."""
        await self._ask("POST", "queues/settings", queue=queue, disorder=None)

    async def _stream(self, verb: str, table: str, **body: Any) -> dict[str, Any]:
        which = "stream_arn" if table.startswith("arn:") else "table"
        return await self._ask("POST", f"streams/{verb}", **{which: table}, **body)

    async def _ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self._url + path, json=body) as reply,
        ):
            document: dict[str, Any] = await reply.json(content_type=None)
            if reply.status >= 400:
                raise ValueError(document.get("message", reply.reason))
            return document
