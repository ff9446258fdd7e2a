"""What the demonstration plays on: the ends of its pairs, a writer for each, one service between them."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from localcloud.aws.remote import AwsControl
from replicator.demo.comparison import Comparison
from replicator.demo.pairs import Pair, Side, chosen, compare_side
from replicator.demo.service import Service
from replicator.demo.unrest import stir
from replicator.demo.workload import Amount, Workload

SETTLE_SECONDS_MAX = 30.0
SIDES: tuple[Side, Side] = ("source", "sink")
_READERS = 2
_LOOK_SECONDS = 0.2


class Stage:
    """Some pairs between two running clouds.

    Args:
        directory: for state, logs and ledgers; a fresh one.
        environment: the variables by which the clouds are found.
        amounts: pair to how much is written to it; the others do not take part.
        seed: from which everything that is written follows.

    Attributes:
        pairs: those that take part.
        workloads: pair to its writer.
        service: there once both ends of each pair are.
    """

    service: Service

    def __init__(
        self,
        directory: Path,
        environment: Mapping[str, str],
        amounts: Mapping[str, Amount],
        seed: int = 2026,
    ) -> None:
        self.pairs = chosen(list(amounts))
        self.workloads = {
            pair.name: Workload(pair, directory, environment, amounts[pair.name], seed)
            for pair in self.pairs
        }
        self._directory, self._environment = directory, environment

    async def build(self, aws: AwsControl) -> None:
        """Create both ends of each pair, and let AWS be as unruly as it may."""
        for pair in self.pairs:
            await asyncio.to_thread(_create, pair, self._environment)
        await stir(aws, self.pairs)
        self.service = await asyncio.to_thread(Service, self._directory, self._environment, self.pairs)

    async def start_writers(self) -> None:
        """Start them; each begins with what is there at first."""
        for workload in self.workloads.values():
            await workload.start()

    async def stop_writers(self) -> None:
        """Stop them; the write under way is finished and noted."""
        await asyncio.gather(*(workload.stop() for workload in self.workloads.values()))

    @property
    def is_loaded(self) -> bool:
        """Whether everything that is written at first is there."""
        return all(workload.is_loaded for workload in self.workloads.values())

    async def drain(self) -> None:
        """Return once all that was written has arrived, as far as is known; the writers are stopped."""
        await asyncio.gather(*(self.service.drain(pair) for pair in self.pairs))
        await asyncio.gather(*(self._settle(pair) for pair in self.pairs))

    async def compare(self) -> list[tuple[Comparison, Comparison]]:
        """Compare source and sink of each pair with its ledger."""
        loop = asyncio.get_running_loop()
        with ProcessPoolExecutor(_READERS, multiprocessing.get_context("spawn")) as readers:
            comparisons = await asyncio.gather(
                *(
                    loop.run_in_executor(
                        readers,
                        compare_side,
                        pair.name,
                        side,
                        dict(self._environment),
                        self.workloads[pair.name].ledger,
                    )
                    for pair in self.pairs
                    for side in SIDES
                )
            )
        return list(zip(comparisons[::2], comparisons[1::2], strict=True))

    async def _settle(self, pair: Pair) -> None:
        """Wait until nothing is on its way; what stays is left to the comparison, which shows it."""
        ends = pair.ends(self._environment)
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        while not await asyncio.to_thread(ends.is_settled):
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(_LOOK_SECONDS)


def _create(pair: Pair, environment: Mapping[str, str]) -> None:
    pair.ends(environment).create()
