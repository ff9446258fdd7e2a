"""Worlds of messages: a queue that is emptied onto a bus, in order where it has groups.

- ``plan``, ``workload``: what a seed decides, and what senders do.
- ``systems``: queue and bus, each watched by the ledger.
- ``ledger``: what really happened, noted without the engine, and the checks against it.
- ``faults``: what may happen to a batch of messages on its way.
- ``operator``: who settles dead letters, in order and out of order.
- ``world``: all of that together. ``bugs``: what is planted into pipelines of messages.
"""
