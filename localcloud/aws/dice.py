"""Chance that is the same again for the same seed."""

from random import Random

__all__ = ["dice"]


def dice(*seed: object) -> Random:
    """Return a source of chance for a seed of several parts."""
    return Random("/".join(map(str, seed)))  # noqa: S311 - it decides what befalls a message, no secret
