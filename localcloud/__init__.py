"""Both clouds on loopback, as real servers that the real SDKs talk to over sockets.

Here belong the stand-ins (`aws`, a shaping proxy before ministack; `cosmos` and `servicebus`, our own;
Azurite, pinned in `package.json`, and `storage`, faults before it), and what starts, stops, kills and
restarts them as processes (`cloud`, `processes`). They are the default of the demo, the base of the tests,
and a thing that users keep for rehearsals.

A stand-in is honest: where the real service has a limit, a delay or an error, it has one too, and where the
real service is better than the stand-in, its docstring says so. What does not belong here: anything of the
service itself. The local clouds know nothing of Replicator, so that any program may be pointed at them.
"""

from localcloud.cloud import LocalClouds

__all__ = ["LocalClouds"]
