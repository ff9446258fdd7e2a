"""Replicator: moves the state of serverless workloads from AWS to Azure while the business runs.

The rooms, from the ground up; a room imports only rooms on lower floors, and a check holds it to that:

- floor 0, ``model``: the nouns. Change, record, key, position, checkpoint, errors, clock.
- floor 1, ``connector`` and ``stores``: what a connector and a store promise.
- floor 2, ``config``, ``state``, ``telemetry``: settings, durable notes, logs and metrics.
- floor 3, ``engine``: the pipeline and everything that decides correctness; ``connectors`` beside it.
- floor 4, ``api``: the HTTP face. Floor 5, ``app``: wiring. Floor 6, ``cli``: the commands.
- ``testing``: simulator, faults and ledgers; production never imports it.
"""

__version__ = "0.1.0"
