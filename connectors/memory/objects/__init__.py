"""Objects in memory: a bucket that tells of its changes, a store to upload to, and the ends over them.

Both systems keep objects in the order of their names (``shelf``). The ``bucket`` puts an event for every
change into a queue; the ``store`` takes bodies in blocks that nobody sees until they are committed. The
ends are ``source`` and ``sink``.
"""
