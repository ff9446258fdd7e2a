"""Worlds of items: a table that is written to, a container that has to become equal to it.

- ``plan``, ``workload``: what a seed decides, and what users do.
- ``ledger``: what really happened, noted without the engine, and the checks against it.
- ``world``: all of that together. ``bugs``, ``backfill_bugs``: what is planted into pipelines of items.
"""
