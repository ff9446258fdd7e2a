"""What may happen to messages on their way to a bus: a batch arrives up to some message, and no further."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast

from replicator.connector import Sink, Trials, Writes
from replicator.model.change import Change
from replicator.model.errors import BatchError, ReplicatorError, TransientError
from replicator.model.key import Key
from replicator.testing.faults import SHARED, FaultySink, decorated
from replicator.testing.network import Network, refused, unknown


class _MessageSink(FaultySink):
    """A sink that keeps messages in their order: none is put behind one that failed."""

    async def write(self, changes: Sequence[Change]) -> None:
        """All go in one call, or in two, of which only the first is made if anything is wrong with it."""
        self.network.sending("write")
        self.link.use()
        chance, rates = self.network.chance, self.network.rates
        write = cast(Writes, self.inner).write
        if len(changes) == 1 or chance.random() >= rates.partial * len(changes):
            await self.network.send(partial(write, changes))
            return
        cut = chance.randrange(len(changes))
        failures = await self._send_first(changes[:cut])
        if failures:
            failures |= {change.key: _behind() for change in changes[cut:]}
        else:
            failures = {change.key: _behind() for change in changes[cut + 1 :]}
            failures[changes[cut].key] = self._lost(changes[cut])
        raise BatchError(failures)

    async def _send_first(self, changes: Sequence[Change]) -> dict[Key, ReplicatorError]:
        if not changes:
            return {}
        try:
            await self.network.send(partial(cast(Writes, self.inner).write, changes))
        except BatchError as error:
            return dict(error.failures)
        except ReplicatorError as error:
            return dict.fromkeys((change.key for change in changes), error)
        return {}

    def _lost(self, change: Change) -> ReplicatorError:
        """The message at the cut was refused for now, or nobody knows."""
        if self.network.chance.random() < 0.5:
            return refused(self.network.chance)
        write = partial(cast(Writes, self.inner).write, [change])
        self.network.carry(write, self.network.moment())
        return unknown("no answer for this message")


class _Trials:
    inner: object
    network: Network

    async def try_write(self) -> None:
        """May fail."""
        self.network.sending("trial")
        await self.network.ask(cast(Trials, self.inner).try_write)


def faulty_message_sink(inner: Sink, network: Network) -> Sink:
    """The sink behind the network, with the abilities that it has."""
    return cast(Sink, decorated(_MessageSink, [*SHARED, (Trials, _Trials)], inner, network))


def _behind() -> TransientError:
    return TransientError("a message before it failed", settled=True, reason="behind")
