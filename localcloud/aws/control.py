"""`/_local/…`: the paths by which tests and people script the proxy. Bodies are JSON, both ways.

==============================  =====================================================================
path                            what it does
==============================  =====================================================================
``GET  health``                 says that the proxy is up
``GET  faults``                 lists the rules; ``POST`` adds one (`faults.Rule`), ``DELETE`` clears
``POST clock``                  `advance_seconds`
``POST ttl/expire``             deletes items past their time: `table` or all
``POST streams/settings``       `shards` of new streams, `reads_per_second` of a shard or null
``POST streams/split``          closes a shard (`shard_id`, or the oldest open one), opens two
``POST streams/close``          closes a shard, opens one
``POST streams/trim``           `before` (seconds since the epoch), or everything
``POST streams/drop-closed``    forgets the closed shards
``POST streams/empty-pages``    the next `count` GetRecords of `shard_id` (or of each open shard) are empty
``POST streams/expire-iterators``  of all streams
``GET  events``                 `pending` messages of S3, and `counts` of what befell them
``POST events/settings``        `bucket` or ``*``, `distortion` (`objects.delivery.Distortion`) or null
``POST events/flush``           sends at once what is on its way
``POST events/bridge``          `queue_arn` (or null) gets the events of `bucket` in the form of EventBridge
``POST events/expire``          deletes `key` of `bucket` as a lifecycle rule would
``POST queues/settings``        `queue` (its name), `disorder` (`queues.disorder.Disorder`) or null
==============================  =====================================================================

The stream paths take `stream_arn`, or `table` with `region` (us-east-1) and `account` (000000000000).
"""

from dataclasses import dataclass
from typing import Any

from localcloud.aws.clock import Clock
from localcloud.aws.errors import resource_not_found
from localcloud.aws.faults import Faults
from localcloud.aws.feed import Feed
from localcloud.aws.feeds import Feeds
from localcloud.aws.lineage import Shard
from localcloud.aws.objects.delivery import Distortion
from localcloud.aws.objects.notifications import Notifications
from localcloud.aws.queues.disorder import Disorder
from localcloud.aws.queues.queues import Queues
from localcloud.aws.streams import Streams
from localcloud.aws.timetolive import TimeToLive

__all__ = ["PREFIX", "Control"]

PREFIX = "/_local/"


@dataclass
class Control:
    """Carries out what the control paths ask for."""

    clock: Clock
    faults: Faults
    feeds: Feeds
    streams: Streams
    time_to_live: TimeToLive
    notifications: Notifications
    queues: Queues

    async def answer(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Answer `method` on `path` (without the prefix).

        Raises:
            AwsError: the path, the stream or a field is not known.
            UpstreamLostError: ministack is away.
        """
        if path == "faults":
            return self._faults(method, body)
        if path.startswith("streams/"):
            return await self._streams(path.removeprefix("streams/"), body)
        if path.startswith("events"):
            return await self._events(path.removeprefix("events").lstrip("/"), body)
        if path == "clock":
            self.clock.advance(float(body["advance_seconds"]))
        elif path == "queues/settings":
            wanted = body.get("disorder")
            self.queues.disorder(body["queue"], None if wanted is None else Disorder(**wanted))
        elif path == "ttl/expire":
            return {"expired": await self.time_to_live.expire(body.get("table"))}
        elif path != "health":
            raise resource_not_found(f"no control path {path}")
        return {"now": self.clock.now()}

    def _faults(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        if method == "POST":
            self.faults.add(body)
        elif method == "DELETE":
            self.faults.clear()
        return {"rules": self.faults.list()}

    async def _events(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        deliveries = self.notifications.deliveries
        if verb == "settings":
            wanted = body.get("distortion")
            deliveries.distort(body["bucket"], None if wanted is None else Distortion(**wanted))
        elif verb == "flush":
            await deliveries.flush()
        elif verb == "bridge":
            self.notifications.bridge(body["bucket"], body.get("queue_arn"))
        elif verb == "expire":
            await self.notifications.expire(body["bucket"], body["key"])
        elif verb:
            raise resource_not_found(f"no control path events/{verb}")
        return {"pending": deliveries.pending, "counts": dict(deliveries.counts)}

    async def _streams(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        if verb == "settings":
            self.feeds.shards = int(body.get("shards", self.feeds.shards))
            self.streams.reads_per_second = body.get("reads_per_second")
            return {}
        if verb == "expire-iterators":
            self.streams.iterators_valid_from = self.clock.now()
            return {}
        feed = await self._feed(body)
        if verb == "trim":
            await feed.trim(body.get("before"))
            return {}
        if verb == "drop-closed":
            return {"dropped": await feed.drop_closed()}
        return await self._shards(verb, feed, body)

    async def _shards(self, verb: str, feed: Feed, body: dict[str, Any]) -> dict[str, Any]:
        shard_ids = [body["shard_id"]] if body.get("shard_id") else [s.id for s in feed.lineage.open()]
        if verb == "empty-pages":
            feed.empty_pages.update(dict.fromkeys(shard_ids, int(body.get("count", 1))))
            return {"shards": shard_ids}
        if verb not in {"split", "close"}:
            raise resource_not_found(f"no control path streams/{verb}")
        change = feed.split if verb == "split" else feed.roll_over
        children: list[Shard] = await change(shard_ids[0])
        return {"parent": shard_ids[0], "children": [child.id for child in children]}

    async def _feed(self, body: dict[str, Any]) -> Feed:
        if body.get("stream_arn"):
            return await self.feeds.get(str(body["stream_arn"]))
        account, region = body.get("account", "000000000000"), body.get("region", "us-east-1")
        feed = await self.feeds.of_table(str(body.get("table", "")), account, region)
        if feed is None:
            raise resource_not_found(f"table {body.get('table')} has no stream")
        return feed
