"""Decorators that let a source, a sink and a store meet the network's faults.

A decorated system has exactly the abilities of the one inside, so ``isinstance`` gives the same answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn, TypeVar, cast

from replicator.connector import (
    Backlogs,
    Conditions,
    Emptiness,
    Estimates,
    Finding,
    Inserts,
    Marks,
    Probes,
    Reads,
    Retains,
    Scans,
    Sink,
    Source,
    Start,
    Writes,
)
from replicator.model.change import Backlog, Batch, Change, Page, Positions, Row
from replicator.model.errors import BatchError, ChangeError, NotConnectedError, ReplicatorError
from replicator.model.key import Key
from replicator.stores import Store
from replicator.testing.network import Link, Network, refused, unknown

S = TypeVar("S")

NEVER_SECONDS = float("inf")

STALE_SECONDS_MAX = 4.0
"""How long a page of a scan can be on its way; a scan is no call that anybody has to wait out."""


class FaultySource:
    """A source behind a network.

    What it reads with expires where it rests for ``expires_seconds``, as the iterators of a stream do.
    """

    def __init__(self, inner: Source, network: Network, expires_seconds: float = NEVER_SECONDS) -> None:
        self.inner: Any = inner
        self.network = network
        self._expires_seconds = expires_seconds
        self._used_at = 0.0

    async def connect(self, positions: Positions | None) -> Start:
        """Connecting may fail after it has worked."""
        start = await self.network.ask(lambda: cast(Source, self.inner).connect(positions))
        self._used_at = asyncio.get_running_loop().time()
        return start

    async def read(self) -> Batch:
        """A batch may be lost with its connection; then only connecting again brings it back."""
        chance, rates = self.network.chance, self.network.rates
        if chance.random() < rates.refused:
            raise refused(chance)
        if chance.random() < rates.disconnected:
            await self._lose("disconnected", "the connection was lost before a read")
        if asyncio.get_running_loop().time() - self._used_at > self._expires_seconds:
            await self._lose("expired", "the iterators have expired")
        batch = await cast(Source, self.inner).read()
        self._used_at = asyncio.get_running_loop().time()
        if chance.random() < rates.disconnected:
            await self._lose("disconnected", "the connection was lost with a batch on it")
        return batch

    async def _lose(self, fate: str, message: str) -> NoReturn:
        self.network.fates[fate] += 1
        await cast(Source, self.inner).close()
        raise NotConnectedError(message)

    async def commit(self, positions: Positions) -> None:
        """A commit may work and be reported as failed."""
        self.network.sending("commit")
        await self.network.ask(lambda: cast(Source, self.inner).commit(positions))

    async def close(self) -> None:
        """Closing never fails."""
        await self.inner.close()


class FaultySink:
    """A sink behind a network.

    ``refuse`` tells which changes the sink refuses for good at the moment.
    """

    def __init__(
        self, inner: Sink, network: Network, refuse: Callable[[Change], bool] = lambda _: False
    ) -> None:
        self.inner: Any = inner
        self.network = network
        self.link = Link(network)
        self.refuse = refuse

    async def connect(self) -> None:
        """Connecting may fail."""
        await self.link.connect(self.inner.connect)

    def group(self, key: Key) -> Hashable:
        """As inside."""
        return cast(Writes, self.inner).group(key)

    @property
    def batch_changes_max(self) -> int:
        """As inside."""
        return cast(Writes, self.inner).batch_changes_max

    async def write(self, changes: Sequence[Change]) -> None:
        """A write may happen in part, late, or unseen."""
        await self.send_batch(cast(Writes, self.inner).write, changes)

    async def close(self) -> None:
        """Closing never fails."""
        await self.inner.close()

    async def send_batch(
        self, write: Callable[[Sequence[Change]], Awaitable[None]], changes: Sequence[Change]
    ) -> None:
        """Send what is not left out; name what was left out or refused, each with its own error."""
        self.link.use()
        self.network.sending("write")
        failures: dict[Key, ReplicatorError] = {}
        kept: list[Change] = []
        for change in changes:
            error = self._failure(partial(write, [change]), change, len(changes))
            if error is None:
                kept.append(change)
            else:
                failures[change.key] = error
        if not failures:
            await self.network.send(partial(write, kept))
            return
        if len(changes) == 1:
            raise failures[changes[0].key]
        if kept:
            failures.update(await self._send_rest(write, kept))
        raise BatchError(failures)

    async def _send_rest(
        self, write: Callable[[Sequence[Change]], Awaitable[None]], changes: Sequence[Change]
    ) -> dict[Key, ReplicatorError]:
        """Send what was kept; a failure of this call must not hide that another may still land."""
        try:
            await self.network.send(partial(write, changes))
        except BatchError as error:
            return error.failures
        except ReplicatorError as error:
            return dict.fromkeys((change.key for change in changes), error)
        return {}

    def _failure(
        self, write: Callable[[], Awaitable[None]], change: Change, among: int
    ) -> ReplicatorError | None:
        network = self.network
        if self.refuse(change):
            return ChangeError("refused for good, by order of the seed")
        if among == 1 or network.chance.random() >= network.rates.partial:
            return None
        if network.chance.random() < 0.5:
            return refused(network.chance)
        if network.chance.random() < 0.5:
            network.carry(write, network.moment())
        return unknown("no answer for this change")


class _Reading:
    """What both sides can be asked."""

    inner: Any
    network: Network


class _Reads(_Reading):
    async def fetch(self, keys: Sequence[Key]) -> Mapping[Key, Row]:
        """An answer may be old when it arrives."""
        return await self.network.read(lambda: cast(Reads, self.inner).fetch(keys))


class _Scans(_Reading):
    async def pieces(self) -> Sequence[str]:
        """May fail."""
        return await self.network.read(cast(Scans, self.inner).pieces)

    async def scan(self, piece: str, cursor: str | None) -> Page:
        """A page may be old when it arrives; one without rows may come before it, at the same place."""
        network = self.network
        if cursor is not None and network.chance.random() < network.rates.gap:
            return Page([], cursor)
        page = await network.read(lambda: cast(Scans, self.inner).scan(piece, cursor))
        if network.chance.random() < network.rates.stale:
            await asyncio.sleep(network.chance.uniform(0.0, STALE_SECONDS_MAX))
        return page


class _Estimates(_Reading):
    async def estimate(self) -> int | None:
        """May fail."""
        return await self.network.read(cast(Estimates, self.inner).estimate)


class _Probes(_Reading):
    async def probe(self) -> Sequence[Finding]:
        """May fail."""
        return await self.network.read(cast(Probes, self.inner).probe)


class _Marks(_Reading):
    async def mark(self) -> str:
        """A mark may be set without its name being known."""
        self.network.sending("mark")
        return await self.network.ask(cast(Marks, self.inner).mark)


class _Backlogs(_Reading):
    async def backlog(self) -> Backlog:
        """May fail."""
        return await self.network.read(cast(Backlogs, self.inner).backlog)


class _Retains(_Reading):
    @property
    def retention_seconds(self) -> float:
        """As inside."""
        return cast(Retains, self.inner).retention_seconds


class _Emptiness(_Reading):
    async def is_empty(self) -> bool:
        """May fail."""
        return await self.network.ask(cast(Emptiness, self.inner).is_empty)


class _Inserts(FaultySink):
    async def insert(self, changes: Sequence[Change]) -> None:
        """As a write."""
        await self.send_batch(cast(Inserts, self.inner).insert, changes)


class _Conditions(FaultySink):
    async def write_if(self, change: Change, etag: str | None) -> bool:
        """The condition is looked at when the write lands."""
        self.link.use()
        if self.refuse(change):
            raise ChangeError("refused for good, by order of the seed")
        return await self.network.send(lambda: cast(Conditions, self.inner).write_if(change, etag))


Parts = Sequence[tuple[type, type]]
"""Abilities, each with what it is behind a network."""

SHARED: Parts = [(Reads, _Reads), (Scans, _Scans), (Estimates, _Estimates), (Probes, _Probes)]
OF_A_SOURCE: Parts = [(Marks, _Marks), (Backlogs, _Backlogs), (Retains, _Retains)]
OF_A_SINK: Parts = [(Emptiness, _Emptiness), (Inserts, _Inserts), (Conditions, _Conditions)]


def decorated(end: type, abilities: Parts, inner: object, *given: object) -> Any:
    """The end behind the network, with those abilities that it has."""
    parts = [part for ability, part in abilities if isinstance(inner, ability)]
    return type(end.__name__, (*parts, end), {})(inner, *given)


def faulty_source(inner: Source, network: Network, expires_seconds: float = NEVER_SECONDS) -> Source:
    """The source behind the network, with the abilities that it has."""
    return cast(Source, decorated(FaultySource, [*SHARED, *OF_A_SOURCE], inner, network, expires_seconds))


def faulty_sink(inner: Sink, network: Network, refuse: Callable[[Change], bool] = lambda _: False) -> Sink:
    """The sink behind the network, with the abilities that it has."""
    return cast(Sink, decorated(FaultySink, [*SHARED, *OF_A_SINK], inner, network, refuse))


class _FaultyStore:
    """Any method of a store, behind the network: a killed process may have written or not."""

    def __init__(self, inner: Store, network: Network) -> None:
        self._inner = inner
        self._network = network

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._inner, name)

        async def call(*args: Any, **given: Any) -> Any:
            return await self._network.ask(partial(method, *args, **given))

        return call


def faulty_store(inner: Store, network: Network) -> Store:
    """The store behind the network; its write has happened or not, and never lands later."""
    return cast(Store, _FaultyStore(inner, network))


__all__ = [
    "OF_A_SINK",
    "OF_A_SOURCE",
    "SHARED",
    "FaultySink",
    "FaultySource",
    "decorated",
    "faulty_sink",
    "faulty_source",
    "faulty_store",
]
