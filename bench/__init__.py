"""Speed and memory, always as ratios of one run: the service against a bare loop over the same SDK calls.

Here belong the stage (`stage`: local clouds, a table of 1 KB items, an empty container), the bare loop
(`bare`, a process of its own), the service as a process (`service`), and one file per measurement
(`backfill`, `delta`, `lag`, `memory`, `codec`). Both sides of a ratio run against the same stand-ins, one
after the other and several times, and the medians are compared; CPU seconds an item are printed beside,
because they mean something on a busy machine too.
"""
