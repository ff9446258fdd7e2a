"""The preflight: what of the account and the container would stop, slow or surprise a migration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.cosmos.client import CosmosContainer
from connectors.cosmos.config import CosmosSinkSettings
from connectors.cosmos.errors import RefusedError, translate
from replicator.connector import Finding, Severity
from replicator.model.errors import PermanentError, ReplicatorError, TransientError

_AMPLE_UNITS = 10_000
_UNITS_PER_WRITE = 6  # of 1 KB with little index (learn.microsoft.com/azure/cosmos-db/key-value-store-cost)
_WEAK = frozenset({"Eventual", "ConsistentPrefix"})


def require_sound(container: Mapping[str, Any], settings: CosmosSinkSettings) -> None:
    """Refuse a container whose definition would lose or refuse documents.

    Raises:
        PermanentError: with every reason.
    """
    found = list(_errors(container, settings))
    if found:
        raise PermanentError(
            "; ".join(finding.message for finding in found),
            hint=" ".join(finding.hint for finding in found),
        )


async def probe(container: CosmosContainer, settings: CosmosSinkSettings) -> Sequence[Finding]:
    """Look at the account, the container and the permission to read; nothing is written.

    Whether writing is allowed cannot be found out without writing; the first write tells it.
    """
    try:
        await container.open()
        definition = await container.definition()
        consistency = await container.consistency()
        throughput = await _throughput(container)
    except RefusedError as error:
        return [_finding_of(translate(error.refusal))]
    except ReplicatorError as error:
        return [_finding_of(error)]
    errors = list(_errors(definition, settings))
    remarks = [*_warnings(definition), *_of_cutover(settings)]
    return [*errors, *remarks, *_of_consistency(consistency), *throughput]


def _errors(container: Mapping[str, Any], settings: CosmosSinkSettings) -> Iterator[Finding]:
    yield from _of_partition_key(container.get("partitionKey", {}), settings.partition_key_paths)
    yield from _of_time_to_live(container.get("defaultTtl"), settings.ttl_attribute)
    if container.get("uniqueKeyPolicy", {}).get("uniqueKeys"):
        yield Finding(
            Severity.ERROR,
            "the container has unique keys, which the source does not know and changes could violate",
            "create the container without a unique key policy",
        )


def _of_time_to_live(default_seconds: int | None, attribute: str | None) -> Iterator[Finding]:
    """A default above zero deletes every document; any default gives effect to the documents' own."""
    if default_seconds is not None and default_seconds > 0:
        off = "off" if attribute else "off, or set it to -1"
        yield Finding(
            Severity.ERROR,
            f"the container deletes documents {default_seconds} s after their last write",
            f"switch the container's default time to live {off}",
        )
    elif default_seconds is not None and attribute is not None:
        yield Finding(
            Severity.ERROR,
            "the container's time to live is on: documents would expire while the source has their items",
            "switch the container's default time to live off, and set it to -1 at the cutover",
        )


def _of_cutover(settings: CosmosSinkSettings) -> Iterator[Finding]:
    if settings.ttl_attribute is not None:
        yield Finding(
            Severity.WARNING,
            f"documents carry the time to live that {settings.ttl_attribute} says, and do not expire yet",
            "set the container's default time to live to -1 at the cutover, once the pipeline has stopped "
            "writing",
        )


def _of_partition_key(definition: Mapping[str, Any], wanted: Sequence[str]) -> Iterator[Finding]:
    paths = tuple(definition.get("paths", ()))
    if paths != tuple(wanted):
        yield Finding(
            Severity.ERROR,
            f"the container's partition key is {', '.join(paths) or 'missing'}, not {', '.join(wanted)}",
            f"create a container whose partition key is {', '.join(wanted)}, which is fixed at creation, "
            "or change partition_key_paths",
        )
    elif definition.get("version", 1) < 2:
        yield Finding(
            Severity.ERROR,
            "the container's partition key has version 1, which tells values apart by 101 bytes only",
            "create the container with partition key version 2 (the default of current tools)",
        )


def _warnings(container: Mapping[str, Any]) -> Iterator[Finding]:
    excluded = container.get("indexingPolicy", {}).get("excludedPaths", [])
    if not any(path.get("path") == "/*" for path in excluded):
        yield Finding(
            Severity.WARNING,
            "every property is indexed, which makes each write dearer",
            "exclude /* from the indexing policy while the container is filled, and index what queries "
            "need afterwards",
        )


def _of_consistency(level: str) -> Iterator[Finding]:
    if level in _WEAK:
        yield Finding(
            Severity.WARNING,
            f"reads have {level} consistency, so verification may see documents as they were",
            "use an account with Session consistency or stronger",
        )


async def _throughput(container: CosmosContainer) -> list[Finding]:
    """What limits the rate, where the identity may read it (Entra ID roles of the data plane may not)."""
    try:
        units = await container.throughput()
    except RefusedError as error:
        if error.refusal.status in {401, 403}:
            return []
        raise
    return [] if units is None or units >= _AMPLE_UNITS else [_slow(units)]


def _slow(units: int) -> Finding:
    return Finding(
        Severity.WARNING,
        f"the container has {units} RU/s, about {units // _UNITS_PER_WRITE} writes of 1 KB a second",
        "raise the throughput for the time of the backfill if that is too slow",
    )


def _finding_of(error: ReplicatorError) -> Finding:
    passing = isinstance(error, TransientError)
    return Finding(Severity.ERROR, error.message, error.hint, passing=passing)
