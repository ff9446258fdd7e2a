"""Bugs of conditional writes, each another restore than the right one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from replicator.connector import Reads
from replicator.engine.restore import Looked, Restore
from replicator.model.change import Change, Row
from replicator.model.errors import ReplicatorError
from replicator.model.key import Key


@dataclass(frozen=True)
class _WithoutSecondLook(Restore):
    landed: set[Key] = field(default_factory=set)

    async def perform(self, changes: Sequence[Change]) -> None:
        self.landed.clear()
        await super().perform(changes)

    async def _look(self, changes: Mapping[Key, Change]) -> dict[Key, Change]:
        again = await super()._look(changes)
        return {key: change for key, change in again.items() if key not in self.landed}

    async def _write(self, wanted: Sequence[Looked]) -> tuple[set[Key], dict[Key, ReplicatorError]]:
        landed, failures = await super()._write(wanted)
        self.landed.update(landed)
        return landed, failures


class _Wrapped:
    """An end that is another one in all but what is overridden."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _DeletesBlindly(_Wrapped):
    async def write_if(self, change: Change, etag: str | None) -> bool:
        if change.record is not None or etag is None:
            return bool(await self._inner.write_if(change, etag))
        await self._inner.write([change])
        return True


class _Remembered(_Wrapped):
    """A source that answers with what it was asked before."""

    def __init__(self, inner: Reads) -> None:
        super().__init__(inner)
        self.rows: dict[Key, Row] = {}

    async def fetch(self, keys: Sequence[Key]) -> Mapping[Key, Row]:
        return {key: self.rows[key] for key in keys if key in self.rows}


class _AsksTheSourceFirst(_Wrapped):
    def __init__(self, inner: Any, source: _Remembered) -> None:
        super().__init__(inner)
        self._source = source

    async def fetch(self, keys: Sequence[Key]) -> Mapping[Key, Row]:
        rows: Mapping[Key, Row] = await self._source._inner.fetch(keys)  # noqa: SLF001 - the bug sits inside
        for key in keys:
            self._source.rows.pop(key, None)
        self._source.rows.update(rows)
        found: Mapping[Key, Row] = await self._inner.fetch(keys)
        return found


def no_second_read_after_a_conditional_create(restore: Restore) -> Restore:
    """A record that was created counts as right, although absence has no ETag."""
    return _WithoutSecondLook(restore.source, restore.sink)


def extra_key_deleted_without_if_match(restore: Restore) -> Restore:
    """What the source does not have is deleted, whatever the sink has by then."""
    sink: Any = _DeletesBlindly(restore.sink)
    return replace(restore, sink=sink)


def source_read_before_the_etag(restore: Restore) -> Restore:
    """The source is read first, and then the ETag on which its record is written."""
    source = _Remembered(restore.source)
    sink: Any = _AsksTheSourceFirst(restore.sink, source)
    return replace(restore, source=source, sink=sink)


REPAIR_BUGS: Mapping[str, Callable[[Restore], Restore]] = {
    bug.__name__: bug
    for bug in (
        no_second_read_after_a_conditional_create,
        extra_key_deleted_without_if_match,
        source_read_before_the_etag,
    )
}
"""Every one of these bugs by its name."""
