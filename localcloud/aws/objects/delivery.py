"""Events on their way to a queue: at once unless a script wants them late, twice, out of order, or never.

What befalls an event is drawn from the seed, the bucket, the key, and the how-manieth event of that key it
is: the same whatever runs beside it.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from localcloud.aws.dice import dice
from localcloud.aws.errors import AwsError
from localcloud.aws.objects.configuration import Queue
from localcloud.aws.objects.events import Event
from localcloud.passthrough import UpstreamLostError

__all__ = ["Deliveries", "Distortion"]

_AGAIN_SECONDS = 0.2


class Distortion(BaseModel):
    """What befalls the events of a bucket.

    Attributes:
        seed: from which all is drawn.
        delay_seconds: an event comes up to so much later; so does each repetition of it.
        repeat: the share of events, 0 to 1, that come twice.
        reorder: the share that come behind the next event that the same queue gets.
        behind_seconds: how long such a one waits for a next event at most.
        lose: the share that never come. S3 promises to lose none; a reconciling list must find them.
    """

    model_config = ConfigDict(extra="forbid")

    seed: int = 0
    delay_seconds: float = Field(default=0.0, ge=0)
    repeat: float = Field(default=0.0, ge=0, le=1)
    reorder: float = Field(default=0.0, ge=0, le=1)
    behind_seconds: float = Field(default=1.0, ge=0)
    lose: float = Field(default=0.0, ge=0, le=1)


@dataclass(eq=False)
class _Parcel:
    queue: Queue
    body: str
    held: bool = False
    timer: asyncio.TimerHandle | None = None


class Deliveries:
    """Sends the messages of events.

    Args:
        send: puts a message into a queue; raises AwsError where the queue is gone, and UpstreamLostError.
    """

    def __init__(self, send: Callable[[Queue, str], Awaitable[None]]) -> None:
        self._send = send
        self._distortions: dict[str, Distortion] = {}
        self._seen: Counter[tuple[str, str, Queue]] = Counter()
        self._pending: dict[_Parcel, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.counts: Counter[str] = Counter()

    def distort(self, bucket: str, distortion: Distortion | None) -> None:
        """Set what befalls the events of a bucket (``*``: of those without a setting) from now on."""
        self._seen.clear()
        self._distortions.pop(bucket, None)
        if distortion is not None:
            self._distortions[bucket] = distortion

    @property
    def pending(self) -> int:
        """How many messages are still on their way."""
        return len(self._pending)

    async def deliver(self, event: Event, queue: Queue, body: str) -> None:
        """Send an event's message, or see to it that it comes as the distortion wants; never raises."""
        distortion = self._distortions.get(event.bucket) or self._distortions.get("*")
        if distortion is None:
            await self._hand_in(_Parcel(queue, body))
            return
        nth = (event.bucket, event.key, queue)
        self._seen[nth] += 1
        drawn = dice(distortion.seed, event.bucket, event.key, queue.name, self._seen[nth])
        lost, repeated = drawn.random() < distortion.lose, drawn.random() < distortion.repeat
        held, delays = drawn.random() < distortion.reorder, [drawn.random(), drawn.random()]
        if lost:
            self.counts["lost"] += 1
            return
        self.counts.update({"repeated": repeated, "reordered": held})
        for delay in delays[: 1 + repeated]:
            parcel = _Parcel(queue, body, held)
            wait = delay * distortion.delay_seconds + held * distortion.behind_seconds
            await (self._later(parcel, wait) if wait else self._hand_in(parcel))

    async def flush(self) -> int:
        """Send at once all that is on its way, and return how many messages that was."""
        count = len(self._pending)
        for parcel in list(self._pending):
            # One that was held may have followed another meanwhile.
            if parcel in self._pending:
                await self._hand_in(parcel)
        return count

    async def close(self) -> None:
        """Hand in what is on its way, as far as the queues still answer."""
        for parcel in list(self._pending):
            self._take(parcel)
            try:
                await self._send(parcel.queue, parcel.body)
            except (AwsError, UpstreamLostError):
                self.counts["refused"] += 1
        for task in self._tasks:
            task.cancel()

    async def _later(self, parcel: _Parcel, seconds: float) -> None:
        self._pending[parcel] = None
        parcel.timer = asyncio.get_running_loop().call_later(seconds, self._start, parcel)

    def _start(self, parcel: _Parcel) -> None:
        task = asyncio.get_running_loop().create_task(self._hand_in(parcel), name="event delivery")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _take(self, parcel: _Parcel) -> None:
        self._pending.pop(parcel, None)
        if parcel.timer is not None:
            parcel.timer.cancel()

    async def _hand_in(self, parcel: _Parcel) -> None:
        self._take(parcel)
        try:
            await self._send(parcel.queue, parcel.body)
        except UpstreamLostError:
            # At least once: it is sent until ministack is there again, and perhaps twice.
            await self._later(parcel, _AGAIN_SECONDS)
            return
        except AwsError as error:
            self.counts["refused"] += 1
            logging.warning("event.refused %s %s", parcel.queue, error.code)
            return
        self.counts["sent"] += 1
        if not parcel.held:
            for behind in [each for each in self._pending if each.held and each.queue == parcel.queue]:
                await self._hand_in(behind)
