"""Our own stand-in for Azure Cosmos DB for NoSQL, to the REST protocol that azure-cosmos speaks.

Here belongs what the service does at its wire: databases, containers and their physical ranges,
items, hierarchical partition keys, batches, patches, queries, feeds, ETags, limits, charges,
throughput, and faults to order. It holds everything in memory. It never answers wrongly: what it does
not have (range splits, deletes in the change feed, most of SQL) it refuses with a sentence that says so.

    server = CosmosServer()
    await server.start()
    client = CosmosClient(server.endpoint, server.key)

``python -m localcloud.cosmos`` runs it as a process of its own.
"""

from localcloud.cosmos.auth import WELL_KNOWN_KEY
from localcloud.cosmos.faults import Fault
from localcloud.cosmos.server import CosmosServer

__all__ = ["WELL_KNOWN_KEY", "CosmosServer", "Fault"]
