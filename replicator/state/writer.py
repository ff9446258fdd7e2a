"""Group commit: one thread writes, and calls made at the same time share one transaction."""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from replicator.model.errors import StateError
from replicator.state.failures import state_error

GROUP_CALLS_MAX = 256
"""The most calls in one transaction: a bound on how long the first of them waits."""

Result = TypeVar("Result")
Operation = Callable[[sqlite3.Connection], Result]
_Call = tuple[Operation[Any], "Future[Any]"]


class Writer:
    """Owns the writing connection. What is submitted while a commit runs shares the next commit."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="state-writer", daemon=True)
        self._thread.start()

    def submit(self, operation: Operation[Result]) -> Future[Result]:
        """Run the operation in the next transaction; the future resolves after its commit.

        An operation that raises is undone alone, and the others of its transaction stand.

        Raises:
            StateError: the store is closed.
        """
        future: Future[Result] = Future()
        with self._closing:
            if self._closed:
                raise StateError(f"the state file {self._path} is closed")
            self._calls.put((operation, future))
        return future

    def close(self) -> None:
        """Finish what was submitted, then close the connection. May be called more than once."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._calls.put(None)
        self._thread.join()

    def _run(self) -> None:
        open_ = True
        while open_:
            group, open_ = self._next_group()
            if group:
                self._commit(group)
        self._connection.close()

    def _next_group(self) -> tuple[list[_Call], bool]:
        group: list[_Call] = []
        call = self._calls.get()
        while call is not None:
            if call[1].set_running_or_notify_cancel():
                group.append(call)
            if len(group) == GROUP_CALLS_MAX:
                return group, True
            try:
                call = self._calls.get_nowait()
            except queue.Empty:
                return group, True
        return group, False

    def _commit(self, group: list[_Call]) -> None:
        outcomes: list[tuple[Future[Any], Any]] = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for operation, future in group:
                outcomes.append((future, self._attempt(operation)))
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            outcomes = [(future, state_error(self._path, error)) for _, future in group]
        for future, outcome in outcomes:
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    def _attempt(self, operation: Operation[Any]) -> Any:
        """The operation's result, or, as a value, the error it was undone for."""
        self._connection.execute("SAVEPOINT call")
        try:
            result = operation(self._connection)
        except Exception as error:
            if not self._connection.in_transaction:  # SQLite gave the whole transaction up
                raise
            self._connection.execute("ROLLBACK TO call")
            result = state_error(self._path, error) if isinstance(error, sqlite3.Error) else error
        self._connection.execute("RELEASE call")
        return result

    def _roll_back(self) -> None:
        # Where even this fails, every later BEGIN fails too, and says so to its caller.
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
