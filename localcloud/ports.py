"""Free ports on loopback."""

import random
import socket

__all__ = ["free_port"]

# Below the range from which the kernel takes the ports of outgoing connections (Linux: 32768 and up), so
# that a server that was killed finds its port free when it is started again.
_PORTS = range(15_000, 31_000)
_TRIES_MAX = 100


def free_port() -> int:
    """Return a port on which nothing listens now; another program may still be faster to take it."""
    for port in random.sample(_PORTS, _TRIES_MAX):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port among {_TRIES_MAX} tried")
