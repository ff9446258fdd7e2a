"""What the sources that read a queue do with their feed: it is there while they are connected."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol, TypeVar

from replicator.model.errors import NotConnectedError, ReplicatorError


class Closes(Protocol):
    """Something that gives back what it holds."""

    async def close(self) -> None:
        """Give it back.

        Raises:
            ReplicatorError: it could not be given back.
        """


Feed = TypeVar("Feed", bound=Closes)


def connected(feed: Feed | None) -> Feed:
    """The feed, where there is one.

    Raises:
        NotConnectedError: there is none.
    """
    if feed is None:
        raise NotConnectedError("the source is not connected")
    return feed


async def end(feed: Closes | None) -> None:
    """Close the feed, if any. Messages that cannot be given back come back when their time is over."""
    if feed is not None:
        with suppress(ReplicatorError):
            await feed.close()
