"""What calls cost in request units, and the budget of a container that has throughput.

Charges follow the documented magnitudes: reading 1 KB costs 1 RU, writing 1 KB without an index 5 RU;
an index and larger items cost more. They are plausible, not exact.
"""

from collections.abc import Callable

from localcloud.cosmos.errors import throttled

_KB = 1024
_INDEXED_FACTOR = 1.24
_REPLACE_FACTOR = 1.6


def read_charge(size_bytes: int) -> float:
    """Return the charge of reading one item."""
    return round(max(1.0, size_bytes / _KB), 2)


def write_charge(size_bytes: int, *, indexed: bool, replaces: bool) -> float:
    """Return the charge of writing one item; a replace also takes the old one out of the index."""
    charge = 5.0 * max(1.0, size_bytes / _KB)
    charge *= _INDEXED_FACTOR if indexed else 1.0
    return round(charge * (_REPLACE_FACTOR if replaces else 1.0), 2)


def query_charge(scanned: int, size_bytes: int) -> float:
    """Return the charge of one page of a query or feed."""
    return round(2.0 + 0.03 * scanned + 0.25 * size_bytes / _KB, 2)


class Budget:
    """A token bucket of request units: one second's worth, filled by the clock.

    A call is let in while anything is left and may overdraw, as at the service; the next ones are
    refused until the debt is paid.

    Args:
        units_per_second: provisioned request units per second; at least 1.
        clock: returns seconds.
    """

    def __init__(self, units_per_second: float, clock: Callable[[], float]) -> None:
        self._rate = units_per_second
        self._clock = clock
        self._units = units_per_second
        self._filled_at = clock()

    @property
    def units_per_second(self) -> float:
        """The provisioned throughput."""
        return self._rate

    def set_rate(self, units_per_second: float) -> None:
        """Change the provisioned throughput, from now on."""
        self._fill()
        self._rate = units_per_second

    def admit(self) -> None:
        """Let a call in.

        Raises:
            RefusedError: 429 with the wait until something is left.
        """
        self._fill()
        if self._units <= 0:
            raise throttled(-self._units / self._rate + 0.001)

    def charge(self, units: float) -> None:
        """Take what a call cost."""
        self._units -= units

    def _fill(self) -> None:
        now = self._clock()
        grown = self._units + (now - self._filled_at) * self._rate
        self._units = min(self._rate, grown)
        self._filled_at = now
