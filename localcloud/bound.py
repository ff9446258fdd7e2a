"""`bound.py PARENT_PID COMMAND…`: becomes a command that ends when its parent ends, however that ends.

A script of its own rather than a function run between fork and exec, which is unsafe where the parent has
threads. The order to the kernel is kept over exec; it exists on Linux only, elsewhere nothing is ordered.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Bind this process to its parent, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit("the parent is gone")
    os.execvp(command[0], command)  # noqa: S606 - the command is ours, and no shell is wanted


if __name__ == "__main__":
    main()
