"""What happens to a call between its sending and its answer, chosen by a seed.

A call that has an effect is carried by the world, not by the process that made it: once sent it takes
effect when its fate says so, whether the sender still waits, gave up, or was killed. The answer is a
matter of its own. So an effect may come before its answer, after a time-out was reported, or never.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from replicator.model.errors import NotConnectedError, ReplicatorError, TransientError
from replicator.testing.loop import Life, current_life

T = TypeVar("T")

SLOW_SHARE_MAX = 0.6
"""A slow call that goes well takes up to this share of the longest time."""


@dataclass(frozen=True, slots=True)
class Rates:
    """How likely a call meets each fate; what is left over is a good call.

    Attributes:
        refused: nothing happens, and the caller is told so: throttled, or never connected.
        lost: nothing happens, and the caller cannot know.
        late: it happens at any moment until ``call_seconds_max`` after it was given up.
        reset: it happens, and the answer is lost.
        slow: it happens late, and may well be answered after the caller gave up.
        partial: of a batch only a part happens, as the answer says; what is reported as of unknown
            outcome may still land.
        disconnected: a read finds its connection gone, before or after it took its batch; a call to the
            sink finds it gone before it is sent. Only connecting again helps.
        stale: a page of a scan is long on its way, and old when it arrives.
        gap: a page of a scan comes without rows, and is not the last one.
        killed_before_send: a call whose sender is killed before its effect has none; any other such call
            may have it at any moment until ``call_seconds_max``.
    """

    refused: float = 0.0
    lost: float = 0.0
    late: float = 0.0
    reset: float = 0.0
    slow: float = 0.0
    partial: float = 0.0
    disconnected: float = 0.0
    stale: float = 0.0
    gap: float = 0.0
    killed_before_send: float = 0.5


QUIET = Rates()
ROUGH = Rates(
    refused=0.03,
    lost=0.02,
    late=0.04,
    reset=0.03,
    slow=0.02,
    partial=0.12,
    disconnected=0.01,
    stale=0.2,
    gap=0.1,
)
SLUGGISH = Rates(refused=0.01, late=0.12, slow=0.1, partial=0.06, stale=0.4, gap=0.1)
HANGING = Rates(late=0.2, slow=0.05, stale=0.2, gap=0.1, killed_before_send=0.2)

SPELLS = (
    Rates(refused=0.8),
    Rates(refused=0.2, lost=0.4, late=0.2, reset=0.1, disconnected=0.3),
    Rates(slow=0.8),
)
"""What a network is like for a while: a service throttles, is hardly to be reached, or is slow."""


BEGUN_AT: ContextVar[float] = ContextVar("begun_at")
"""While an effect lands: when its call was sent, on the loop's time."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one call: seconds to its effect (None: never), to its answer, and the answer."""

    effect_seconds: float | None
    answer_seconds: float
    error: TransientError | None = None


