"""How a bug is planted: a method of one object is replaced, whatever the object thinks of that."""

from __future__ import annotations


def patch(target: object, **methods: object) -> None:
    """Replace these attributes of the one object."""
    for name, method in methods.items():
        object.__setattr__(target, name, method)
