"""Messages: moved in their order, each deleted at the source only after the sink has it (design 4.4).

Here belongs what makes a pipeline of messages: the mover, which sends and repeats, the stopped groups, and
the watch over a queue that is held. There is no backfill and no checkpoint of positions: what was not
deleted at the source is delivered again.
"""

from replicator.engine.messages.pipeline import MessagePipeline

__all__ = ["MessagePipeline"]
