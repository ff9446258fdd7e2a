"""Bugs of pipelines of objects."""

OBJECT_BUGS = {}
