"""Stores: what keeps the durable notes of a service over a crash.

Here belong the implementations of ``replicator.stores.Store`` and nothing else: no decision about what
is noted, or when, is made in this room. ``SqliteStore`` is the embedded default, for the processes
of one host.
"""

from replicator.state.sqlite import SqliteStore

__all__ = ["SqliteStore"]
