"""Faults by seed: what a network may do to a call, and that decorating changes nothing else."""

import asyncio
import random
from contextlib import closing

import pytest

from connectors.memory import (
    MarkedMemorySource,
    MemoryContainer,
    MemorySink,
    MemorySinkSettings,
    MemorySource,
    MemorySourceSettings,
    MemoryTable,
)
from replicator.connector import (
    Backlogs,
    Conditions,
    Emptiness,
    Estimates,
    Inserts,
    Marks,
    Probes,
    Reads,
    Retains,
    Scans,
    Sink,
    Source,
)
from replicator.model.errors import BatchError, ChangeError, TransientError
from replicator.testing.expect import key_of, upsert
from replicator.testing.faults import faulty_sink, faulty_source
from replicator.testing.loop import Life, VirtualLoop
from replicator.testing.network import QUIET, Network, Rates

ABILITIES = [
    *(Source, Sink, Inserts, Conditions, Reads, Scans, Estimates, Emptiness),
    *(Marks, Backlogs, Retains, Probes),
]
LONGEST = 2.0


@pytest.fixture
def loop():
    """A loop of its own for each test."""
    with closing(VirtualLoop(0)) as virtual:
        yield virtual


def network(rates=QUIET):
    """A network whose calls end within two seconds."""
    return Network(random.Random(1), rates, LONGEST)


def memory_sink():
    """A container and a sink into it."""
    container = MemoryContainer()
    return container, MemorySink(container, MemorySinkSettings(container="c"))


def memory_sources():
    """A source without marks and one with them."""
    settings = MemorySourceSettings(table="t")
    return [kind(MemoryTable(), settings) for kind in (MemorySource, MarkedMemorySource)]


@pytest.mark.parametrize("ability", ABILITIES)
def test_a_decorated_system_has_the_same_abilities(ability):
    """Isinstance answers for the decorator as it does for what is inside."""
    for source in memory_sources():
        assert isinstance(faulty_source(source, network()), ability) == isinstance(source, ability)
    _, sink = memory_sink()
    assert isinstance(faulty_sink(sink, network()), ability) == isinstance(sink, ability)


@pytest.mark.parametrize(
    ("rates", "settled", "takes_effect"),
    [
        (Rates(refused=1.0), True, False),
        (Rates(lost=1.0), False, False),
        (Rates(late=1.0), False, True),
        (Rates(reset=1.0), False, True),
    ],
    ids=["refused", "lost", "late", "reset"],
)
def test_a_failed_call_says_what_is_known_of_it(loop, rates, settled, takes_effect):
    """A refused call did nothing; any other may have had its effect, at the latest within its bound."""
    landed = []

    async def effect():
        landed.append(loop.time())

    async def main():
        began = loop.time()
        with pytest.raises(TransientError) as raised:
            await network(rates).send(effect)
        await asyncio.sleep(2 * LONGEST)
        return raised.value.settled, [moment - began < LONGEST for moment in landed]

    assert loop.run_until_complete(main()) == (settled, [True] if takes_effect else [])


def test_a_slow_call_outlives_its_caller(loop):
    """A call that its caller gave up still takes effect within its bound."""
    landed = []

    async def effect():
        landed.append(loop.time())

    async def main():
        began = loop.time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await network(Rates(slow=1.0)).send(effect)
        await asyncio.sleep(LONGEST)
        return [moment - began < LONGEST for moment in landed]

    assert loop.run_until_complete(main()) == [True]


@pytest.mark.parametrize(("killed_before_send", "expected"), [(0.0, [1]), (1.0, [])])
def test_a_killed_process_leaves_its_calls_to_the_network(loop, killed_before_send, expected):
    """What was sent before the kill lands; what was not, does not."""
    landed = []

    async def effect():
        landed.append(1)

    async def main():
        life = Life("victim")
        net = network(Rates(slow=1.0, killed_before_send=killed_before_send))
        life.run(lambda: loop.create_task(net.send(effect)))
        await asyncio.sleep(0.001)
        life.kill(loop)
        assert net.in_flight == 1
        await asyncio.sleep(2 * LONGEST)
        assert net.in_flight == 0

    loop.run_until_complete(main())
    assert landed == expected


def test_a_partial_failure_names_what_did_not_happen(loop):
    """Of a batch exactly the changes that are not named are there when the call fails."""
    container, sink = memory_sink()
    faulty = faulty_sink(sink, network(Rates(partial=0.5)))

    async def main():
        with pytest.raises(BatchError) as raised:
            await faulty.write([upsert(key_of(number), number) for number in range(20)])
        done = set(container.rows)
        assert done.isdisjoint(raised.value.failures)
        assert len(done) + len(raised.value.failures) == 20

    loop.run_until_complete(main())


def test_a_refused_change_is_refused_alone(loop):
    """The seed may order a change to be refused for good; the others of its batch are written."""
    container, sink = memory_sink()
    faulty = faulty_sink(sink, network(), lambda change: change.key == key_of(1))

    async def main():
        with pytest.raises(BatchError) as raised:
            await faulty.insert([upsert(key_of(number), number) for number in range(3)])
        assert isinstance(raised.value.failures[key_of(1)], ChangeError)
        with pytest.raises(ChangeError):
            await faulty.write_if(upsert(key_of(1), 1), None)

    loop.run_until_complete(main())
    assert set(container.rows) == {key_of(0), key_of(2)}
