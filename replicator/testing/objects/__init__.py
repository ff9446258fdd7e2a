"""Worlds of objects: a bucket that tells badly of its changes, a store that has to become equal to it.

- ``plan``, ``workload``: what a seed decides; what users do, and another writer of the sink.
- ``systems``: the bucket's events, the store and the notes on disk, each watched by the ledger.
- ``ledger``: what really happened, noted without the engine, and the checks against it.
- ``faults``: what may happen to downloads, uploads and removals on their way.
- ``world``: all of that together. ``bugs``: what is planted into pipelines of objects.
"""
