"""The command line: one file per verb, each a thin layer over ``app`` or over the HTTP interface.

Here belong arguments, output for people and for programs, and exit statuses (``exits``). Results go to
standard output; messages go to standard error, one clear sentence with a hint and never a traceback for
what was foreseen. What is heavy is imported by the verb that needs it: a health check has to be quick.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """The console script ``replicator``."""
    from replicator.cli.program import carry_out

    sys.exit(carry_out(sys.argv[1:]))
