"""Bugs planted on purpose, each a small patch onto one pipeline before it runs."""

from __future__ import annotations

from replicator.testing.world import Plant

BUGS: dict[str, Plant] = {}
"""Every bug by its name."""
