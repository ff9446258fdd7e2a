"""State over a restart: a journal of every change, written anew at each start and when it has grown.

A record is an AMQP list behind its length. What is not yet whole at the end, because the process was killed
while it wrote, is ignored: it was never answered. Written is to the operating system, not through to the
disk: a killed process loses nothing that it answered, a machine that loses its power may.
"""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from localcloud.servicebus.amqp.decoding import DecodeError, decode
from localcloud.servicebus.amqp.encoding import encode
from localcloud.servicebus.broker.message import Message, State
from localcloud.servicebus.broker.namespace import Namespace
from localcloud.servicebus.broker.queue import Queue
from localcloud.servicebus.broker.settings import QueueSettings

__all__ = ["FileJournal"]

_LENGTH = struct.Struct(">I")
# The journal is written anew when it has grown to this many times what is there, and is not small.
_GROWTH = 4
_REWRITE_BYTES_MIN = 64 * 1024 * 1024
# All of `Message` but its lock, in this order.
_FIELDS = (
    "payload",
    "size_bytes",
    "message_id",
    "session_id",
    "partition_key",
    "durable",
    "priority",
    "ttl_ms",
    "scheduled_ms",
    "number",
    "first_number",
    "enqueued_ms",
    "expires_ms",
    "deliveries",
)


class FileJournal:
    """Keeps a namespace in a directory.

    Args:
        directory: made where it is missing.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / "servicebus.journal"
        self._unwritten: list[bytes] = []
        self._namespace: Namespace | None = None
        self._bytes = self._bytes_max = 0

    def queue_set(self, name: str, settings: QueueSettings) -> None:
        """A queue is set to this, new or changed."""
        self._note(["queue", name, settings.model_dump_json()])

    def queue_deleted(self, name: str) -> None:
        """A queue is gone."""
        self._note(["deleted", name])

    def kept(self, path: str, message: Message) -> None:
        """A message is there, new or changed."""
        values = [getattr(message, name) for name in _FIELDS]
        more = [list(message.application), message.annotations, int(message.state)]
        self._note(["kept", path, *values, *more])

    def removed(self, path: str, number: int) -> None:
        """The message of that number is gone."""
        self._note(["removed", path, number])

    def session_set(self, path: str, session_id: str, state: bytes | None, updated_ms: int) -> None:
        """A session's state is this."""
        self._note(["session", path, session_id, state, updated_ms])

    def seen(self, path: str, message_id: str, at_ms: int) -> None:
        """Duplicate detection has taken this id."""
        self._note(["seen", path, message_id, at_ms])

    def write(self) -> None:
        """Hand to the operating system what was noted since the last time."""
        if self._unwritten:
            notes = self._take()
            with self._path.open("ab") as file:
                file.write(notes)
            self._bytes += len(notes)
            if self._bytes > self._bytes_max:
                self._rewrite()

    def open(self, namespace: Namespace) -> None:
        """Put back what was kept.

        Raises:
            DecodeError: the file is not a journal.
        """
        _Replay(namespace).run(_records(self._path))
        self._namespace = namespace
        self._rewrite()

    def _take(self) -> bytes:
        notes, self._unwritten = self._unwritten, []
        return b"".join(notes)

    def _rewrite(self) -> None:
        """Write the journal anew, without what has come and gone."""
        self._unwritten = []
        for queue in self._namespace or ():
            self._snapshot(queue)
        notes = self._take()
        unfinished = self._path.with_suffix(".unfinished")
        unfinished.write_bytes(notes)
        unfinished.replace(self._path)
        self._bytes, self._bytes_max = len(notes), max(_GROWTH * len(notes), _REWRITE_BYTES_MIN)

    def _snapshot(self, queue: Queue) -> None:
        if queue.dead_letters is not None:
            self.queue_set(queue.path, queue.settings)
        for message_id, at_ms in queue.duplicates.items():
            self.seen(queue.path, message_id, at_ms)
        for session in queue.shelf.sessions:
            if session.state is not None:
                self.session_set(queue.path, session.id, session.state, session.state_ms)
        self._note(["last", queue.path, queue.shelf.store.last])
        for message in queue.shelf.store:
            self.kept(queue.path, message)
        if queue.dead_letters is not None:
            self._snapshot(queue.dead_letters)

    def _note(self, record: list[Any]) -> None:
        encoded = encode(record)
        self._unwritten.append(_LENGTH.pack(len(encoded)) + encoded)


