"""The preflight: what is found is told with its place, what may pass is waited for."""

import asyncio
from dataclasses import replace

import pytest
import yaml

from connectors.memory import (
    MemoryContainer,
    MemorySink,
    MemorySinkSettings,
    MemorySource,
    MemorySourceSettings,
)
from connectors.memory import connector as memory
from connectors.memory import table as memory_table
from replicator.app import preflight as looking
from replicator.app.preflight import PreflightError, preflight, require_sound
from replicator.config import load
from replicator.connector import Connector, Finding, QueueTraits, Severity
from replicator.model.errors import ConfigError, TransientError


class PlainSink:
    """A sink that can only write; its probe answers what it is given, one answer a look."""

    batch_changes_max = 1

    def __init__(self, answers=()):
        self.answers = answers
        self.closed = False

    async def connect(self):
        """Do nothing."""

    def group(self, key):
        """Each key alone."""
        return key

    async def write(self, changes):
        """Do nothing."""

    async def close(self):
        """Note it."""
        self.closed = True

    async def probe(self):
        """Give or raise the next answer; the last one again and again."""
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            await asyncio.Event().wait()
        return answer


class Examining(MemorySink):
    """A sink that judges records: what it says is the number of them."""

    def __init__(self):
        super().__init__(MemoryContainer(), MemorySinkSettings(container="c"))

    def examine(self, rows):
        """Say how many there are."""
        return [Finding(Severity.WARNING, f"{len(rows)} records")]


class Probed(MemorySink):
    """A sink that can do everything, with a probe."""

    def __init__(self, answers):
        super().__init__(MemoryContainer(), MemorySinkSettings(container="c"))
        self.answers = answers

    probe = PlainSink.probe


def look(tmp_path, open_sink, **source):
    """Settings and connectors of one pipeline from memory into such a sink."""
    connectors = {
        "memory": memory,
        "other": Connector(
            "other", None, None, MemorySinkSettings, lambda _settings, _context: open_sink()
        ),
    }
    path = tmp_path / "replicator.yaml"
    ends = {
        "source": {"connector": "memory", "table": "t"} | source,
        "sink": {"connector": "other", "container": "c"},
    }
    path.write_text(yaml.safe_dump({"pipelines": [{"name": "orders", **ends}]}))
    return load(path, {}, connectors), connectors


async def test_ends_of_different_shapes_are_found(tmp_path):
    """A sink that can only be written to takes messages, and a table is none."""
    sink = PlainSink([()])
    found = await preflight(*look(tmp_path, lambda: sink))
    assert all(sighting.blocks and sighting.side == "sink" for sighting in found)
    said = [sighting.finding.message for sighting in found]
    assert "the source holds items, and the sink takes messages" in said
    assert sink.closed


async def test_a_sample_is_shown_to_the_sink_where_it_is_wanted(tmp_path):
    """Only then are records read, and no more than the bound."""
    crowded = memory_table("crowded")
    for number in range(5000):
        crowded.put((str(number),), {"v": {"N": str(number)}})
    settings, connectors = look(tmp_path, Examining, table="crowded", page_rows_max=400)
    assert await preflight(settings, connectors) == []
    (found,) = await preflight(settings, connectors, sampled=True)
    assert (found.side, found.blocks) == ("sink", False)
    assert found.finding.message == f"{looking.SAMPLE_ROWS_MAX} records"


class Described(MemorySource):
    """A source that says what its queue is like, or why not."""

    def __init__(self, traits):
        super().__init__(memory_table("t"), MemorySourceSettings(table="t"))
        self.traits = traits

    async def describe(self):
        """Say it."""
        if isinstance(self.traits, Exception):
            raise self.traits
        return self.traits


class Comparing(Probed):
    """A sink that says what it is compared with."""

    async def compare(self, traits):
        """Say it."""
        return [Finding(Severity.ERROR, f"{traits.message_bytes_max} bytes", "fewer")]


async def test_both_ends_are_compared_where_they_can_be(tmp_path):
    """The sink is told of the source's queue; where either cannot, the probes are what there is."""
    told = []
    for traits in (QueueTraits(message_bytes_max=7), TransientError("away")):
        settings, connectors = look(tmp_path, lambda: Comparing([()]))
        opening = replace(memory, open_source=lambda _s, _c, traits=traits: Described(traits))
        told.append(await preflight(settings, connectors | {"memory": opening}))
    ((found,), nothing) = told
    assert (found.side, found.blocks, found.finding.message) == ("sink", True, "7 bytes")
    assert nothing == []
    assert await preflight(*look(tmp_path, lambda: Comparing([()]))) == []


async def test_a_sample_that_cannot_be_read_is_left_to_the_probes(tmp_path):
    """What is wrong with an end is told once, by the look at that end."""

    def refuse():
        raise ConfigError(["the key file is missing"], hint="write it")

    (found,) = await preflight(*look(tmp_path, refuse), sampled=True)
    assert found.finding.message == "the key file is missing"
    assert await preflight(*look(tmp_path, lambda: Probed([()])), sampled=True) == []


async def test_an_end_that_cannot_be_opened_is_a_finding(tmp_path):
    """What opening complains of is told like everything else."""

    def refuse():
        raise ConfigError(["the key file is missing"], hint="write it")

    (found,) = await preflight(*look(tmp_path, refuse))
    assert (found.blocks, found.finding.message, found.finding.hint) == (
        True,
        "the key file is missing",
        "write it",
    )


async def test_a_probe_that_does_not_end_is_a_finding(tmp_path, monkeypatch):
    """Looking has a bound."""
    monkeypatch.setattr(looking, "PROBE_SECONDS_MAX", 0.01)
    (found,) = await preflight(*look(tmp_path, lambda: Probed([None])))
    assert found.finding.passing
    assert "has not answered" in found.finding.message


async def test_what_may_pass_is_waited_for(tmp_path, monkeypatch):
    """An unreachable end is looked at again; what is left when it answers is returned."""
    monkeypatch.setattr(looking, "LOOK_AGAIN_SECONDS", 0.01)
    warning = Finding(Severity.WARNING, "slow")
    sink = Probed([TransientError("unreachable"), TransientError("unreachable"), [warning]])
    found = await require_sound(*look(tmp_path, lambda: sink), wait_seconds=10)
    assert [sighting.finding for sighting in found] == [warning]


async def test_what_does_not_pass_is_not_waited_for(tmp_path):
    """One finding that stays is enough to stop at once, whatever else may pass."""
    findings = [Finding(Severity.ERROR, "missing", "create it"), Finding(Severity.ERROR, "x", passing=True)]
    with pytest.raises(PreflightError) as refused:
        await require_sound(*look(tmp_path, lambda: Probed([findings])), wait_seconds=60)
    assert refused.value.problems[0] == "orders, sink: missing\n  hint: create it"
