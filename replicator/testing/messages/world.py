from replicator.testing.items.world import ItemWorld as MessageWorld
