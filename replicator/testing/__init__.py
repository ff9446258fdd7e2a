"""The testing room: what finds out whether the promises hold. Production never imports it.

- ``loop``: a deterministic asyncio loop with virtual time, and processes on it that can be killed.
- ``faults``: decorators that put faults, chosen by a seed, around a source, a sink and a store.
- ``disk``: a store in memory whose content outlives the process that wrote it.
- ``ledger``: what really happened, noted without the engine, and the checks against it.
- ``simulator``: a world made of all that, in which the unmodified engine has to keep its promises.
- ``bugs``: faults planted into the engine on purpose; the simulator has to find each.
- ``source_contract``, ``sink_contract``, ``store_contract``: what any connector and store is held to.
"""
