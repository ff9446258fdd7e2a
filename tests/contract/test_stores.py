"""Every store keeps the promises of ``replicator.stores``."""

from pathlib import Path

import pytest

from replicator.state import SqliteStore
from replicator.testing.store_contract import CHECKS, Check


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_sqlite(check: Check, tmp_path: Path):
    """The embedded store keeps this promise."""
    await check(lambda: SqliteStore.open(tmp_path / "state.db"))
