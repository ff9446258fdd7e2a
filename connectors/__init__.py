"""Connectors: each package here speaks to one system, and offers a source, a sink, or both.

Here belongs everything that knows a vendor: settings, calls, forms of records, and the meaning of errors.
A connector sees the model, the interfaces and the telemetry; it never sees the engine or another
connector. It has no retries, no metrics and no fault handling of its own: those are the engine's.
Every package exposes ``connector``, which the entry-point group ``replicator.connectors`` names, so a
third party's package adds one without a change here.
"""
