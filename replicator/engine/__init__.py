"""The engine: everything that decides whether the copy is right.

Read ``pipeline`` first; it is the whole path on one page. Then, along the path of a change: ``lanes``
and ``delivery`` (what is written when, and what happens when it fails), ``operations`` (what one write
does), ``tracker`` and ``keeper`` (what has become durable, and how that is remembered), ``backfill`` and
``sweep`` (what was there before), ``proof`` (what has provably been read), ``lag`` and ``gate`` (what may
be concluded), ``verify`` (whether it is true).

Nothing here knows a vendor, a file or a socket. Deciding is pure (``lanes``, ``tracker``, ``lag``,
``gate``, ``retry``); acting is thin.
"""