class Network:
    """Carries calls between a process and the systems. ``rates`` may be changed at any time."""

    def __init__(
        self, chance: random.Random, rates: Rates, call_seconds_max: float, latency_seconds: float = 0.005
    ) -> None:
        """``latency_seconds`` is the mean time of each way of a good call."""
        self.chance = chance
        self.rates = rates
        self.call_seconds_max = call_seconds_max
        self._per_latency = 1.0 / latency_seconds
        self._landings: set[asyncio.Task[None]] = set()
        self.cut_until = 0.0  # calls hang until this moment
        self.sending: Callable[[str], None] = lambda _what: None  # told as anything with an effect is sent
        self.landed: Callable[[Life | None, int], None] = lambda _sender, _epoch: None
        self.epoch_of: Callable[[Life | None], int] = lambda _sender: 0
        self.fates: Counter[str] = Counter()  # how many calls met which fate, good ones left out

    @property
    def in_flight(self) -> int:
        """How many effects may still land."""
        return len(self._landings)

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """A call without an effect that matters: it may fail, or its answer may be old on arrival."""
        fate = self.fate()
        if fate.effect_seconds is None:
            await asyncio.sleep(fate.answer_seconds)
            raise fate.error or unknown("no answer")
        await asyncio.sleep(min(fate.effect_seconds, fate.answer_seconds))
        await self._uncut()
        answer = await question()
        await asyncio.sleep(max(0.0, fate.answer_seconds - fate.effect_seconds))
        await self._uncut()
        if fate.error is not None:
            raise fate.error
        return answer

    async def read(self, question: Callable[[], Awaitable[T]]) -> T:
        """A call that reads: it may fail as any other, but it certainly did nothing and will do nothing."""
        try:
            return await self.ask(question)
        except TransientError as error:
            raise TransientError(
                error.message,
                settled=True,
                reason=error.reason,
                retry_after_seconds=error.retry_after_seconds,
            ) from None

    async def _uncut(self) -> None:
        await asyncio.sleep(max(0.0, self.cut_until - asyncio.get_running_loop().time()))

    async def send(self, effect: Callable[[], Awaitable[T]]) -> T:
        """A call with an effect."""
        return await self._send(lambda _: effect(), 0.0)

    async def send_slowly(self, effect: Callable[[float], Awaitable[T]]) -> T:
        """A call whose effect takes most of its time, and is told how long that is."""
        least = self.chance.uniform(0.0, SLOW_SHARE_MAX) * self.call_seconds_max
        return await self._send(effect, 0.8, least)

    def way(self) -> float:
        """The seconds of one way of a good call."""
        return self.chance.expovariate(self._per_latency)

    async def _send(self, effect: Callable[[float], Awaitable[T]], share: float, least: float = 0.0) -> T:
        self.sending("write")
        fate = self.fate()
        carried = None
        given_up: list[float] = []
        if fate.effect_seconds is not None:
            seconds = max(fate.effect_seconds, least)
            shared = seconds * share
            carried = self.carry(partial(effect, shared), seconds - shared, shared, given_up)
        try:
            await asyncio.sleep(fate.answer_seconds)
        except asyncio.CancelledError:
            given_up.append(asyncio.get_running_loop().time())
            raise
        if fate.error is not None:
            raise fate.error
        if carried is None:
            raise unknown("no answer")
        return await carried

    def carry(
        self,
        effect: Callable[[], Awaitable[T]],
        seconds: float,
        takes: float = 0.0,
        given_up: Sequence[float] = (),
    ) -> asyncio.Future[T]:
        """Let the world carry out the effect after so many seconds; the future has its result.

        ``takes`` is how long the effect itself takes; ``given_up`` gets the moment at which its sender gave
        it up before it was answered, from which on it may not take longer than any call.
        """
        sender = current_life()
        epoch = self.epoch_of(sender)
        loop = asyncio.get_running_loop()
        begun_at = loop.time()
        result: asyncio.Future[T] = loop.create_future()

        async def land() -> None:
            BEGUN_AT.set(begun_at)
            await asyncio.sleep(seconds)
            if sender is not None and not sender.alive:
                if self.chance.random() < self.rates.killed_before_send:
                    return
                await asyncio.sleep(max(0.0, self.moment() - seconds - takes))
                if loop.time() + takes > sender.ended_at + self.call_seconds_max:
                    return
            try:
                if given_up and loop.time() + takes > given_up[0] + self.call_seconds_max:
                    return
                answer = await effect()
                self.landed(sender, epoch)
            except ReplicatorError as error:
                if not result.done():
                    result.set_exception(error)
                    result.exception()  # nobody may be waiting any more; that is no complaint
            else:
                if not result.done():
                    result.set_result(answer)

        landing = loop.create_task(land(), name="landing", context=Context())
        self._landings.add(landing)
        landing.add_done_callback(self._landings.discard, context=Context())
        return result

    def fate(self) -> Fate:
        """Draw the fate of one call."""
        chance, rates, longest = self.chance, self.rates, self.call_seconds_max
        effect, answer = chance.expovariate(self._per_latency), chance.expovariate(self._per_latency)
        draw = chance.random() - rates.refused
        if draw < 0:
            self.fates["refused"] += 1
            return Fate(None, answer, refused(chance))
        if (draw := draw - rates.lost) < 0:
            self.fates["lost"] += 1
            return Fate(None, chance.uniform(0.0, longest), unknown("no answer"))
        if (draw := draw - rates.late) < 0:
            self.fates["late"] += 1
            answer = longest / 2 * chance.random() ** chance.choice((1, 3))
            return Fate(answer + self.moment(), answer, unknown("no answer in time"))
        if (draw := draw - rates.reset) < 0:
            self.fates["reset"] += 1
            return Fate(min(effect, answer), max(effect, answer), unknown("connection reset"))
        if draw < rates.slow:
            self.fates["slow"] += 1
            effect = self.moment()
            return Fate(effect, effect + chance.uniform(0.0, longest / 2))
        return Fate(effect, effect + answer)

    def moment(self) -> float:
        """Some moment at which a call may still take effect; early and late ones are both likely."""
        longest = self.call_seconds_max * 0.99
        return longest * self.chance.random() ** self.chance.choice((1, 3))

    def any_moment(self) -> float:
        """Some moment at which a call may still take effect; late ones are as likely as early ones."""
        return self.call_seconds_max * self.chance.uniform(0.3, 0.99)


class Link:
    """A client's connection, over which calls are made until it is found broken."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._is_up = True

    async def connect(self, connect: Callable[[], Awaitable[T]]) -> T:
        """Connecting may fail."""
        answer = await self._network.ask(connect)
        self._is_up = True
        return answer

    def use(self) -> None:
        """To be called before each call.

        Raises:
            NotConnectedError: it is broken; nothing is sent over it.
        """
        network = self._network
        if network.chance.random() < network.rates.disconnected:
            network.fates["disconnected"] += 1
            self._is_up = False
        if not self._is_up:
            raise NotConnectedError("the connection to the sink was lost")


def refused(chance: random.Random) -> TransientError:
    """A call that certainly did nothing: throttled, or not connected."""
    if chance.random() < 0.5:
        wait = chance.uniform(0.0, 0.5)
        return TransientError("too many", settled=True, reason="throttled", retry_after_seconds=wait)
    return TransientError("connection refused", settled=True, reason="unreachable")


def unknown(message: str) -> TransientError:
    """A call whose outcome its sender cannot know."""
    return TransientError(message, settled=False, reason="timeout")
