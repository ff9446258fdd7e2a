"""Objects: copied by their state, not by their events (design 4.3).

Here belongs what makes a pipeline of objects: the dirty rows, the copying of one key, the reconciling list,
the comparison of bodies. Lanes, backfill, checkpoint and proof are the engine's, and are shared.
"""

from replicator.engine.objects.pipeline import ObjectPipeline

__all__ = ["ObjectPipeline"]
