"""Ports on loopback, each for one owner."""

import random
import socket
import sys
from types import TracebackType
from typing import Self

__all__ = ["Port"]

# Below the range from which the kernel takes the ports of outgoing connections (Linux: 32768 and up), so
# that a server that was killed finds its port free when it is started again.
_PORTS = range(15_000, 31_000)
_TRIES_MAX = 100


class Port:
    """A port on which nothing listens, reserved among local clouds of a machine until it is closed.

    The reservation is an abstract socket that carries the port's number: it goes with the process, leaves
    no file, and does not take the port itself. Linux has these; elsewhere a port may be drawn twice.

    Raises:
        OSError: no free port was found.
    """

    def __init__(self) -> None:
        for number in random.sample(_PORTS, _TRIES_MAX):
            self._reservation = socket.socket(socket.AF_UNIX)
            try:
                if sys.platform == "linux":
                    self._reservation.bind(f"\0localcloud-port-{number}")
                _check_unused(number)
            except OSError:
                self._reservation.close()
                continue
            self.number = number
            return
        raise OSError(f"no free port among {_TRIES_MAX} tried")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the port back."""
        self._reservation.close()


def _check_unused(number: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", number))