class _Replay:
    """Reads a journal into a namespace.

    Messages are put back at the end, each once, in the order of their numbers, as a queue wants them.
    """

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._messages: dict[str, dict[int, list[Any]]] = {}
        self._states: dict[tuple[str, str], tuple[bytes | None, int]] = {}
        self._seen: list[tuple[str, str, int]] = []
        # The highest number that a message had, so that none comes twice.
        self._last: dict[str, int] = {}

    def run(self, records: Iterator[list[Any]]) -> None:
        """Read it all."""
        for kind, path, *rest in records:
            self._read(kind, path, rest)
        for path, by_number in self._messages.items():
            shelf = self._namespace.queue(path).shelf
            for number in sorted(by_number):
                shelf.restore(_message_of(by_number[number]))
        for path, number in self._last.items():
            self._namespace.queue(path).shelf.store.last = number
        for (path, session_id), (state, updated_ms) in self._states.items():
            session = self._namespace.queue(path).shelf.sessions.of(session_id)
            session.state, session.state_ms = state, updated_ms
            self._namespace.queue(path).shelf.sessions.tidy(session)
        for path, message_id, at_ms in self._seen:
            self._namespace.queue(path).duplicates.restore(message_id, at_ms)

    def _read(self, kind: str, path: str, rest: list[Any]) -> None:
        match kind:
            case "queue":
                self._read_queue(path, QueueSettings.model_validate_json(rest[0]))
            case "deleted":
                self._forget(path)
            case "kept":
                number = rest[_FIELDS.index("number")]
                self._messages.setdefault(path, {})[number] = rest
                self._last[path] = max(self._last.get(path, 0), number)
            case "last":
                self._last[path] = max(self._last.get(path, 0), rest[0])
            case "removed":
                self._messages.get(path, {}).pop(rest[0], None)
            case "session":
                self._states[path, rest[0]] = rest[1], rest[2]
            case "seen":
                self._seen.append((path, rest[0], rest[1]))

    def _read_queue(self, name: str, settings: QueueSettings) -> None:
        known = any(queue.path.lower() == name.lower() for queue in self._namespace)
        change: Callable[[str, QueueSettings], Queue]
        change = self._namespace.update if known else self._namespace.create
        change(name, settings)

    def _forget(self, name: str) -> None:
        dead = self._namespace.delete(name).dead_letters
        paths = {name, dead.path if dead else name}
        self._messages = {path: kept for path, kept in self._messages.items() if path not in paths}
        self._states = {key: kept for key, kept in self._states.items() if key[0] not in paths}
        self._seen = [kept for kept in self._seen if kept[0] not in paths]
        self._last = {path: number for path, number in self._last.items() if path not in paths}


def _message_of(values: list[Any]) -> Message:
    message = Message(**dict(zip(_FIELDS, values, strict=False)))
    (start, end), message.annotations, state = values[len(_FIELDS) :]
    message.application, message.state = (start, end), State(state)
    return message


def _records(path: Path) -> Iterator[list[Any]]:
    data = path.read_bytes() if path.exists() else b""
    at = 0
    while at + _LENGTH.size <= len(data):
        end = at + _LENGTH.size + int(_LENGTH.unpack_from(data, at)[0])
        if end > len(data):
            return
        record, _ = decode(data[at + _LENGTH.size : end])
        if not isinstance(record, list) or len(record) < 2:
            raise DecodeError(f"{path} is no journal at byte {at}")
        yield record
        at = end
