"""What ends have that hold objects: things with a body, which is streamed and never held whole."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from replicator.model.change import Row
from replicator.model.key import Key
from replicator.model.record import Object


class Body(Protocol):
    """An object as it is read: what it is, and its bytes."""

    @property
    def record(self) -> Object:
        """The object, complete but for checksums that its service does not give."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes of this one version, in order, once, in chunks of at most ``CHUNK_BYTES_MAX``.

        Raises:
            TransientError: settled; ``changed`` where the object was replaced meanwhile, or the reason why
                it cannot be read on.
            ChangeError: the bytes are not those that the service's own checksum vouches for.
        """


CHUNK_BYTES_MAX = 1024 * 1024

ATTEMPT_BYTES = 14
"""Of what tells one attempt to upload a body from all others."""


def block_id(attempt: bytes, number: int) -> str:
    """The id under which an attempt stages its block of this number, from 0 to 2**32 - 1.

    A block that is not committed outlives the attempt that sent it, a late one replaces a staged one of its
    id, and a commit takes the newest of each id. So ids hold ``attempt``, ``ATTEMPT_BYTES`` that no other
    attempt has. All ids of a blob are of one length, of 64 bytes at most before they are Base64.
    Source: Azure Blob Storage REST reference, Put Block, Put Block List.
    """
    return base64.b64encode(attempt + number.to_bytes(4)).decode()


@runtime_checkable
class Downloads(Protocol):
    """A source of objects."""

    def download(self, key: Key) -> AbstractAsyncContextManager[Body | None]:
        """Open the object as it is now, strongly consistently; None where there is none.

        Entering makes the call; leaving releases the connection, whether or not the body was read.

        Raises:
            ChangeError: the object cannot be carried, such as one whose metadata cannot be read.
            TransientError, PermanentError: as named.
        """


@runtime_checkable
class Uploads(Protocol):
    """A sink of objects."""

    async def upload(self, key: Key, body: Body, etag: str | None) -> bool:
        """Make this the object of the key; only over this ETag, or, with None, only where there is none.

        Nothing is to be seen of it before it is whole, and attempts for one key never mix. Where the
        body is not what its record's checksums say, nothing becomes visible. Memory does not grow with
        the object. The end of ``body.chunks()`` is reached right before the call that makes it visible, and
        what it raises then prevents that call. Returns False, having changed nothing, where the condition
        does not hold.

        Raises:
            ChangeError: the sink cannot hold this object.
            TransientError, PermanentError: as named; what ``body`` raises comes through.
        """


@runtime_checkable
class Removes(Protocol):
    """A sink from which records can be removed on condition."""

    async def remove(self, key: Key, etag: str) -> bool:
        """Delete the record if it still has this ETag.

        Returns False, having changed nothing, where it has another; True where nothing is there.
        """


@runtime_checkable
class Checks(Protocol):
    """A system of objects that can compute checksums from the bytes that it holds."""

    async def check(self, key: Key, algorithms: Collection[str]) -> Row | None:
        """The object with these checksums, each computed now from its bytes; None where there is none.

        Raises:
            TransientError: settled; ``changed`` where the object was replaced meanwhile.
        """
