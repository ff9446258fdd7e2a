"""A process that plays a part in the demonstration."""

from __future__ import annotations

from localcloud.processes import Server

_WORDS_CHARACTERS = 1500


class Actor:
    """A process with a log, started and stopped; it may be killed and started again.

    Attributes:
        name: what it is called.
        log: where it writes.
        started: whether it is meant to run.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self.name, self.log = server.name, server.log
        self.started = False

    async def start(self) -> None:
        """Start it and return when it is there.

        Raises:
            StartError: it did not come up; the message holds the end of its log.
        """
        await self._server.start()
        self.started = True

    async def kill(self) -> None:
        """Kill -9."""
        self.started = False
        await self._server.kill()

    async def stop(self) -> None:
        """Ask it to end, and wait for that."""
        self.started = False
        await self._server.stop()

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._server.pid

    @property
    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-_WORDS_CHARACTERS:]
