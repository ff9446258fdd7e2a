"""Which world a seed is, and the bugs that are planted on purpose into each kind.

They show that the simulator can see: a checker that never fails proves nothing. They reach into the
engine's insides, which nothing else may.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from replicator.testing.items.backfill_bugs import BACKFILL_BUGS
from replicator.testing.items.bugs import ITEM_BUGS
from replicator.testing.items.world import ItemWorld
from replicator.testing.lease_bugs import ITEM_LEASE_BUGS, OBJECT_LEASE_BUGS
from replicator.testing.loop import VirtualLoop
from replicator.testing.messages.bugs import MESSAGE_BUGS
from replicator.testing.messages.world import MessageWorld
from replicator.testing.objects.bugs import OBJECT_BUGS
from replicator.testing.objects.world import ObjectWorld
from replicator.testing.world import Plant, Plants, World


@dataclass(frozen=True)
class Kind:
    """One kind of world, and the bugs that its pipelines can have."""

    name: str
    make: Callable[[int, VirtualLoop, Sequence[Plant]], World]
    bugs: Plants


KINDS = (
    Kind("items", ItemWorld, {**ITEM_BUGS, **BACKFILL_BUGS, **ITEM_LEASE_BUGS}),
    Kind("objects", ObjectWorld, {**OBJECT_BUGS, **OBJECT_LEASE_BUGS}),
    Kind("messages", MessageWorld, MESSAGE_BUGS),
)

BUGS: Plants = {name: plant for kind in KINDS for name, plant in kind.bugs.items()}
"""Every bug by its name; in a world of another kind it does nothing."""


SEEDS_FOR_A_BUG = 500
"""Within so many seeds of its kind every bug has to be caught."""


def seeds_of(kind: Kind, count: int) -> range:
    """The first so many seeds whose world is of this kind."""
    return range(KINDS.index(kind), count * len(KINDS), len(KINDS))


def kind_of(seed: int) -> Kind:
    """The world of a seed: each kind in turn."""
    return KINDS[seed % len(KINDS)]
