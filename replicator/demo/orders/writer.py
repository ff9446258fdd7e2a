"""The workload: a process of its own that fills the table with boto3 and then keeps it moving.

``python -m replicator.demo.writer --table T --ledger FILE`` loads ``--items`` orders, then writes
``--rate`` times a second until SIGTERM: mostly updates, also new orders and deletes. It tells what it has
done on standard output, one JSON object a line, and keeps what the table has to hold in its ledger.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from threading import Event
from typing import Any

import boto3
from botocore.config import Config

from replicator.demo.canonical import TypedValue, typed
from replicator.demo.ledger import Ledger, LedgerKey, key_of
from replicator.demo.orders import HASH_KEY, RANGE_KEY, Orders

BATCH_ITEMS_MAX = 25
"""Items of one BatchWriteItem (DynamoDB API reference)."""

LOADERS = 3
"""Threads that load; while one waits for the table, another one prepares its items."""

_TELL_SECONDS = 0.5
# Every write sets a whole state, so repeating one of unknown outcome changes nothing.
_PATIENT = Config(
    retries={"mode": "standard", "total_max_attempts": 20},
    read_timeout=20,
    parameter_validation=False,  # a third of the time of loading
    max_pool_connections=LOADERS,
)


class Writer:
    """Writes one table, one write at a time, and notes each in the ledger once it was accepted."""

    def __init__(self, table: str, ledger: Ledger, seed: int) -> None:
        self._client = boto3.client("dynamodb", config=_PATIENT)
        self._table = table
        self._ledger = ledger
        self._orders = Orders(seed)
        self._random = random.Random(seed)  # noqa: S311 - a demonstration wants to be repeatable
        self._keys: list[LedgerKey] = []
        self._told_at = 0.0
        self.done: Counter[str] = Counter()

    def load(self, items: int, stop: Event) -> None:
        """Fill the table."""
        with ThreadPoolExecutor(LOADERS) as loaders:
            while self.done["loaded"] < items and not stop.is_set():
                left = items - self.done["loaded"]
                sizes = [min(BATCH_ITEMS_MAX, max(0, left - BATCH_ITEMS_MAX * at)) for at in range(LOADERS)]
                batches = [[self._orders.make() for _ in range(size)] for size in sizes if size]
                list(loaders.map(self._put_all, batches))
                for order in chain.from_iterable(batches):
                    self._note(order)
                self.done["loaded"] += sum(sizes)
                self.tell()
        self.tell(now=True)

    def work(self, rate: float, stop: Event) -> None:
        """Write so many times a second until told to stop; fewer where the table is slower."""
        due = time.monotonic()
        while not stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + 1 / rate, time.monotonic() - 1.0)
            self._write_one()
            self.tell()
        self.tell(now=True)

    def tell(self, *, now: bool = False) -> None:
        """Say what was done, not too often; what was said is in the ledger."""
        if now or time.monotonic() - self._told_at > _TELL_SECONDS:
            self._told_at = time.monotonic()
            self._ledger.commit()
            sys.stdout.write(json.dumps(self.done) + "\n")
            sys.stdout.flush()

    def _write_one(self) -> None:
        dice = self._random.random()
        if dice < 0.15 or not self._keys:
            self._create()
        elif dice < 0.25:
            self._delete()
        else:
            self._update()

    def _put_all(self, orders: list[dict[str, TypedValue]]) -> None:
        left: list[Any] = [{"PutRequest": {"Item": order}} for order in orders]
        while left:
            answer = self._client.batch_write_item(RequestItems={self._table: left})
            left = answer.get("UnprocessedItems", {}).get(self._table, [])

    def _note(self, order: dict[str, TypedValue]) -> None:
        self._ledger.note(order)
        self._keys.append(key_of(order))

    def _create(self) -> None:
        order = self._orders.make()
        self._client.put_item(TableName=self._table, Item=order)
        self._note(order)
        self.done["created"] += 1

    def _update(self) -> None:
        key = self._random.choice(self._keys)
        news = self._orders.news()
        before = typed(self._ledger.find(key) or "{}")
        self._client.update_item(
            TableName=self._table,
            Key=_key(key),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in news),
            ExpressionAttributeNames={f"#{name}": name for name in news},
            ExpressionAttributeValues={f":{name}": value for name, value in news.items()},
        )
        self._ledger.note(before | news)
        self.done["updated"] += 1

    def _delete(self) -> None:
        index = self._random.randrange(len(self._keys))
        self._keys[index], self._keys[-1] = self._keys[-1], self._keys[index]
        key = self._keys.pop()
        self._client.delete_item(TableName=self._table, Key=_key(key))
        self._ledger.note_delete(key)
        self.done["deleted"] += 1


def _key(key: LedgerKey) -> dict[str, TypedValue]:
    return {HASH_KEY: {"S": key[0]}, RANGE_KEY: {"S": key[1]}}


def main() -> None:
    """Load, then work until SIGTERM or SIGINT; the write under way is finished and noted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--items", type=int, default=30_000)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--seed", type=int, default=2026)
    options = parser.parse_args()
    stop = Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: stop.set())
    ledger = Ledger(options.ledger)
    writer = Writer(options.table, ledger, options.seed)
    writer.load(options.items, stop)
    writer.work(options.rate, stop)
    ledger.close()


if __name__ == "__main__":
    main()
