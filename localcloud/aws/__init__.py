"""A proxy on loopback before the AWS stand-in (ministack), which adds what that one hides.

Everything passes through unchanged except where a rule of this room shapes it: streams with several shards
and a lineage, time to live with its REMOVE records, S3's events and standard queues as unruly as they may
be, what ministack leaves out of S3, and faults on request. State of AWS lives in ministack; this room keeps
only the shape. `/_local/…` scripts it (`control`); `remote.AwsControl` does so from Python.

What does not belong here: storing items, objects or messages, and what a program could not see over HTTP.
"""

from localcloud.aws.remote import AwsControl

__all__ = ["AwsControl"]
