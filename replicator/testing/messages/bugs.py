"""Bugs of pipelines of messages."""

MESSAGE_BUGS = {}
