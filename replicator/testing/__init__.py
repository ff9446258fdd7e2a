"""The testing room: what finds out whether the promises hold. Production never imports it.

- ``loop``: a deterministic asyncio loop with virtual time, and processes on it that can be killed.
- ``network``, ``faults``: what a seed may do to a call, put around a source, a sink and a store.
- ``disk``, ``desk``: a store in memory whose content outlives the process that wrote it.
- ``history``: the states of keys, and which of them a sink has shown; the ground of the ledgers.
- ``items``, ``objects``, ``messages``: for each shape of state its worlds: what a seed decides, what users
  do, what really happened (noted without the engine) and the checks against it, and bugs to be planted.
- ``plan``, ``commands``, ``queues``: what these have in common: a course, an operator, a watched queue.
- ``world``, ``simulator``: all of that together, in which the unmodified engine keeps its promises or not.
- ``bugs``, ``planting``: faults planted into the engine on purpose; the simulator has to find each.
- ``source_contract``, ``sink_contract``, ``store_contract``: what any connector and store is held to.
"""
